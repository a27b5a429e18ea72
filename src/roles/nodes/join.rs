//! `skydeck node join`: this machine becomes a node.
//!
//! In order: the machine is looked at, the file of settings is made, the token redeemed, the settings written, the agent
//! started. The token is used up by the fourth step; whatever fails takes away what was made.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use super::place::{Place, SERVICE, has_systemd, hidden_program, systemctl};
use super::{NodesError, machine};
use crate::api::wire::Secret;
use crate::client::node_join;
use crate::compute::wire::{NodeJoin, NodeJoined};
use crate::config::{Config, Sources};
use crate::roles::{RoleError, agent, data_directory, logging};

/// Longest token that is read.
const LONGEST: u64 = 1024;
/// How long a unit has to stay up before it counts as started.
const SETTLE: Duration = Duration::from_secs(3);

/// Joins, and starts the agent: as a unit where systemd runs, else here, until a signal ends it.
pub async fn run(
    config: Config,
    place: &Place,
    url: &str,
    fingerprint: Option<&str>,
    log: Option<PathBuf>,
) -> Result<(), RoleError> {
    let systemd = has_systemd();
    machine::check(&config).await.map_err(NodesError::Machine)?;
    if let Some(reason) = hidden_program().filter(|_| systemd) {
        return Err(NodesError::Machine(reason).into());
    }
    let join = NodeJoin { token: token()? };
    place.take()?;
    let settled = redeem(&config, place, url, fingerprint, &join).await;
    let joined = match settled {
        Ok(joined) => joined,
        Err(error) => {
            place.clear()?;
            return Err(error.into());
        }
    };
    eprintln!(
        "This machine is node {} now; its settings are in {}.",
        joined.name,
        place.settings.display()
    );
    if systemd {
        return Ok(start_unit(&config, place).await?);
    }
    eprintln!(
        "systemd does not run here: the agent runs in the foreground, until it is told to end. Start it again with: skydeck agent --config {}",
        place.settings.display()
    );
    let config = Config::load(&Sources::standard(Some(place.settings.clone()), Vec::new()))
        .map_err(|error| NodesError::Agent(error.to_string()));
    let started = async {
        let config = config?;
        data_directory(&config.data_dir)?;
        let log = log.unwrap_or_else(|| config.data_dir.join("log"));
        let _log = logging::start(&log, &config.log.level, true)?;
        agent::run(config).await
    };
    let ended: Result<(), RoleError> = started.await;
    if ended.is_err() {
        place.clear()?;
    }
    ended
}

/// The token that was given on standard input.
fn token() -> Result<Secret, NodesError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(NodesError::NoToken);
    }
    let mut text = String::new();
    let read = input.take(LONGEST).read_to_string(&mut text);
    match text.trim() {
        token if read.is_ok() && !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(NodesError::NoToken),
    }
}

async fn redeem(
    config: &Config,
    place: &Place,
    url: &str,
    fingerprint: Option<&str>,
    join: &NodeJoin,
) -> Result<NodeJoined, NodesError> {
    let joined = node_join(url, fingerprint, join).await;
    let joined = joined.map_err(NodesError::Refused)?;
    place.write(config, &joined)?;
    Ok(joined)
}

/// Starts the agent as a unit, now and at each start of the machine.
async fn start_unit(config: &Config, place: &Place) -> Result<(), NodesError> {
    let started = async {
        // The unit may write there, and not make it.
        data_directory(&config.data_dir).map_err(|error| error.to_string())?;
        place
            .write_unit(config)
            .map_err(|error| error.to_string())?;
        systemctl(&["daemon-reload"]).await?;
        systemctl(&["enable", "--now", SERVICE]).await?;
        tokio::time::sleep(SETTLE).await;
        systemctl(&["is-active", "--quiet", SERVICE])
            .await
            .map_err(|_| format!("it ended at once; journalctl -u {SERVICE} says why"))
    };
    let started: Result<(), String> = started.await;
    if let Err(reason) = started {
        // What fails here was not begun.
        let _ = systemctl(&["disable", "--now", SERVICE]).await;
        place.remove_unit()?;
        let _ = systemctl(&["daemon-reload"]).await;
        place.clear()?;
        return Err(NodesError::Agent(reason));
    }
    eprintln!(
        "The agent runs as {SERVICE}. `skydeck node list` beside a control process shows it."
    );
    Ok(())
}
