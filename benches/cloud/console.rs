//! What the console costs at 120x36 over a PTY: bytes, and the time from a key to the end of what it draws.

use std::time::{Duration, Instant};

use super::journey::cloud::{Cloud, SKYDECK};
use super::lab::terminal::Terminal;
use super::report::{line, time};

/// How long a screen must be still to be called complete.
const COMPLETE: Duration = Duration::from_millis(300);
/// How long it must be still for the next key to be pressed.
const STILL: Duration = Duration::from_millis(60);
/// Keys that are measured.
const KEYS: usize = 100;

/// Measures the console on a cloud of so many servers.
pub fn run(cloud: &Cloud, servers: usize) {
    let mut command = cloud.machine.terminal_command(SKYDECK);
    command.arg("--config");
    command.arg(cloud.config());
    let mut terminal = Terminal::start(command, 120, 36);
    terminal.wait_for_text("pulse");
    rest(&terminal, COMPLETE);
    let of = |what: &str| format!("console, {servers} servers: {what}");
    line(
        &of("first screen"),
        &format!("{} B", terminal.bytes_written()),
        "bottom 10.5 KB, htop 11-14 KB",
        "<= 12 KB",
    );
    let (before, begun) = (terminal.bytes_written(), Instant::now());
    pass(Duration::from_secs(10));
    let rate = (terminal.bytes_written() - before) as f64 / begun.elapsed().as_secs_f64();
    line(
        &of("dashboard"),
        &format!("{rate:.0} B/s"),
        "htop 0.9-1.3, bottom 1.1 KB/s",
        "<= 2 KB/s",
    );

    terminal.send_keys(":servers<enter>");
    terminal.wait_for_text("● active");
    rest(&terminal, COMPLETE);
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    for key in ["j", "k"].repeat(KEYS / 2) {
        // Between refreshes, so that the bytes are those of the key; the screen is looked at as soon as anything comes.
        rest(&terminal, STILL);
        let (before, shown) = (terminal.bytes_written(), terminal.contents());
        let begun = Instant::now();
        terminal.send_keys(key);
        let moved = |screen: &vt100::Screen| screen.contents() != shown;
        terminal.wait_until("the cursor to move", Duration::from_secs(10), moved);
        times.push(begun.elapsed());
        bytes.push(terminal.bytes_written() - before);
    }
    bytes.sort_unstable();
    line(
        &of("cursor down one row"),
        &format!("{} B", bytes[KEYS / 2]),
        "",
        "<= 400 B",
    );
    times.sort_unstable();
    line(
        &of("key to bytes, 99 of 100"),
        &time(times[KEYS * 99 / 100]),
        &format!("half of them {}", time(times[KEYS / 2])),
        "<= 16 ms",
    );
    terminal.send_keys("<c-c>");
    terminal.wait_exit(Duration::from_secs(30));
}

/// Waits until nothing is drawn for a while, or until it is clear that something always is.
fn rest(terminal: &Terminal, still: Duration) {
    for _ in 0..10 {
        let before = terminal.bytes_written();
        pass(still);
        if terminal.bytes_written() == before {
            return;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what happens in a span of time is what is measured"
)]
fn pass(time: Duration) {
    std::thread::sleep(time);
}
