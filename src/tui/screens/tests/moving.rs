//! What keys do about servers that move: one by one, many by one wish, and those of a dead host.

use super::acts::{SIZE, answer, at_cursor, on_server, on_servers, pressed, refusal};
use crate::tui::effect::{Done, Effect};
use crate::tui::event::Event;
use crate::tui::testing::{Lab, NOW, fixture, requests};

#[test]
fn a_server_is_moved_where_it_is_wished_and_its_row_says_how_far_that_is() {
    let id = fixture::id(1, 0);
    let mut lab = on_server("web-01");
    lab.press("m");
    assert!(
        lab.picture().contains("the scheduler chooses"),
        "{}",
        lab.picture()
    );
    // What it will take is told before it begins.
    let picture = lab.picture();
    assert!(picture.contains("To cmp-02: about 11.5 s"), "{picture}");
    assert_eq!(
        pressed(&mut lab, "ctrl-s"),
        [format!("server {id} migrate None")]
    );
    let mut lab = on_server("web-01");
    // It is on the first host, and the fourth is down.
    lab.press(r#"m "cmp-0""#);
    let picture = lab.picture();
    assert!(picture.contains("cmp-02"), "{picture}");
    assert!(!picture.contains("cmp-04"), "{picture}");
    // What the scheduler would say now stands beside each.
    for part in ["cmp-06", "does not take it. Ram: 256 GiB wanted", "cmp-05"] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
    // In its row and below the form, but not to be chosen.
    assert_eq!(picture.matches("cmp-01").count(), 2, "{picture}");
    assert_eq!(
        pressed(&mut lab, r#"ctrl-u "cmp-03" enter ctrl-s"#),
        [format!("server {id} migrate Some(\"cmp-03\")")]
    );
    let mut lab = on_server("shop-db");
    assert!(
        at_cursor(&lab).contains("migrating 61%"),
        "{}",
        lab.picture()
    );
    assert!(pressed(&mut lab, "m").is_empty());
    assert!(lab.state.overlays.is_empty());
}

#[test]
fn what_is_off_is_moved_cold_and_what_runs_beside_it_live() {
    let (off, runs) = (fixture::id(1, 3), fixture::id(1, 0));
    let mut lab = on_server("db-replica");
    lab.press("m");
    let picture = lab.picture();
    assert!(
        picture.contains("It is off, and is moved cold"),
        "{picture}"
    );
    assert!(!picture.contains("Disks"), "{picture}");
    let sent = pressed(&mut lab, r#""cmp-02" enter ctrl-s"#);
    let host = r#"host: Some("cmp-02")"#;
    assert_eq!(
        sent,
        [format!("server {off} Migrate(Some(Migrate {{ {host} }}))")]
    );
    let mut lab = on_servers();
    lab.press(r#"/ "name:/^(db-replica|web-01)$/" enter * m"#);
    let mut sent = pressed(&mut lab, "ctrl-s");
    sent.sort();
    assert_eq!(
        sent,
        [
            format!("server {runs} migrate None"),
            format!("server {off} Migrate(Some(Migrate {{ host: None }}))")
        ]
    );
    // What is no host is a mistake, and no reason to leave it to the scheduler; what is one needs no enter.
    let mut lab = on_server("db-replica");
    for keys in [
        r#"m "xyz" ctrl-s"#,
        r#"ctrl-u "xyz" enter"#,
        r#"ctrl-u "cmp" ctrl-s"#,
    ] {
        assert!(
            pressed(&mut lab, keys).is_empty(),
            "{keys}: {}",
            lab.picture()
        );
        assert!(
            lab.picture().contains("none of them, or several"),
            "{}",
            lab.picture()
        );
    }
    let sent = pressed(&mut lab, r#"ctrl-u "cmp-03" ctrl-s"#);
    assert!(sent[0].contains("cmp-03"), "{sent:?}");
    // One that waits for a decision about its resize is not moved.
    let mut lab = on_server("mail");
    assert!(pressed(&mut lab, "m").is_empty());
    assert!(lab.state.overlays.is_empty());
}

#[test]
fn the_server_of_a_dead_host_is_made_anew_once_its_name_was_typed() {
    let id = fixture::id(1, 3);
    let mut lab = on_server("db-replica");
    assert!(pressed(&mut lab, "E ctrl-s").is_empty());
    let asked = pressed(&mut lab, r#""db-replica" enter"#);
    assert_eq!(
        asked,
        [format!("server {id} Evacuate(Evacuate {{ host: None }})")]
    );
}

#[test]
fn a_move_is_broken_off_or_forced_when_that_was_meant() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press("M");
    let server = fixture::id(1, 14);
    assert!(pressed(&mut lab, "x enter").is_empty());
    assert_eq!(
        pressed(&mut lab, "x tab enter"),
        [format!("migration 40 of {server} abort")]
    );
    assert_eq!(
        pressed(&mut lab, "F tab enter"),
        [format!("migration 40 of {server} force complete")]
    );
    // What is over is not, and those under way stay first however the list is sorted.
    lab.press("G x");
    assert!(lab.state.overlays.is_empty(), "{}", lab.picture());
    lab.press("g > > > > s");
    assert!(at_cursor(&lab).contains("shop-db"), "{}", lab.picture());
    let picture = lab.picture();
    let line = |name: &str| picture.lines().position(|line| line.contains(name));
    assert!(line("◐ preparing") < line("● completed"), "{picture}");
}

#[test]
fn a_host_is_drained_after_its_plan_was_seen() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "hosts" enter w"#);
    let picture = lab.picture();
    for part in [
        "3 servers moved",
        "from cmp-01 to cmp-02",
        "Compute 2: 8192",
    ] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
    assert!(pressed(&mut lab, "enter").is_empty());
    assert!(lab.state.overlays.is_empty());
    let sent = pressed(&mut lab, "w - - + + + tab enter");
    assert_eq!(sent, ["host cmp-01 drain, 4 at once"]);
    lab.press("esc");
    let sent = pressed(&mut lab, "b tab enter");
    assert_eq!(sent, ["host cmp-01 return, 2 at once"]);
    lab.press("esc");
    // What is down has nothing to be moved live.
    lab.press(r#"/ "cmp-04" enter w"#);
    assert!(lab.state.overlays.is_empty());
}

#[test]
fn a_dead_host_is_evacuated_or_fenced_once_its_name_was_typed() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "hosts" enter"#);
    // One that is up is drained.
    for key in ["X", "F"] {
        assert!(pressed(&mut lab, key).is_empty());
        assert!(lab.state.overlays.is_empty(), "{}", lab.picture());
        assert!(lab.picture().contains("drain it"), "{}", lab.picture());
    }
    lab.press(r#"/ "cmp-04" enter"#);
    for (key, act) in [("X", "evacuate"), ("F", "fence")] {
        assert!(pressed(&mut lab, key).is_empty());
        assert!(pressed(&mut lab, "enter").is_empty());
        let sent = pressed(&mut lab, &format!(r#"{key} "cmp-04" enter"#));
        assert_eq!(sent, [format!("host cmp-04 {act}")]);
        lab.press("esc");
    }
}

#[test]
fn a_plan_that_is_refused_stays_and_one_that_is_accepted_leads_to_its_moves() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "hosts" enter / "cmp-03" enter"#);
    let sent = lab.press("w tab enter");
    assert!(pressed(&mut lab, "enter + enter").is_empty());
    let failure = refusal("another operation works on cmp-03", None, "wait for it");
    answer(&mut lab, &sent, vec![Err(failure)]);
    let picture = lab.picture();
    for part in [
        "Drain cmp-03: the plan",
        "Drain cmp-03: another operation works on cmp-03",
        "What to do: wait for it",
    ] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
    let again = lab.press("enter");
    assert_eq!(requests(&again), ["host cmp-03 drain, 2 at once"]);
    let begun = || Done::followed("moves", fixture::id(14, 0), "begun");
    answer(&mut lab, &again, vec![Ok(begun())]);
    let picture = lab.picture();
    for part in ["moves › drain of cmp-03", "2 of 7 moved, 1 moving"] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
    // Whoever closed the plan is left where they are.
    lab.press("esc");
    let sent = lab.press("w tab enter");
    lab.press("esc");
    answer(&mut lab, &sent, vec![Ok(begun())]);
    assert!(
        lab.picture().contains("skydeck :hosts  "),
        "{}",
        lab.picture()
    );
    // From the host it is a key away.
    lab.press("W");
    assert!(
        lab.picture().contains("moves › drain of cmp-03"),
        "{}",
        lab.picture()
    );
}

#[test]
fn a_run_is_paused_aborted_tried_again_and_rolled_back_as_its_state_allows() {
    let id = |number| fixture::id(14, number);
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press("W enter");
    // The server that moves has the cursor, and its numbers are those of its migration.
    assert!(at_cursor(&lab).contains("moving 60%"), "{}", lab.picture());
    assert_eq!(pressed(&mut lab, "p"), [format!("moves {} pause", id(0))]);
    assert!(pressed(&mut lab, "u").is_empty());
    assert!(pressed(&mut lab, "r").is_empty());
    assert!(pressed(&mut lab, "b").is_empty());
    assert!(
        lab.picture().contains("abort it first"),
        "{}",
        lab.picture()
    );
    assert!(pressed(&mut lab, "x enter").is_empty());
    assert_eq!(
        pressed(&mut lab, "x tab enter"),
        [format!("moves {} abort", id(0))]
    );
    lab.press("enter");
    assert!(lab.picture().contains(":migrations"), "{}", lab.picture());
    // From the migration to its run and back to the server.
    lab.press("W");
    assert!(
        lab.picture().contains("moves › drain of cmp-03"),
        "{}",
        lab.picture()
    );
    lab.press("S");
    assert!(
        lab.picture().contains("servers › shop-db"),
        "{}",
        lab.picture()
    );
    // One that is over, with what failed.
    lab.press(r#"W / "what:spread" enter"#);
    assert!(pressed(&mut lab, "p").is_empty());
    let sent = lab.press("r");
    assert_eq!(requests(&sent), [format!("moves {} retry", id(1))]);
    assert_eq!(
        pressed(&mut lab, "b tab enter"),
        [format!("moves {} roll back", id(1))]
    );
    lab.press("enter");
    assert!(
        lab.picture().contains("moves › spread servers"),
        "{}",
        lab.picture()
    );
    let again = lab.press("r");
    // The new run is what is looked at.
    let begun = Ok(Done::made(id(0), "begun anew"));
    answer(&mut lab, &again, vec![begun]);
    assert!(
        lab.picture().contains("moves › drain of cmp-03"),
        "{}",
        lab.picture()
    );
    // A return is not taken back, and what is not known any more is said so.
    lab.press(r#"W / "what:return" enter b"#);
    assert!(lab.state.overlays.is_empty());
    assert!(
        lab.picture().contains("not moved forth again"),
        "{}",
        lab.picture()
    );
}

#[test]
fn news_of_a_move_are_asked_for_once_a_second() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press("M");
    let news = || {
        let news = serde_json::json!({"resource": {"resource": {"type": "migration", "id": fixture::id(12, 0)},
            "change": "updated", "at": NOW.0}});
        Event::Cloud(Box::new(serde_json::from_value(news).unwrap()))
    };
    let loads = |effects: Vec<Effect>| {
        let load = |effect: &Effect| matches!(effect, Effect::Load(load) if load.one.is_some());
        effects.iter().filter(|effect| load(effect)).count()
    };
    assert_eq!(loads(lab.state.on(news())), 1);
    for _ in 0..5 {
        assert_eq!(loads(lab.state.on(news())), 0);
    }
    assert_eq!(loads(lab.state.on(Event::Tick(NOW.plus_seconds(1)))), 1);
    assert_eq!(loads(lab.state.on(Event::Tick(NOW.plus_seconds(2)))), 0);
}
