//! Tracing by keys: where one comes from, what is selected, what is asked for.

use crate::tui::start::Options;
use crate::tui::testing::{Lab, fixture};

use super::acts::{SIZE, at_cursor, on_server, pressed};

const ASK: &str = r#"w tab "db-replica" enter ctrl-s"#;

#[test]
fn the_first_drop_is_selected_and_mended_after_a_question() {
    let mut lab = on_server("web-01");
    lab.press(ASK);
    assert!(at_cursor(&lab).contains("groups, in"), "{}", lab.picture());
    assert!(
        pressed(&mut lab, "r enter").is_empty(),
        "Cancel has the keyboard"
    );
    lab.press("r");
    let picture = lab.picture();
    assert!(
        picture.contains("in: tcp 5432 from 10.0.0.5/32"),
        "{picture}"
    );
    let asked = pressed(&mut lab, "tab enter");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with("SecurityGroupRule") && asked[0].contains("5432"),
        "{asked:?}"
    );
    // What is selected stays selected; a place that has nothing to mend has no remedy.
    lab.press("k");
    assert!(
        at_cursor(&lab).contains("network green"),
        "{}",
        lab.picture()
    );
    lab.press("r");
    assert!(!lab.picture().contains("Cancel"), "{}", lab.picture());
    let asked = pressed(&mut lab, "G r tab enter");
    assert!(asked[0].starts_with("RouterUp"), "{asked:?}");
}

#[test]
fn a_question_is_turned_and_asked_again_and_takes_any_address() {
    let mut lab = on_server("web-01");
    lab.press(ASK);
    assert!(
        lab.picture().contains("web-01 to db-replica, tcp 22"),
        "{}",
        lab.picture()
    );
    lab.press("s");
    assert!(
        lab.picture().contains("db-replica to web-01, tcp 22"),
        "{}",
        lab.picture()
    );
    lab.press(r#"n tab "198.51.100.9" enter "udp" enter ctrl-u "53" ctrl-s"#);
    let picture = lab.picture();
    assert!(
        picture.contains("db-replica to 198.51.100.9, udp 53"),
        "{picture}"
    );
    // Enter on the way through keeps where it begins; an address may be of IPv6.
    let mut lab = on_server("web-01");
    lab.press(r#"w enter "fe80::a9fe:a9fe" enter ctrl-s"#);
    let picture = lab.picture();
    assert!(
        picture.contains("web-01 to fe80::a9fe:a9fe, tcp 22"),
        "{picture}"
    );
    // From anywhere.
    lab.press(r#": "trace" enter"#);
    assert!(
        lab.picture().contains("Why does it not reach it?"),
        "{}",
        lab.picture()
    );
}

#[test]
fn only_administrators_trace() {
    let mut lab = Lab::on(fixture::of_member(), SIZE, &Options::default()).with_past();
    lab.press(r#": "servers" enter w"#);
    assert!(
        !lab.picture().contains("Why does it not reach it?"),
        "{}",
        lab.picture()
    );
}
