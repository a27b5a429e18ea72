//! What is printed: one line for each measurement, beside what it is to be compared with.

use std::time::{Duration, Instant};

/// One line: what was measured, the number, what it is compared with, and the goal. A ratio is given where both are of
/// one kind.
#[expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
pub fn line(what: &str, ours: &str, beside: &str, goal: &str) {
    println!("{what:<52} {ours:>14}   {beside:<34} {goal}");
}

/// A heading.
#[expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
pub fn heading(text: &str) {
    println!("\n{text}");
}

/// A time beside the time of something that can not be avoided.
pub fn ratio(what: &str, ours: Duration, beside: Duration, with: &str, goal: &str) {
    let ratio = ours.as_secs_f64() / beside.as_secs_f64();
    line(
        what,
        &time(ours),
        &format!("{} {with}: x {ratio:.2}", time(beside)),
        goal,
    );
}

/// A time for people.
pub fn time(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.2} ms")
    } else if millis < 10_000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}

/// The middle one.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}
