//! `skydeck agent`: a compute node by itself, until a signal ends it; guests go on.
//!
//! It knows the bus and nothing else of the cloud: no database, no API. Control processes that are away, or a broker that
//! is, do not end it; it reports as soon as somebody listens.

use super::{RoleError, node, signals};
use crate::bus::Bus;
use crate::config::Config;

/// Runs until SIGTERM, SIGINT or SIGHUP.
pub async fn run(config: Config) -> Result<(), RoleError> {
    if config.bus.is_local() {
        return Err(RoleError::LocalBus);
    }
    let bus = Bus::open(&config.bus, &format!("skydeck agent {}", config.agent.host))?;
    let node = node::start(&config, &bus, None).await?;
    tracing::info!(host = config.agent.host, "node started");
    let ended = signals::ended().await;
    drop(node);
    tracing::info!("node stopped");
    Ok(ended?)
}
