//! What every move of a server that its source takes part in has in common: which host it goes to, whether that can take it
//! and what has to be sent, and making that host ready.
//!
//! Invariant: until the operation has settled the server is its source's, and whatever was made at a destination is given up
//! without loss ([`Relocation::forget`]). Whether disks are shared is found out anew for each host that is tried.

use serde::{Deserialize, Serialize};

use super::guest;
use crate::bus::{CallError, FaultKind, Rpc};
use crate::compute::model::{MigrationStatus, MigrationWish, Resources, Server};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::migration::{
    DestinationFacts, MigrationCheckDestination, MigrationCheckSource, MigrationForget,
    MigrationLook, MigrationPrepare, SourceFacts,
};
use crate::compute::store;
use crate::compute::store::migration::Change;
use crate::db::Conn;
use crate::hypervisor::migration::{Arrival, DiskCopy, MigrationOrder};
use crate::ids::ServerId;
use crate::network::ops::{host_ports_ensure, port_expect_on_conn};
use crate::saga::{Failure, Flow, StepContext, StepError, StepResult};

/// A server on its way to another host.
#[derive(Serialize, Deserialize)]
pub(super) struct Relocation {
    pub server: ServerId,
    pub source: String,
    /// What it takes from its next host.
    pub resources: Resources,
    /// To this host; the scheduler's choice when absent.
    pub wish: Option<String>,
    /// Whether disks are copied; as it has to be when absent.
    pub block: Option<bool>,
    pub facts: Option<SourceFacts>,
    /// The host that is tried now.
    pub destination: Option<String>,
    pub door: Option<DestinationFacts>,
    pub disks: Option<DiskCopy>,
    /// Hosts that could not take it, and why.
    pub failed: Vec<(String, String)>,
    /// Questions that the present host did not answer.
    pub silent: u32,
}

impl Relocation {
    /// Of this server, as it is.
    pub fn new(server: &Server, resources: Resources, wish: Option<String>) -> Self {
        Self {
            server: server.id,
            source: server.host.clone().unwrap_or_default(),
            resources,
            wish,
            block: None,
            facts: None,
            destination: None,
            door: None,
            disks: None,
            failed: Vec::new(),
            silent: 0,
        }
    }

    /// The host that is tried now.
    pub fn destination(&self) -> Result<&str, StepError> {
        self.destination
            .as_deref()
            .ok_or_else(|| StepError::Failed(Failure::new("the migration has no destination")))
    }

    /// Whether the source and the host that is tried now see the same files.
    pub fn is_shared(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.is_shared)
    }

    /// Chooses and claims a host by this order, to which the one that was wished is added. Not one that was tried, or that
    /// still has to clear away what it had of the server, which it may do at any moment.
    pub async fn place(&mut self, cx: &StepContext, order: PlaceOrder) -> Result<(), StepError> {
        let owing = owing(cx, self.server, self.wish.as_ref()).await?;
        let mut order = PlaceOrder {
            operation: Some(cx.operation),
            host: self.wish.clone(),
            ..order
        };
        let tried = self.failed.iter().map(|(host, _)| host.clone());
        order.excluded.extend(tried.chain(owing));
        let placement = ops::place(cx, &order).await?;
        let Some(host) = placement.host else {
            let failure = guest::no_host(&placement.decision);
            let message = guest::after_failures(&self.failed, failure.message);
            return Err(StepError::Failed(Failure { message, ..failure }));
        };
        self.silent = 0;
        self.destination = Some(host.clone());
        let change = Change {
            destination: Some(Some(host)),
            ..Change::default()
        };
        note(cx, &change).await
    }

    /// Gives the host back that is tried now, and remembers why.
    pub async fn unplace(&mut self, cx: &StepContext) -> Result<(), StepError> {
        guest::unclaim(cx).await?;
        if let Some(host) = self.destination.take() {
            let reason = cx.reason.as_ref().map(ToString::to_string);
            self.failed.push((host, reason.unwrap_or_default()));
        }
        (self.door, self.disks) = (None, None);
        Ok(())
    }

    /// Asks the source what the guest is; with `sample`, also how fast it writes its memory.
    pub async fn look(
        &mut self,
        cx: &StepContext,
        sample: bool,
    ) -> Result<&SourceFacts, StepError> {
        let request = MigrationCheckSource {
            id: self.server,
            mark: cx.operation,
            sample,
        };
        let facts = cx.call(&self.source, &request, guest::CALL).await?;
        Ok(self.facts.insert(facts))
    }

    /// Asks the host that is tried now whether it can take the server, which is given as it is at the source, and finds what
    /// has to be sent. `live`: with the memory and the processor of its guest.
    pub async fn meet(
        &mut self,
        cx: &StepContext,
        server: &Server,
        live: bool,
    ) -> Result<(), StepError> {
        let facts = self.facts.clone().ok_or_else(no_facts)?;
        let host = self.destination()?.to_owned();
        let (spec, image) = ops::spec_for(cx, server).await?;
        let request = MigrationCheckDestination {
            spec,
            mark: cx.operation,
            cpu: facts.cpu.clone().filter(|_| live),
        };
        let door = match cx.call(&host, &request, guest::CALL).await {
            Ok(door) => door,
            Err(error) => return Err(self.elsewhere(cx, error)),
        };
        let versions = if live {
            let from = ops::host_show(cx, &self.source).await?;
            ops::check_versions(&from, &ops::host_show(cx, &host).await?)
        } else {
            Ok(())
        };
        let disks = versions
            .and_then(|()| ops::disk_copy(&self.source, &host, &facts, &door, self.block, image))
            .map_err(|failure| self.elsewhere(cx, StepError::Failed(failure)))?;
        (self.door, self.disks) = (Some(door), Some(disks));
        Ok(())
    }

    /// Makes the host that is tried now ready: networks, directories, disks to be filled.
    pub async fn prepare(&mut self, cx: &StepContext, server: &Server) -> Result<(), StepError> {
        let host = self.destination()?.to_owned();
        let disks = self.disks.ok_or_else(no_facts)?;
        let ports = ops::server_port_ids(cx, self.server).await?;
        let mut tx = cx.db.begin().await?;
        port_expect_on_conn(&mut tx, &ports, Some(&host)).await?;
        tx.commit().await?;
        if !ports.is_empty() {
            host_ports_ensure(cx, &host, &ports).await?;
        }
        let request = MigrationPrepare {
            spec: ops::spec_for(cx, server).await?.0,
            disks,
            root: self.facts.as_ref().and_then(|facts| facts.root.clone()),
        };
        let made = cx.call(&host, &request, guest::DISK).await;
        made.map_err(|error| self.elsewhere(cx, error))
    }

    /// Clears away what was made ready. A host that does not answer does it when it does.
    pub async fn forget(&self, cx: &StepContext) -> Result<(), StepError> {
        let Some(host) = &self.destination else {
            return Ok(());
        };
        let request = MigrationForget {
            id: self.server,
            is_shared: self.is_shared(),
        };
        match ask_now(cx, host, &request).await {
            Ok(()) => {}
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::Conflict => {
                return Err(StepError::Retry(fault.message));
            }
            Err(error) => guest::owe(cx, self.server, host, &error.to_string()).await?,
        }
        let ports = ops::server_port_ids(cx, self.server).await?;
        let mut tx = cx.db.begin().await?;
        port_expect_on_conn(&mut tx, &ports, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the source is told to do; with `from_off` only disks move.
    pub fn order(&self, cx: &StepContext, from_off: bool) -> Result<MigrationOrder, StepError> {
        let compute = &cx.config.compute;
        let door = self.door.as_ref().ok_or_else(no_facts)?;
        Ok(MigrationOrder {
            destination: door.uri.clone(),
            address: door.address.clone(),
            disks: self.disks.ok_or_else(no_facts)?,
            bandwidth_mib: Some(compute.live_migration_bandwidth).filter(|most| *most > 0),
            downtime_ms: compute.live_migration_downtime,
            tls: compute.live_migration_with_native_tls,
            auto_converge: compute.live_migration_permit_auto_converge,
            post_copy: compute.live_migration_permit_post_copy,
            from_off,
        })
    }

    /// What the destination has of the guest; `None` if it does not answer.
    pub async fn arrival(&self, cx: &StepContext) -> Option<Arrival> {
        let host = self.destination.as_deref()?;
        ask_now(cx, host, &MigrationLook { id: self.server })
            .await
            .ok()
    }

    /// The source does not have the guest: then the destination does, or nobody.
    pub async fn left(&self, cx: &StepContext) -> StepResult {
        match self.arrival(cx).await {
            Some(Arrival::Arrived) => Ok(Flow::Next),
            Some(Arrival::Absent) => Err(StepError::Failed(Failure::new(
                "neither host has the guest: it ended during the migration",
            ))),
            Some(Arrival::Arriving | Arrival::Fetching) | None => Err(StepError::Retry(format!(
                "{} has sent the guest; waiting for {} to say that it is there",
                self.source,
                self.destination.as_deref().unwrap_or_default()
            ))),
        }
    }

    /// The next host is tried, unless this one was asked for.
    fn elsewhere(&mut self, cx: &StepContext, error: StepError) -> StepError {
        match error {
            StepError::Failed(failure) if self.wish.is_none() => StepError::Elsewhere(failure),
            StepError::Retry(text) if self.wish.is_none() => {
                if !guest::is_silent(cx, &mut self.silent) {
                    return StepError::Retry(text);
                }
                StepError::Elsewhere(Failure::new(text))
            }
            other => other,
        }
    }
}

/// Hosts that a server must not come to yet: they still have to clear away what they had of it, which they may do at any
/// moment. One that was wished for is waited for.
pub(super) async fn owing(
    cx: &StepContext,
    server: ServerId,
    wish: Option<&String>,
) -> Result<Vec<String>, StepError> {
    let mut conn = cx.db.read().await?;
    let owing = store::server_residue::hosts_of(&mut conn, server).await?;
    match wish.filter(|wish| owing.contains(wish)) {
        Some(wish) => Err(StepError::Retry(format!(
            "waiting for {wish} to clear away what it had of the server"
        ))),
        None => Ok(owing),
    }
}

/// The state of an operation has lost what an earlier step found out.
pub(super) fn no_facts() -> StepError {
    StepError::Failed(Failure::new(
        "the migration has lost what it knew of the guest",
    ))
}

/// Asks in this operation's turn, but not in its name: a repeat is no repeat to the node, and what it answers is of now.
pub(super) async fn ask_now<R: Rpc>(
    cx: &StepContext,
    host: &str,
    request: &R,
) -> Result<R::Reply, CallError> {
    cx.bus
        .call_in_turn(host, None, Some(cx.turn()), request, guest::CALL)
        .await
}

/// Changes the record of this move.
pub(super) async fn note(cx: &StepContext, change: &Change) -> Result<(), StepError> {
    let mut tx = cx.db.begin().await?;
    store::migration::change(&mut tx, cx.operation, change).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends the record of a move that was undone: as this status, or else as one that was aborted or that failed.
pub(super) async fn give_up_on_conn(
    conn: &mut Conn,
    cx: &StepContext,
    status: Option<MigrationStatus>,
) -> Result<(), StepError> {
    let migration = store::migration::of_operation(conn, cx.operation).await?;
    let reason = cx.reason.as_ref().map(ToString::to_string);
    let aborted = migration.is_some_and(|found| found.wish == Some(MigrationWish::Abort))
        || reason.as_deref() == Some("aborted on request");
    let ended = if aborted {
        MigrationStatus::Cancelled
    } else {
        MigrationStatus::Failed
    };
    let change = Change {
        status: Some(status.unwrap_or(ended)),
        message: reason,
        ..Change::default()
    };
    store::migration::change(conn, cx.operation, &change).await?;
    Ok(())
}
