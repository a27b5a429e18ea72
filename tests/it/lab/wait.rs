//! Waiting for a condition with a deadline: the only place in the tests that lets time pass.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// Waits until `condition` holds; panics with `what` when it does not within `deadline`.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, deadline, || condition().then_some(()));
}

/// Waits until `value` gives one, and returns it; panics with `what` when it does not within `deadline`.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut value: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(
            start.elapsed() < deadline,
            "waited {} s in vain for: {what}",
            deadline.as_secs_f32()
        );
        #[expect(clippy::disallowed_methods, reason = "this is how the others need not")]
        std::thread::sleep(STEP);
    }
}

/// [`wait_for`] for conditions that are asked for asynchronously.
pub async fn wait_for_async<T>(
    what: &str,
    deadline: Duration,
    mut value: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = value().await {
            return value;
        }
        assert!(
            start.elapsed() < deadline,
            "waited {} s in vain for: {what}",
            deadline.as_secs_f32()
        );
        tokio::time::sleep(STEP).await;
    }
}
