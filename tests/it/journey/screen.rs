//! Servers are moved from the screen: by keys alone, on the simulated fleet of `skydeck demo`, whose guests take some
//! seconds to another host.

use std::time::Duration;

use portable_pty::CommandBuilder;

use super::cloud::SKYDECK;
use crate::lab::terminal::Terminal;

/// A fleet of debug builds on a busy machine has to launch and to move within this time.
const LONG: Duration = Duration::from_secs(240);

/// The console on three hosts with six servers, `web-1` to `web-6`, that run.
fn demo(place: &tempfile::TempDir) -> Terminal {
    let mut command = CommandBuilder::new(SKYDECK);
    command.args(["demo", "--hosts", "3", "--servers", "6"]);
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TMPDIR"] {
        command.env(variable, place.path());
    }
    let terminal = Terminal::start(command, 120, 36);
    terminal.wait_for_text("pulse");
    terminal.send_keys(":servers<enter>");
    terminal.wait_until("six servers to run", LONG, |screen| {
        screen.contents().matches("● active").count() == 6
    });
    terminal
}

/// Whether a line of the screen has all of these.
fn line(screen: &vt100::Screen, parts: &[&str]) -> bool {
    let contents = screen.contents();
    let mut lines = contents.lines();
    lines.any(|line| parts.iter().all(|part| line.contains(part)))
}

/// Begins to move a server from the list of servers, and goes to the migrations once it is sending.
fn migrate(terminal: &Terminal, server: &str) {
    terminal.send_keys(&format!(":servers<enter>/name:{server}<enter>"));
    terminal.wait_for_text("1/1 of 6");
    terminal.send_keys("m");
    terminal.wait_for_text(&format!("Migrate {server}"));
    terminal.wait_for_text("now cmp-");
    terminal.send_keys("<c-s>");
    terminal.wait_for_text(&format!("Migrate {server}: accepted"));
    terminal.send_keys("M");
    terminal.wait_until("the server to be sent", LONG, |screen| {
        line(screen, &[server, "◐ running"])
    });
}

#[test]
fn a_migration_is_broken_off_and_another_forced_to_end_from_the_list_of_migrations() {
    let place = tempfile::tempdir().expect("a directory");
    let mut terminal = demo(&place);
    migrate(&terminal, "web-1");
    terminal.send_keys("x");
    terminal.wait_for_text("Abort migration of web-1");
    terminal.send_keys("<tab><enter>");
    terminal.wait_until("the migration to be broken off", LONG, |screen| {
        line(screen, &["web-1", "○ cancelled"])
    });
    migrate(&terminal, "web-2");
    terminal.send_keys("F");
    terminal.wait_for_text("Force migration of web-2");
    terminal.send_keys("<tab><enter>");
    terminal.wait_until("the migration to end", LONG, |screen| {
        line(screen, &["web-2", "● completed"])
    });
    // What is over has neither key any more.
    terminal.send_keys("x");
    terminal.wait_for_text("it is over");
    terminal.send_keys("<c-c>");
    assert!(terminal.wait_exit(LONG).success());
}

/// Drains the first host, after these keys on the page of the plan, and waits until a server moves.
fn drain(terminal: &Terminal, keys: &str) {
    terminal.send_keys(":hosts<enter>/name:cmp-001<enter>w");
    terminal.wait_for_text("Drain cmp-001: the plan");
    terminal.wait_for_text("at a time");
    terminal.send_keys(&format!("{keys}<tab><enter>"));
    // The run is opened by itself.
    terminal.wait_for_text("Drain of cmp-001");
    terminal.wait_until("a server to move", LONG, |screen| {
        line(screen, &["web-", "◐ moving"])
    });
}

#[test]
fn a_host_is_drained_with_a_pause_and_what_left_it_is_rolled_back() {
    let place = tempfile::tempdir().expect("a directory");
    let mut terminal = demo(&place);
    drain(&terminal, "-");
    terminal.send_keys("p");
    terminal.wait_for_text("▲ paused");
    terminal.wait_for_text("Nothing new is begun until it is resumed");
    terminal.send_keys("u");
    terminal.wait_for_text("◐ running");
    terminal.wait_until("the host to be empty", LONG, |screen| {
        line(screen, &["● done", "moved"])
    });
    terminal.send_keys("b");
    terminal.wait_for_text("Roll back");
    terminal.send_keys("<tab><enter>");
    terminal.wait_for_text("Return of cmp-001");
    terminal.wait_until("the servers to be home", LONG, |screen| {
        line(screen, &["● done", "moved"])
    });
    // What is broken off leaves the host as it was.
    drain(&terminal, "");
    terminal.send_keys("x");
    terminal.wait_for_text("Abort run drain of cmp-001");
    terminal.send_keys("<tab><enter>");
    terminal.wait_until("the drain to be broken off", LONG, |screen| {
        line(screen, &["○ aborted"])
    });
    terminal.send_keys(":hosts<enter>");
    terminal.wait_until("the host to take servers", LONG, |screen| {
        line(screen, &["cmp-001", "● up"])
    });
    terminal.send_keys("<c-c>");
    assert!(terminal.wait_exit(LONG).success());
}
