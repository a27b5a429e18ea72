//! What keys do on the cloud of the fixture: what is asked for at once, what is asked about first, what follows what.

use crate::compute::wire::Server;
use crate::tui::effect::{ConsoleEffect, Done, Effect};
use crate::tui::event::Event;
use crate::tui::failure::Failure;
use crate::tui::start::Options;
use crate::tui::state::activity::Progress;
use crate::tui::testing::{Lab, NOW, fixture, requests};

pub(super) const SIZE: (u16, u16) = (120, 36);

pub(super) fn on_servers() -> Lab {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "servers" enter"#);
    lab
}

/// On the list of servers with the cursor on the one of this name.
pub(super) fn on_server(name: &str) -> Lab {
    let mut lab = on_servers();
    lab.press(&format!(r#"/ "name:/^{name}$/" enter"#));
    lab
}

pub(super) fn pressed(lab: &mut Lab, keys: &str) -> Vec<String> {
    requests(&lab.press(keys))
}

/// The line of the list with the cursor.
pub(super) fn at_cursor(lab: &Lab) -> String {
    let picture = lab.picture();
    let line = picture.lines().find(|line| line.starts_with('▌'));
    line.unwrap_or_default().to_owned()
}

#[test]
fn the_cursor_follows_its_server_when_others_come_and_go() {
    let mut lab = on_servers();
    lab.press("j j j j");
    let before = at_cursor(&lab);
    assert!(before.contains("cache-01"), "{before}");
    let gone = serde_json::json!({"resource": {"resource": {"type": "server", "id": fixture::id(1, 4)},
        "change": "deleted", "at": NOW.0}});
    let gone = serde_json::from_value(gone).unwrap();
    lab.on_event(Event::Cloud(Box::new(gone)));
    assert!(!lab.picture().contains("batch-7     "), "{}", lab.picture());
    assert!(at_cursor(&lab).contains("cache-01"), "{}", lab.picture());
    lab.press("> s");
    assert!(at_cursor(&lab).contains("cache-01"), "{}", lab.picture());
}

#[test]
fn a_menu_has_what_can_be_done_and_no_keys_to_move_by() {
    for view in ["servers", "hosts", "networks", "images"] {
        let mut lab = Lab::busy(SIZE).with_past();
        lab.press(&format!(r#": "{view}" enter a"#));
        let picture = lab.picture();
        assert!(picture.contains("Actions: "), "{picture}");
        assert!(!picture.contains("Go one row up"), "{picture}");
    }
}

#[test]
fn what_can_be_taken_back_runs_at_once() {
    let id = fixture::id(1, 3);
    let mut lab = on_server("db-replica");
    assert_eq!(
        pressed(&mut lab, "p s"),
        [format!("server {id} Start(Nothing)")]
    );
}

#[test]
fn what_disturbs_asks_and_cancel_has_the_keyboard() {
    let id = fixture::id(1, 0);
    let mut lab = on_server("web-01");
    assert!(pressed(&mut lab, "p r enter").is_empty());
    let asked = pressed(&mut lab, "p r tab enter");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with(&format!("server {id} Reboot")),
        "{asked:?}"
    );
}

#[test]
fn what_is_lost_for_good_wants_the_name_or_the_count_typed() {
    let id = fixture::id(1, 0);
    let mut lab = on_server("web-01");
    assert!(pressed(&mut lab, "d enter").is_empty());
    assert!(pressed(&mut lab, r#"d "web-02" tab enter"#).is_empty());
    assert!(
        lab.picture().contains("not what is to be typed"),
        "{}",
        lab.picture()
    );
    lab.press("esc");
    assert_eq!(
        pressed(&mut lab, r#"d "web-01" enter"#),
        [format!("server {id} delete")]
    );
    let mut lab = on_servers();
    lab.press(r#"/ "name:node-03" enter *"#);
    assert!(pressed(&mut lab, r#"d "9" enter"#).is_empty());
    lab.press("esc");
    assert_eq!(pressed(&mut lab, r#"d "10" enter"#).len(), 10);
}

#[test]
fn of_the_marked_those_that_can_are_asked_for_and_the_rest_named() {
    let mut lab = on_servers();
    lab.press(r#"/ "name:/^(db|cache)/" enter *"#);
    // One is stopped; one is locked, one paused, one suspended.
    let started = pressed(&mut lab, "p s");
    assert_eq!(
        started,
        [format!("server {} Start(Nothing)", fixture::id(1, 3))]
    );
}

#[test]
fn the_log_and_the_console_are_a_key_away_from_the_list() {
    let mut lab = on_server("web-01");
    lab.press("l");
    assert!(
        lab.picture().contains("initcall number 59"),
        "{}",
        lab.picture()
    );
    let mut lab = on_server("web-01");
    let effects = lab.press("c");
    let open = ConsoleEffect::Open(fixture::id(1, 0));
    let opened = |effect: &Effect| matches!(effect, Effect::Console(found) if *found == open);
    assert!(effects.iter().any(opened), "{effects:?}");
}

#[test]
fn those_who_may_only_read_have_no_keys_that_change_anything() {
    let reading = Options {
        read_only: true,
        ..Options::default()
    };
    let mut lab = Lab::on(fixture::busy(), SIZE, &reading);
    lab.press(r#": "servers" enter"#);
    for keys in ["n", "d", "p s", "p r", "e", "i", "L", "r b"] {
        assert!(pressed(&mut lab, keys).is_empty());
        assert!(lab.state.overlays.is_empty(), "{keys}");
    }
}

#[test]
fn enter_on_the_way_through_a_form_keeps_what_is_chosen() {
    let mut lab = Lab::busy(SIZE);
    lab.press(r#": "images" enter / "ubuntu" enter b "api" enter enter "small" enter"#);
    lab.press("space tab tab tab ctrl-s");
    let launched = pressed(&mut lab, "enter");
    let image = fixture::id(2, 1);
    assert!(launched[0].contains(&image), "{launched:?}");
}

#[test]
fn what_was_chosen_is_taken_out_again() {
    let mut lab = Lab::busy(SIZE);
    lab.press(r#": "servers" enter n "api" tab "debian" enter "small" enter tab "ada" enter"#);
    assert!(lab.picture().contains("Key pair  ada"), "{}", lab.picture());
    lab.press("shift-tab backspace tab");
    assert!(
        !lab.picture().contains("Key pair  ada"),
        "{}",
        lab.picture()
    );
}

#[test]
fn a_file_that_is_not_there_is_told_before_anything_is_sent() {
    let mut lab = Lab::busy(SIZE);
    lab.press(r#": "images" enter n "/nonexistent/disk.img""#);
    assert!(
        lab.picture().contains("there is no such file"),
        "{}",
        lab.picture()
    );
    assert!(pressed(&mut lab, "ctrl-s").is_empty());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("debian-12.5.img");
    std::fs::write(&file, b"QFI\xfb and so on").unwrap();
    let mut lab = Lab::busy(SIZE);
    lab.press(&format!(r#": "images" enter n "{}""#, file.display()));
    assert!(lab.picture().contains("qcow2, 14 B"), "{}", lab.picture());
    let sent = pressed(&mut lab, "ctrl-s");
    assert!(sent[0].contains("debian-12.5"), "{sent:?}");
}

#[test]
fn what_is_no_public_key_is_told_before_it_is_sent() {
    let mut lab = Lab::busy(SIZE);
    lab.press(r#": "keypairs" enter i "desk" tab "not a key""#);
    assert!(pressed(&mut lab, "ctrl-s").is_empty());
    assert!(
        lab.picture().contains("a type like ssh-ed25519"),
        "{}",
        lab.picture()
    );
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPbqV8fQ2n1aS1t0x2dYk3mI2sYw1Q4b2kq0uV3n5Xo= ada";
    lab.press("ctrl-u");
    lab.on_event(Event::Paste(key.to_owned()));
    assert_eq!(pressed(&mut lab, "ctrl-s").len(), 1, "{}", lab.picture());
}

#[test]
fn of_a_quota_what_was_changed_is_sent() {
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "quotas" enter e"#);
    // Down to the routers.
    lab.press(&["tab"; 9].join(" "));
    let asked = pressed(&mut lab, r#"backspace backspace "25" ctrl-s"#);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains("router: Some(25)"), "{asked:?}");
    assert_eq!(asked[0].matches("Some(").count(), 1, "{asked:?}");
}

#[test]
fn a_resize_is_confirmed_or_reverted_when_it_was_meant_and_only_then_offered() {
    let id = fixture::id(1, 9);
    let mut lab = on_server("mail");
    assert!(
        lab.picture().contains("r c confirm resize"),
        "{}",
        lab.picture()
    );
    assert!(pressed(&mut lab, "r c enter").is_empty());
    assert_eq!(
        pressed(&mut lab, "r c tab enter"),
        [format!("server {id} ConfirmResize(Nothing)")]
    );
    assert_eq!(
        pressed(&mut lab, "enter r v tab enter"),
        [format!("server {id} RevertResize(Nothing)")]
    );
    let mut lab = on_server("web-01");
    assert!(
        !lab.picture().contains("confirm resize"),
        "{}",
        lab.picture()
    );
    assert!(pressed(&mut lab, "r c").is_empty());
    assert!(
        lab.picture().contains("no resize waits"),
        "{}",
        lab.picture()
    );
}

#[test]
fn who_does_not_administer_has_no_keys_for_it_nor_words_of_it() {
    let mut lab = Lab::on(fixture::of_member(), SIZE, &Options::default());
    lab.press(r#": "servers" enter / "name:/^web-01$/" enter"#);
    let words = ["migrate", "evacuate", "drains"];
    let silent = |lab: &Lab| {
        let picture = lab.picture();
        for word in words {
            assert!(!picture.contains(word), "{word} in\n{picture}");
        }
    };
    silent(&lab);
    for keys in ["m", "E"] {
        assert!(pressed(&mut lab, keys).is_empty());
        assert!(lab.state.overlays.is_empty(), "{keys}");
        assert!(
            lab.picture().contains("for administrators"),
            "{}",
            lab.picture()
        );
    }
    for keys in ["M", "W"] {
        lab.press(keys);
        assert!(
            lab.picture().contains(":servers"),
            "{keys}: {}",
            lab.picture()
        );
    }
    lab.press("a");
    silent(&lab);
    lab.press("esc ?");
    silent(&lab);
    for typed in ["migrat", "hosts", "moves", "drain"] {
        lab.press(&format!(r#": "{typed}""#));
        silent(&lab);
        for view in ["Go to the hosts", "Go to servers that", "Go to drains"] {
            assert!(!lab.picture().contains(view), "{typed}: {}", lab.picture());
        }
        lab.press("esc");
    }
    // What is their own they change.
    lab.press("esc esc");
    assert_eq!(
        pressed(&mut lab, r#": "servers" enter g L"#).len(),
        1,
        "{}",
        lab.picture()
    );
    lab.press(r#": "flavors" enter"#);
    for keys in ["n", "d"] {
        assert!(pressed(&mut lab, keys).is_empty());
        assert!(lab.state.overlays.is_empty(), "{keys}");
    }
}

#[test]
fn a_host_is_said_to_be_dead_by_its_typed_name_only_and_that_is_taken_back() {
    let id = fixture::id(4, 4);
    let mut lab = Lab::busy(SIZE).with_past();
    lab.press(r#": "services" enter / "host:cmp-04" enter"#);
    assert!(pressed(&mut lab, r#"F "cmp-03" enter"#).is_empty());
    lab.press("esc");
    let said = pressed(&mut lab, r#"F "cmp-04" enter"#);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&id) && said[0].contains("forced_down: Some(true)"),
        "{said:?}"
    );
    // Nobody said so yet, and the bus is no host.
    assert!(pressed(&mut lab, "U").is_empty());
    lab.press(r#"esc / "name:bus" enter F"#);
    assert!(lab.state.overlays.is_empty());
}

#[test]
fn the_cursor_of_the_map_goes_by_cells_and_its_host_is_opened() {
    let mut lab = Lab::on(fixture::many_hosts(500), SIZE, &Options::default());
    lab.press(r#": "hosts" enter H g"#);
    // The first zone has every third host.
    let on = |lab: &Lab, host: &str| {
        assert!(
            lab.picture().contains(&format!(" {host}  ")),
            "{host} in\n{}",
            lab.picture()
        )
    };
    on(&lab, "node-0003");
    lab.press("l");
    on(&lab, "node-0006");
    lab.press("j k h");
    on(&lab, "node-0003");
    // By name, and then the hottest first; the cursor stays on its host.
    lab.press(">");
    on(&lab, "node-0003");
    lab.press("l");
    on(&lab, "node-0004");
    lab.press(">");
    on(&lab, "node-0004");
    lab.press("enter");
    assert!(
        lab.picture().contains("hosts › node-0004"),
        "{}",
        lab.picture()
    );
    // What is done is done to the host under the cursor.
    let mut lab = Lab::on(fixture::many_hosts(500), SIZE, &Options::default());
    lab.press(r#": "hosts" enter H g l"#);
    let closed = pressed(&mut lab, r#"D "dust" ctrl-s"#);
    assert!(closed[0].contains(&fixture::id(4, 6)), "{closed:?}");
}

/// Answers the requests among the effects in order.
pub(super) fn answer(lab: &mut Lab, effects: &[Effect], results: Vec<Result<Done, Failure>>) {
    let tickets = effects.iter().filter_map(|effect| match effect {
        Effect::Request(ticket, _) => Some(*ticket),
        _ => None,
    });
    for (ticket, result) in tickets.zip(results) {
        lab.on_event(Event::Finished(ticket, result));
    }
}

pub(super) fn refusal(message: &str, field: Option<&str>, advice: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        advice: Some(advice.to_owned()),
        field: field.map(str::to_owned),
        ..Failure::default()
    }
}

#[test]
fn a_refused_form_stays_to_be_mended_and_sent_again() {
    let mut lab = Lab::busy((80, 24));
    let sent = lab.press(r#": "flavors" enter n "tiny" ctrl-s"#);
    assert_eq!(requests(&sent).len(), 1);
    assert!(lab.picture().contains("is awaited"), "{}", lab.picture());
    // Neither a second time nor anything else while the answer is awaited.
    assert!(pressed(&mut lab, r#"ctrl-s "x" ctrl-s enter"#).is_empty());
    let failure = refusal(
        "a flavor called tiny exists",
        Some("flavor.name"),
        "choose another name",
    );
    answer(&mut lab, &sent, vec![Err(failure)]);
    let picture = lab.picture();
    for part in [
        "Make a flavor",
        "Name       tiny",
        "✗ a flavor called tiny exists",
        "Create tiny: a flavor called tiny exists",
        "What to do: choose another name",
    ] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
    let again = lab.press(r#""-2" ctrl-s"#);
    let asked = requests(&again);
    assert!(asked[0].contains("tiny-2"), "{asked:?}");
    answer(&mut lab, &again, vec![Ok(Done::default())]);
    assert!(lab.state.overlays.is_empty(), "{}", lab.picture());
}

#[test]
fn a_refused_launch_is_back_in_its_form_and_what_has_begun_closes_it() {
    let mut lab = Lab::busy(SIZE);
    lab.press(r#": "servers" enter n "api" tab "debian" enter "small" enter ctrl-s"#);
    let sent = lab.press("enter");
    assert_eq!(lab.state.overlays.len(), 1, "{}", lab.picture());
    let failure = refusal(
        "the image is gone",
        Some("server.imageRef"),
        "choose another",
    );
    answer(&mut lab, &sent, vec![Err(failure)]);
    let picture = lab.picture();
    assert!(
        picture.contains("Launch api: the image is gone"),
        "{picture}"
    );
    assert!(
        picture.contains("▌Image") || picture.contains("› Image"),
        "{picture}"
    );
    lab.press("ctrl-s");
    let again = lab.press("enter");
    answer(&mut lab, &again, vec![Ok(Done::default())]);
    assert!(lab.state.overlays.is_empty(), "{}", lab.picture());
    // An upload that has begun goes on below; its form is not needed.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("disk.img");
    std::fs::write(&file, b"QFI\xfb and so on").unwrap();
    let sent = lab.press(&format!(
        r#": "images" enter n "{}" ctrl-s"#,
        file.display()
    ));
    let Some(Effect::Request(ticket, _)) = sent
        .iter()
        .find(|effect| matches!(effect, Effect::Request(..)))
    else {
        panic!("{sent:?}")
    };
    assert_eq!(lab.state.overlays.len(), 1);
    lab.on_event(Event::Progress(*ticket, Progress::default()));
    assert!(lab.state.overlays.is_empty(), "{}", lab.picture());
}

#[test]
fn of_several_only_those_that_were_refused_are_sent_again() {
    let mut lab = on_servers();
    lab.press(r#"/ "name:/^node-03[012]$/" enter *"#);
    let sent = lab.press(r#"i "-new" ctrl-s"#);
    assert_eq!(requests(&sent).len(), 3, "{}", lab.picture());
    let busy = || refusal("it is busy", None, "wait");
    answer(
        &mut lab,
        &sent,
        vec![Err(busy()), Ok(Done::default()), Err(busy())],
    );
    let picture = lab.picture();
    assert!(picture.contains("1 accepted"), "{picture}");
    let again = lab.press("ctrl-s");
    assert_eq!(requests(&again).len(), 2, "{}", lab.picture());
    // Whoever closes the form is told at the bottom.
    lab.press("esc");
    answer(&mut lab, &again, vec![Err(busy()), Err(busy())]);
    assert!(lab.picture().contains("2 refused"), "{}", lab.picture());
}

#[test]
fn the_cursor_goes_to_what_was_made_once_it_is_listed() {
    let mut lab = on_servers();
    lab.press("G");
    let made = fixture::id(1, 99);
    let sent = lab.press(r#"n "api" tab "debian" enter "small" enter ctrl-s enter"#);
    answer(&mut lab, &sent, vec![Ok(Done::made(&made, "begun"))]);
    // It is not listed yet.
    assert!(at_cursor(&lab).contains("データ"), "{}", lab.picture());
    let list = |lab: &mut Lab, id: &str, name: &str| {
        let mut row = lab.state.world.data.rows::<Server>()[0].clone();
        (row.id, row.name) = (id.to_owned(), name.to_owned());
        lab.state.world.data.put_row(row);
        lab.on_event(Event::Tick(NOW));
    };
    list(&mut lab, &made, "api");
    assert!(at_cursor(&lab).contains("api"), "{}", lab.picture());
    // Whoever has gone elsewhere meanwhile is left there.
    let made = fixture::id(1, 98);
    let sent = lab.press(r#"n "bpi" tab "debian" enter "small" enter ctrl-s enter"#);
    answer(&mut lab, &sent, vec![Ok(Done::made(&made, "begun"))]);
    lab.press("j");
    let before = at_cursor(&lab);
    list(&mut lab, &made, "bpi");
    assert_eq!(at_cursor(&lab), before, "{}", lab.picture());
}
