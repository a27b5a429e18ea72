//! The networking of a node, made to be what the control plane wants.
//!
//! Per network a Linux bridge; for all of them one packet filter. Guests' taps are made by the hypervisor and put on the
//! bridges by name. A network of the node alone has the gateway's address on its bridge, and a dnsmasq for DHCP and names.
//! Other networks have a [`tunnel`] to the other nodes or an interface to a physical network on the bridge; who answers
//! their DHCP, and routers, live in namespaces ([`room`]); what routers announce to guests of IPv6 is [`advert`], by [`radvd`]. [`security`] groups are part of the filter.
//!
//! Level-triggered: [`blueprint`] translates what is wanted into the host's terms, [`host`] looks at what is there,
//! [`plan`] compares the two, and what differs is changed. It is the same for the first time, after a change, after a
//! restart, and after somebody deleted something by hand. Nothing is remembered that could be wrong: the wish is kept in
//! a file, so that a node that restarts has its networks before any control process tells it, and all else is looked
//! at.
//!
//! Invariant: interfaces whose names begin with our prefixes, the nftables tables called `skydeck`, and files below the
//! state directory are ours and are removed when not wanted; nothing else is touched, except that the node is made to
//! forward IPv4 packets once a network wants that.

mod advert;
mod blueprint;
mod dhcp;
mod dnsmasq;
mod error;
mod files;
mod filter;
mod host;
mod links;
mod metadata;
pub mod names;
mod namespace;
mod nft;
mod plan;
mod program;
mod radvd;
mod release;
mod room;
mod router;
mod security;
mod served;
#[cfg(test)]
mod testing;
mod tunnel;
mod tunnels;
mod wires;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use super::{MethodTable, Node};
use crate::bus::{Fault, FaultKind};
use crate::network::rpc::{NetworkApplied, NetworkApply, NetworkDesired};
use error::HostError;
use host::Host;
pub use host::NodePlace;
use metadata::Doors;
pub use metadata::MetadataDoor;

/// How often a node looks whether its networks are still as they shall be.
const REPAIR: Duration = Duration::from_secs(15);
/// How long networks wait for the hypervisor at the start: with it come the rights of the directories.
const HYPERVISOR: Duration = Duration::from_secs(10);

/// Adds the methods of this part. A node that only pretends to have networks accepts every wish.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<NetworkApply, _, _>(|node, request, _| async move {
        match &node.network {
            Some(network) => network.apply(&request.desired).await,
            None => Ok(NetworkApplied {
                generation: request.desired.generation,
                ..NetworkApplied::default()
            }),
        }
    });
}

/// Mends the node's networks for ever, beginning with what a restart of the machine took away.
pub(super) async fn keep(node: Arc<Node>) {
    let Some(network) = &node.network else {
        return;
    };
    // Without a hypervisor there are networks all the same.
    let _ = tokio::time::timeout(HYPERVISOR, node.info()).await;
    let mut tick = tokio::time::interval(REPAIR);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tick.tick().await;
        let result = network.repair().await;
        if let Ok(applied) = &result {
            for change in &applied.changes {
                tracing::info!(change, "host network mended");
            }
        }
        // What goes on being wrong is said once.
        let wrong = match result {
            Ok(applied) => applied.problems,
            Err(fault) => vec![fault.message],
        };
        if last.as_ref() != Some(&wrong) {
            for problem in &wrong {
                tracing::warn!(problem, "host network");
            }
            last = Some(wrong);
        }
    }
}

/// Keeps a node's networking as it shall be. Works in the network namespace of the thread that polls it.
pub struct NetworkAgent {
    dir: PathBuf,
    place: NodePlace,
    /// Where guests ask for metadata; none where nobody would answer.
    doors: Option<Doors>,
    /// One at a time; two would undo each other.
    turn: Mutex<()>,
}

impl NetworkAgent {
    /// Keeps its files in `state_dir`, which is made when needed.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: state_dir.into(),
            place: NodePlace::default(),
            doors: None,
            turn: Mutex::new(()),
        }
    }

    /// Says where the node is among others.
    #[must_use]
    pub fn at(mut self, place: NodePlace) -> Self {
        self.place = place;
        self
    }

    /// Lets guests ask for metadata.
    #[must_use]
    pub fn with_metadata(mut self, door: MetadataDoor) -> Self {
        self.doors = Some(Doors::new(door));
        self
    }

    /// Makes the node so, unless it was told of a newer generation before. What could not be made for one network does
    /// not keep the others from being made; it is an error all the same, and asking again goes on from there.
    pub async fn apply(&self, desired: &NetworkDesired) -> Result<NetworkApplied, Fault> {
        let _turn = self.turn.lock().await;
        if let Some(last) = self.last()?
            && last.generation > desired.generation
        {
            return Ok(NetworkApplied {
                generation: last.generation,
                ..NetworkApplied::default()
            });
        }
        let host = Host::open(&self.dir, &self.place)?;
        self.remember(desired)?;
        self.make(&host, desired).await
    }

    /// Makes the node once more what it was told last; nothing if it was told nothing yet.
    pub async fn repair(&self) -> Result<NetworkApplied, Fault> {
        let _turn = self.turn.lock().await;
        match self.last()? {
            Some(last) => self.make(&Host::open(&self.dir, &self.place)?, &last).await,
            None => Ok(NetworkApplied::default()),
        }
    }

    /// Removes everything of ours, also what was made by a node that was told something else.
    pub async fn clean_up(&self) -> Result<NetworkApplied, Fault> {
        let _turn = self.turn.lock().await;
        let nothing = NetworkDesired::default();
        let applied = self
            .make(&Host::open(&self.dir, &self.place)?, &nothing)
            .await?;
        fs::remove_dir_all(&self.dir).map_err(HostError::file(&self.dir))?;
        Ok(applied)
    }

    async fn make(&self, host: &Host, desired: &NetworkDesired) -> Result<NetworkApplied, Fault> {
        let site = host.site().await?;
        let mut blueprint = blueprint::Blueprint::new(desired, &site);
        let observed = host.observe().await?;
        let mut changes = Vec::new();
        let mut failures = Vec::new();
        for change in plan::plan(&blueprint, &observed) {
            match host.change(&blueprint, &change).await {
                Ok(()) => changes.push(change.to_string()),
                // Everything else works without; guests keep their IPv4.
                Err(error @ HostError::Missing { .. })
                    if matches!(change, plan::Change::AdvertStart(_)) =>
                {
                    blueprint
                        .problems
                        .push(format!("nothing is announced to guests of IPv6: {error}"));
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        let mut problems = blueprint.problems;
        if let Some(doors) = &self.doors {
            problems.extend(doors.keep(desired).await);
        }
        if failures.is_empty() {
            return Ok(NetworkApplied {
                generation: desired.generation,
                changes,
                problems,
            });
        }
        Err(Fault::new(
            FaultKind::Unavailable,
            format!("host network: {}", failures.join("; ")),
        ))
    }

    fn wish(&self) -> PathBuf {
        self.dir.join("desired.json")
    }

    fn last(&self) -> Result<Option<NetworkDesired>, HostError> {
        let path = self.wish();
        match fs::read(&path) {
            // One that can not be read was not written by us; the next wish replaces it.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HostError::file(path)(error)),
        }
    }

    fn remember(&self, desired: &NetworkDesired) -> Result<(), HostError> {
        let text = serde_json::to_vec(desired).unwrap_or_default();
        files::write_private(&self.wish(), &text)
    }
}
