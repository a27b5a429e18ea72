//! Places at which a test lets this process die.
//!
//! Under the feature `failpoints` the process kills itself at the place that `SKYDECK_TEST_CRASH_AT` names: a step of a saga
//! (`live_migration.prepare.run.after`) or a question to a node (`migration_prepare.before`). Without it nothing is done.

/// Dies here, if this is the place.
#[cfg(feature = "failpoints")]
pub fn pass(place: impl FnOnce() -> String) {
    if std::env::var("SKYDECK_TEST_CRASH_AT").is_ok_and(|wanted| wanted == place()) {
        // As a power cut would: no destructor, no flush.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
pub fn pass(_place: impl FnOnce() -> String) {}
