//! `skydeck server`: a control process without a screen, until a signal ends it.

use tokio::signal::unix::{SignalKind, signal};

use super::RoleError;
use super::lock::Front;
use super::whole::Whole;
use crate::config::Config;

/// Runs until SIGTERM, SIGINT or SIGHUP.
pub async fn run(config: Config) -> Result<(), RoleError> {
    let whole = Whole::start(config, Front::Server).await?;
    let ended = ended().await;
    whole.shut_down().await;
    Ok(ended?)
}

async fn ended() -> std::io::Result<()> {
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
