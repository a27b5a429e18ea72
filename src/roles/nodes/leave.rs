//! `skydeck node leave`: this machine is no node any more. Guests and disks are not touched.

use std::path::Path;
use std::time::Duration;

use super::place::{Place, SERVICE, systemctl};
use super::{NodesError, machine};
use crate::config::Config;
use crate::roles::RoleError;
use crate::roles::lock::DirectoryLock;

/// How long the hypervisor may take to say what guests there are.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the agent and takes its settings away.
pub async fn run(config: &Config, place: &Place, force: bool) -> Result<(), RoleError> {
    if !place.is_joined() {
        return Err(NodesError::Stay(format!(
            "{} was not written by `skydeck node join`; if the node's settings are elsewhere, name them with --config",
            place.settings.display()
        ))
        .into());
    }
    if !force && let Some(left) = left(config).await {
        return Err(NodesError::Stay(format!(
            "{left}; move or delete them first, or say --force to leave them behind as they are"
        ))
        .into());
    }
    if place.has_unit() {
        systemctl(&["disable", "--now", SERVICE])
            .await
            .map_err(NodesError::Stay)?;
        place.remove_unit()?;
        systemctl(&["daemon-reload"])
            .await
            .map_err(NodesError::Stay)?;
    } else if config.data_dir.exists() {
        DirectoryLock::take_for_node(&config.data_dir)
            .map_err(|error| NodesError::Stay(error.to_string()))?;
    }
    place.clear()?;
    eprintln!(
        "This machine is no node any more. `skydeck node remove {}` beside a control process makes the cloud forget it.",
        config.agent.host
    );
    Ok(())
}

/// What is still on this machine, or why that can not be said.
async fn left(config: &Config) -> Option<String> {
    let guests = async {
        let hypervisor = machine::open(config).await?;
        let guests = tokio::time::timeout(PATIENCE, hypervisor.guests()).await;
        let guests = guests.map_err(|_| "it does not answer".to_owned())?;
        guests.map_err(|error| error.to_string())
    };
    let guests = match guests.await {
        Ok(guests) => guests.len(),
        Err(reason) => {
            return Some(format!(
                "the hypervisor does not say what guests this machine has: {reason}"
            ));
        }
    };
    let volumes = volumes(&config.data_dir.join("volumes"));
    (guests + volumes > 0)
        .then(|| format!("this machine still has {guests} guests and {volumes} volumes"))
}

fn volumes(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let whole = |path: &Path| path.extension().is_some_and(|ending| ending == "qcow2");
    entries.filter(|entry| whole(&entry.path())).count()
}
