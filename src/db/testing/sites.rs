//! Which statements were run: the places in the code where they begin, written to the file that
//! `SKYDECK_TEST_STATEMENTS` names, one line each, by all processes of a test.

use std::collections::BTreeSet;
use std::io::Write;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// The file.
pub const FILE: &str = "SKYDECK_TEST_STATEMENTS";

/// A place, as it is written.
pub fn line(file: &str, line: u32) -> String {
    format!("{file}:{line}")
}

/// Notes that the statement that begins here was run.
pub fn note(site: &'static Location<'static>) {
    static SEEN: Mutex<BTreeSet<(&str, u32)>> = Mutex::new(BTreeSet::new());
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !seen.insert((site.file(), site.line())) {
        return;
    }
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .expect("the list of statements");
    let text = line(site.file(), site.line());
    file.write_all(format!("{text}\n").as_bytes())
        .expect("the list of statements");
}
