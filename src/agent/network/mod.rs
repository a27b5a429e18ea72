//! The networking of a node, made to be what the control plane wants.
//!
//! Per network a Linux bridge; for all of them one packet filter. Guests' taps are made by the hypervisor and put on the
//! bridges by name. A network of the node alone has the gateway's address on its bridge, and a dnsmasq for DHCP and names.
//! Other networks have a [`tunnel`] to the other nodes or an interface to a physical network on the bridge; who answers
//! their DHCP, and routers, live in namespaces ([`room`]); what routers announce to guests of IPv6 is [`advert`], by [`radvd`]. [`security`] groups are part of the filter.
//! A node that is a chassis of OVN has networks on Open vSwitch as well ([`vswitch`], [`ovs`]), where OVN does all of that
//! but answer metadata.
//!
//! Level-triggered: [`blueprint`] translates what is wanted into the host's terms, [`host`] looks at what is there,
//! [`plan`] compares the two, and what differs is changed. It is the same for the first time, after a change, after a
//! restart, and after somebody deleted something by hand. Nothing is remembered that could be wrong: the wish is kept in
//! a file, so that a node that restarts has its networks before any control process tells it, and all else is looked
//! at.
//!
//! Invariant: interfaces whose names begin with our prefixes, the nftables tables called `skydeck` or `skydeck-probe-…`
//! ([`probe`]), and files below the state directory are ours and are removed when not wanted; nothing else is touched, except that the node is made to
//! forward IPv4 packets once a network wants that.

mod advert;
mod blueprint;
mod daemon;
mod dhcp;
mod dnsmasq;
mod error;
mod files;
mod filter;
mod host;
mod links;
mod metadata;
mod namespace;
mod nft;
mod ovs;
mod plan;
mod plug;
mod probe;
mod program;
mod radvd;
mod release;
mod remembered;
mod room;
mod router;
mod ruleset;
mod security;
mod served;
#[cfg(test)]
mod testing;
mod tunnel;
mod tunnels;
mod unknown;
mod uplink;
mod vswitch;
mod wires;
mod worked;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use super::{MethodTable, Node};
use crate::bus::{Fault, FaultKind};
use crate::doctor::rpc::{HostExamined, Mended};
use crate::ids::{PortId, Time};
use crate::network::rpc::{
    NetworkApplied, NetworkApply, NetworkDesired, NetworkProbe, NetworkProbed, PortsPending,
    PortsReady, READY_SECONDS, Segment,
};
use error::HostError;
use host::Host;
pub use host::NodePlace;
use metadata::Doors;
pub use metadata::MetadataDoor;
pub use ovs::SwitchPlace;
use probe::Probes;
use vswitch::SeenSwitch;

/// How long what was made counts as what is there.
const FRESH: Duration = Duration::from_secs(30);
/// How often a node looks whether its networks are still as they shall be.
const REPAIR: Duration = Duration::from_secs(15);
/// Mended things that are kept in mind.
const MENDED: usize = 50;
/// How long networks wait for the hypervisor at the start: with it come the rights of the directories.
const HYPERVISOR: Duration = Duration::from_secs(10);

/// Adds the methods of this part. A node that only pretends to have networks accepts every wish.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<NetworkApply, _, _>(|node, request, _| async move {
        match &node.network {
            Some(network) => {
                let applied = network.apply(&request.desired).await;
                // Whoever waits for the answer need not wait for this.
                let node = node.clone();
                tokio::spawn(async move {
                    if let Some(network) = &node.network {
                        network.settle().await;
                    }
                });
                applied
            }
            None => Ok(NetworkApplied {
                generation: request.desired.generation,
                ..NetworkApplied::default()
            }),
        }
    });
    table.add::<NetworkProbe, _, _>(|node, request, _| async move {
        match &node.network {
            Some(network) => network.probe(&request).await,
            None => Ok(NetworkProbed::default()),
        }
    });
    table.add::<PortsReady, _, _>(|node, request, _| async move {
        match &node.network {
            Some(network) => network.ports_ready(&request.ports, request.patience).await,
            None => Ok(PortsPending::default()),
        }
    });
}

/// Mends the node's networks for ever, beginning with what a restart of the machine took away, and ends probes.
pub(super) async fn keep(node: Arc<Node>) {
    let Some(network) = &node.network else {
        return;
    };
    // Without a hypervisor there are networks all the same.
    let _ = tokio::time::timeout(HYPERVISOR, node.info()).await;
    tokio::join!(mend(network), network.probes.keep());
}

async fn mend(network: &NetworkAgent) {
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

/// What a node was made by.
struct Made {
    desired: NetworkDesired,
    site: blueprint::Site,
    blueprint: blueprint::Blueprint,
    /// When it was looked at last.
    looked: Instant,
}

/// Keeps a node's networking as it shall be. Works in the network namespace of the thread that polls it.
pub struct NetworkAgent {
    dir: PathBuf,
    place: NodePlace,
    /// Where guests ask for metadata; none where nobody would answer.
    doors: Option<Doors>,
    /// One at a time; two would undo each other. What was made last, and when somebody looked or changed it.
    turn: Mutex<Option<Made>>,
    /// What was mended lately, oldest first.
    mended: StdMutex<VecDeque<Mended>>,
    probes: Probes,
}

impl NetworkAgent {
    /// Keeps its files in `state_dir`, which is made when needed.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        let dir = state_dir.into();
        Self {
            probes: Probes::new(&dir),
            dir,
            place: NodePlace::default(),
            doors: None,
            turn: Mutex::default(),
            mended: StdMutex::default(),
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
        let mut made = self.turn.lock().await;
        let compared = |last: &NetworkDesired| (last.generation, last == desired);
        let last = match made.as_ref() {
            Some(made) => Some(compared(&made.desired)),
            None => self.last()?.as_ref().map(compared),
        };
        if let Some((generation, _)) = last
            && generation > desired.generation
        {
            return Ok(NetworkApplied {
                generation,
                ..NetworkApplied::default()
            });
        }
        let host = Host::open(&self.dir, &self.place)?;
        let again = last.is_some_and(|(_, is_same)| is_same);
        self.remember(desired)?;
        if again {
            // Who says the same once more wants to be sure.
            *made = None;
        }
        let applied = self.make(&host, desired, &mut made).await?;
        if again {
            self.note(&applied);
        }
        Ok(applied)
    }

    /// Makes the node once more what it was told last; nothing if it was told nothing yet.
    pub async fn repair(&self) -> Result<NetworkApplied, Fault> {
        let mut made = self.turn.lock().await;
        *made = None;
        match self.last()? {
            Some(last) => {
                let host = Host::open(&self.dir, &self.place)?;
                let applied = self.make(&host, &last, &mut made).await?;
                self.note(&applied);
                Ok(applied)
            }
            None => Ok(NetworkApplied::default()),
        }
    }

    /// Looks how the packet filter is after a change, so that what somebody does to it is seen. Until then it counts as
    /// changed by somebody, and is made anew by whoever looks.
    pub async fn settle(&self) {
        let made = self.turn.lock().await;
        let Some(made) = made.as_ref() else { return };
        let settled = match Host::open(&self.dir, &self.place) {
            Ok(host) => host.settle(&made.blueprint).await,
            Err(error) => Err(error),
        };
        if let Err(error) = settled {
            tracing::debug!(%error, "the packet filter could not be looked at");
        }
    }

    /// Keeps in mind what was changed although nothing else was wanted.
    fn note(&self, applied: &NetworkApplied) {
        let mended = self.mended.lock();
        let mut mended = mended.unwrap_or_else(PoisonError::into_inner);
        let at = Time::now();
        mended.extend(applied.changes.iter().map(|change| Mended {
            at,
            change: change.clone(),
        }));
        let excess = mended.len().saturating_sub(MENDED);
        mended.drain(..excess);
    }

    /// Compares the node with what it was told last, and changes nothing.
    pub async fn examine(&self) -> Result<HostExamined, Fault> {
        let made = self.turn.lock().await;
        let Some(desired) = self.last()? else {
            return Ok(HostExamined::default());
        };
        let host = Host::open(&self.dir, &self.place)?;
        if let Some(made) = made.as_ref() {
            host.settle(&made.blueprint).await?;
        }
        let (switch, trouble) = look(&host, &desired).await;
        let mut blueprint = blueprint::Blueprint::new(&desired, &host.site(switch.as_ref()).await?);
        blueprint
            .problems
            .extend(trouble.map(|error| error.to_string()));
        if desired.ovn.is_some() {
            blueprint.problems.extend(host.controller_problem());
        }
        let changes = plan::plan(&blueprint, &host.observe(switch).await?);
        let mended = self.mended.lock();
        let mended = mended.unwrap_or_else(PoisonError::into_inner);
        Ok(HostExamined {
            generation: desired.generation,
            differences: changes.iter().map(ToString::to_string).collect(),
            problems: blueprint.problems,
            mended: mended.iter().cloned().collect(),
            ..HostExamined::default()
        })
    }

    /// Waits so many seconds until OVN has guests' ports ready on this node; answers with those that it has not.
    pub async fn ports_ready(
        &self,
        ports: &[PortId],
        patience: u16,
    ) -> Result<PortsPending, Fault> {
        let host = Host::open(&self.dir, &self.place)?;
        let end = Instant::now() + Duration::from_secs(patience.min(READY_SECONDS).into());
        let mut pending = Vec::new();
        for port in ports {
            let left = end.saturating_duration_since(Instant::now());
            if !host.is_installed(*port, left).await? {
                pending.push(*port);
            }
        }
        Ok(PortsPending { pending })
    }

    /// Counts packets, and says how many there were.
    pub async fn probe(&self, request: &NetworkProbe) -> Result<NetworkProbed, Fault> {
        self.probes.ask(request).await
    }

    /// Removes all probes, also those of an agent before; one that starts does so by itself.
    pub async fn probes_clear(&self) -> Result<(), Fault> {
        Ok(self.probes.clear().await?)
    }

    /// Removes probes whose lifetime is over at this time; an agent that runs does so by itself.
    pub async fn probes_expire(&self, now: Instant) {
        self.probes.expire(now).await;
    }

    /// Removes everything of ours, also what was made by a node that was told something else.
    pub async fn clean_up(&self) -> Result<NetworkApplied, Fault> {
        let mut made = self.turn.lock().await;
        *made = None;
        let nothing = NetworkDesired::default();
        self.probes.clear().await?;
        let host = Host::open(&self.dir, &self.place)?;
        let applied = self.make(&host, &nothing, &mut made).await?;
        fs::remove_dir_all(&self.dir).map_err(HostError::file(&self.dir))?;
        Ok(applied)
    }

    /// Makes the node so: by what was made before, if that is known and was looked at lately, and else, or if that fails,
    /// after a look.
    async fn make(
        &self,
        host: &Host,
        desired: &NetworkDesired,
        made: &mut Option<Made>,
    ) -> Result<NetworkApplied, Fault> {
        let before = made.take().filter(|made| made.looked.elapsed() < FRESH);
        if let Some(before) = before {
            let observed = remembered::remembered(&before.blueprint, host.servers()?);
            let done = self.carry_out(
                host,
                desired,
                &before.site,
                &observed,
                Some(&before.blueprint),
                None,
            );
            if let Ok((applied, blueprint)) = done.await {
                *made = Some(Made {
                    desired: desired.clone(),
                    blueprint,
                    ..before
                });
                return Ok(applied);
            }
        }
        // What was seen may go while all is made so: the end of a namespace takes its interfaces along a moment later.
        match self.look_and_make(host, desired, made).await {
            Ok(applied) => Ok(applied),
            Err(_) => self.look_and_make(host, desired, made).await,
        }
    }

    async fn look_and_make(
        &self,
        host: &Host,
        desired: &NetworkDesired,
        made: &mut Option<Made>,
    ) -> Result<NetworkApplied, Fault> {
        let looked = Instant::now();
        let (switch, trouble) = look(host, desired).await;
        let site = host.site(switch.as_ref()).await?;
        let observed = host.observe(switch).await?;
        // What could not be looked at is not known to be made.
        let is_known = trouble.is_none();
        let done = self.carry_out(host, desired, &site, &observed, None, trouble);
        let (applied, blueprint) = done.await?;
        *made = is_known.then(|| Made {
            desired: desired.clone(),
            site,
            blueprint,
            looked,
        });
        Ok(applied)
    }

    /// Carries out what differs between what is wanted and what there is, which was made by `before` if that is known.
    /// `trouble` is why Open vSwitch could not be looked at.
    async fn carry_out(
        &self,
        host: &Host,
        desired: &NetworkDesired,
        site: &blueprint::Site,
        observed: &plan::Observed,
        before: Option<&blueprint::Blueprint>,
        trouble: Option<HostError>,
    ) -> Result<(NetworkApplied, blueprint::Blueprint), Fault> {
        let mut blueprint = blueprint::Blueprint::new(desired, site);
        let mut problems = blueprint.problems.clone();
        let mut silent = Vec::new();
        let mut changes = Vec::new();
        let mut failures = Vec::new();
        for change in plan::plan(&blueprint, observed) {
            match host.change(&blueprint, before, &change).await {
                Ok(()) => changes.push(change.to_string()),
                // Everything else works without; guests keep their IPv4.
                Err(error @ HostError::Missing { .. })
                    if let plan::Change::AdvertStart(room) = &change =>
                {
                    problems.push(format!("nothing is announced to guests of IPv6: {error}"));
                    silent.push(room.clone());
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        // What was not made is tried again, and its problem told, with the next change.
        for room in silent {
            blueprint.adverts.remove(&room);
        }
        if desired.ovn.is_some() {
            problems.extend(host.controller_problem());
        }
        // It is a failure for whoever wants something of it.
        let mut logical = desired.networks.iter();
        match trouble.map(|error| error.to_string()) {
            Some(error) if logical.any(|network| network.segment == Segment::Logical) => {
                failures.push(error);
            }
            error => problems.extend(error),
        }
        if let Some(doors) = &self.doors {
            problems.extend(doors.keep(desired).await);
        }
        if failures.is_empty() {
            let applied = NetworkApplied {
                generation: desired.generation,
                changes,
                problems,
            };
            return Ok((applied, blueprint));
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

/// Open vSwitch as it is, or why it can not be looked at.
async fn look(host: &Host, desired: &NetworkDesired) -> (Option<SeenSwitch>, Option<HostError>) {
    match host.switch(desired.ovn.is_some()).await {
        Ok(seen) => (seen, None),
        Err(error) => (None, Some(error)),
    }
}
