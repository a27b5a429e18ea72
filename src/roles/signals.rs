//! Waiting for the end of a process without a screen.

use tokio::signal::unix::{SignalKind, signal};

/// Completes when the process is told to end: SIGTERM, SIGINT or SIGHUP.
pub(super) async fn ended() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
