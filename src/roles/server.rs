//! `skydeck server`: a control process without a screen, until a signal ends it.

use tokio::signal::unix::{SignalKind, signal};

use super::{Control, RoleError, node};
use crate::config::Config;

/// Runs until SIGTERM, SIGINT or SIGHUP.
pub async fn run(config: Config) -> Result<(), RoleError> {
    let control = Control::start(config, false).await?;
    let config = &control.cloud().config;
    let agent = if config.agent.enabled {
        Some(node::start(config, &control.cloud().bus).await?)
    } else {
        None
    };
    ended().await?;
    drop(agent);
    control.shut_down().await;
    Ok(())
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
