//! `skydeck server`: a control process without a screen, until a signal ends it.

use super::lock::Front;
use super::whole::Whole;
use super::{RoleError, signals};
use crate::config::Config;

/// Runs until SIGTERM, SIGINT or SIGHUP.
pub async fn run(config: Config) -> Result<(), RoleError> {
    let whole = Whole::start(config, Front::Server).await?;
    let ended = signals::ended().await;
    whole.shut_down().await;
    Ok(ended?)
}
