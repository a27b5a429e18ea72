//! What operators see and press, as pictures and requests.

use crate::tui::testing::{console, picture, press};

#[test]
fn operations_are_listed() {
    let mut state = console(80, 24);
    press(&mut state, "t");
    assert!(picture(&state).contains("perations"), "{}", picture(&state));
}
