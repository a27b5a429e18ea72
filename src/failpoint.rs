//! Places at which a test lets this process die, or stand still.
//!
//! Under the feature `failpoints` the process kills itself at the place that `SKYDECK_TEST_CRASH_AT` names: a step of a saga
//! (`live_migration.prepare.run.after`) or a question to a node (`migration_prepare.before`). At each of the places in
//! `SKYDECK_TEST_STOP_AT`, separated by commas, it stops itself the first time that it comes by, until somebody lets it go on
//! (SIGCONT): so something else can die in that moment. Without the feature nothing is done.

/// Dies or stops here, if this is the place.
#[cfg(feature = "failpoints")]
pub fn pass(place: impl FnOnce() -> String) {
    use nix::sys::signal::{Signal, kill, raise};
    use std::sync::Mutex;

    /// Places at which it was stopped.
    static STOPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let place = place();
    let this = nix::unistd::Pid::this();
    if std::env::var("SKYDECK_TEST_CRASH_AT").is_ok_and(|wanted| wanted == place) {
        // As a power cut would: no destructor, no flush.
        let _ = kill(this, Signal::SIGKILL);
    }
    let places = std::env::var("SKYDECK_TEST_STOP_AT").unwrap_or_default();
    if places.split(',').any(|wanted| wanted == place) {
        let mut stopped = STOPPED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !stopped.contains(&place) {
            stopped.push(place);
            drop(stopped);
            // Told to this thread, which goes no step further; told to the process, any other thread may take it.
            let _ = raise(Signal::SIGSTOP);
        }
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub fn pass(_place: impl FnOnce() -> String) {}
