//! A server moves to another host: accept → source → place → destination → stop → prepare → transfer → settle → take over
//! → clean, with undo up to the end of the transfer.
//!
//! A live migration stops nothing. A cold one, of a server that is off or shall be off meanwhile, goes the same way: where
//! the hosts share the disk there is nothing to transfer, and where they do not the guest is moved as one that was started
//! and has not executed anything. It runs afterwards if it ran before.
//!
//! The transfer is the step that finds out: the source's word that the guest left, or that it stayed, decides between going
//! on and the undo, and a request to abort is only passed on to the source, which may be past it. While neither node says
//! where the guest is, nothing is changed and they are asked again. Until then the server's host is the source; it flips to
//! the destination in one transaction with the claims, the ports and the volumes.
//!
//! The destination takes the guest's files over before the source is told to clear away, so that on a shared file system the
//! source leaves them.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::bus::{CallError, FaultKind, Rpc};
use crate::compute::model::{
    Consumer, Forecast, MigrationStatus, MigrationWish, Resources, Server, TaskState, VmState,
};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::migration::{
    DestinationFacts, InstanceMigrate, InstanceMigrateAbort, InstanceMigrateForce,
    MigrationCheckDestination, MigrationCheckSource, MigrationForget, MigrationLook,
    MigrationPrepare, MigrationTakeOver, SourceFacts,
};
use crate::compute::rpc::{InstancePower, PowerAction};
use crate::compute::store;
use crate::compute::store::migration::Change;
use crate::compute::store::server::{Change as Row, Task};
use crate::config::TimeoutAction;
use crate::hypervisor::PowerState;
use crate::hypervisor::migration::{Arrival, DiskCopy, MigrationEnd, MigrationOrder};
use crate::ids::ServerId;
use crate::network::ops::{
    host_network_ensure, port_announce, port_arrived_on_conn, port_expect_on_conn,
};
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};
use crate::volume::ops::volume_moved_on_conn;

const OWN: &[TaskState] = &[TaskState::Migrating, TaskState::ResizeMigrating];
/// MiB of memory from which on it is worth a second to find out how fast the guest writes it: less is sent in that time.
const SAMPLED_MB: u64 = 1024;
/// How long the source is asked to wait for the end of the transfer, before its row is looked at again.
const WATCH: Duration = Duration::from_secs(5);

/// What whoever asked wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveMigrationWish {
    /// To this host; the scheduler's choice when absent.
    pub host: Option<String>,
    /// Whether disks are copied; as it has to be when absent.
    pub block: Option<bool>,
    /// Whether it is off meanwhile, and how many seconds it has to obey when it is asked to be.
    #[serde(default)]
    pub cold: Option<u64>,
}

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct LiveMigration {
    server: ServerId,
    source: String,
    was: VmState,
    wish: LiveMigrationWish,
    /// What it takes from its host.
    resources: Resources,
    facts: Option<SourceFacts>,
    /// The host that is tried now.
    destination: Option<String>,
    door: Option<DestinationFacts>,
    disks: Option<DiskCopy>,
    /// Hosts that could not take it, and why.
    failed: Vec<(String, String)>,
    /// Questions that the present host did not answer.
    silent: u32,
    /// Whether the destination has taken the files over.
    taken: bool,
}

impl LiveMigration {
    /// For this server, which takes these resources from its host.
    pub fn new(server: &Server, resources: Resources, wish: LiveMigrationWish) -> Self {
        Self {
            server: server.id,
            source: server.host.clone().unwrap_or_default(),
            was: server.vm_state,
            wish,
            resources,
            facts: None,
            destination: None,
            door: None,
            disks: None,
            failed: Vec::new(),
            silent: 0,
            taken: false,
        }
    }

    fn destination(&self) -> Result<&str, StepError> {
        self.destination
            .as_deref()
            .ok_or_else(|| StepError::Failed(Failure::new("the migration has no destination")))
    }

    fn is_cold(&self) -> bool {
        self.wish.cold.is_some()
    }

    /// Whether a cold one runs before and afterwards.
    fn runs(&self) -> bool {
        self.was == VmState::Active
    }

    fn is_shared(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.is_shared)
    }
}

impl Saga for LiveMigration {
    const KIND: &'static str = "live_migration";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("source", source),
            Step::new("place", place).undo(unplace).restart(),
            Step::new("destination", destination),
            Step::new("stop", stop).undo(start_again),
            Step::new("prepare", prepare).undo(unprepare),
            Step::new("transfer", transfer).decides(),
            Step::new("settle", settle).commits(),
            Step::new("take_over", take_over),
            Step::new("clean", clean),
        ]
    }
}

/// The server stays where and what it was.
fn give_up<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        let row = Row {
            task: task(None),
            ..Row::default()
        };
        store::server::change(&mut tx, s.server, &row).await?;
        let migration = store::migration::of_operation(&mut tx, cx.operation).await?;
        let reason = cx.reason.as_ref().map(ToString::to_string);
        let aborted = migration.is_some_and(|found| found.wish == Some(MigrationWish::Abort))
            || reason.as_deref() == Some("aborted on request");
        let change = Change {
            status: Some(if aborted {
                MigrationStatus::Cancelled
            } else {
                MigrationStatus::Failed
            }),
            message: reason,
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

/// What the guest is.
fn source<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let request = MigrationCheckSource {
            id: s.server,
            mark: cx.operation,
            sample: !s.is_cold() && s.resources.memory_mb >= SAMPLED_MB,
        };
        let facts = cx.call(&s.source, &request, guest::CALL).await?;
        if !s.is_cold() && !matches!(facts.power, PowerState::Running | PowerState::Paused) {
            return Err(StepError::Failed(
                Failure::new(format!("the guest does not run on {}", s.source))
                    .hint("start it, or move it while it is off (migrate)"),
            ));
        }
        s.facts = Some(facts);
        Ok(Flow::Next)
    }
    .boxed()
}

fn place<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut excluded: Vec<String> = s.failed.iter().map(|(host, _)| host.clone()).collect();
        excluded.push(s.source.clone());
        let order = PlaceOrder {
            operation: Some(cx.operation),
            host: s.wish.host.clone(),
            excluded,
            ..ops::move_order(&server, Consumer::Operation(cx.operation), s.resources)
        };
        let placement = ops::place(cx, &order).await?;
        let Some(host) = placement.host else {
            let failure = guest::no_host(&placement.decision);
            let message = guest::after_failures(&s.failed, failure.message);
            return Err(StepError::Failed(Failure { message, ..failure }));
        };
        s.silent = 0;
        s.destination = Some(host.clone());
        note(
            cx,
            &Change {
                destination: Some(Some(host)),
                ..Change::default()
            },
        )
        .await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unplace<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        guest::unclaim(cx).await?;
        if let Some(host) = s.destination.take() {
            let reason = cx.reason.as_ref().map(ToString::to_string);
            s.failed.push((host, reason.unwrap_or_default()));
        }
        (s.door, s.disks) = (None, None);
        Ok(Flow::Next)
    }
    .boxed()
}

/// Whether the chosen host can take it, and what has to be sent.
fn destination<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let facts = s.facts.clone().ok_or_else(no_facts)?;
        let host = s.destination()?.to_owned();
        let (spec, image) = spec(cx, &server).await?;
        let request = MigrationCheckDestination {
            spec,
            mark: cx.operation,
            cpu: facts.cpu.clone(),
        };
        let door = match cx.call(&host, &request, guest::CALL).await {
            Ok(door) => door,
            Err(error) => return Err(elsewhere(s, error)),
        };
        let disks = ops::disk_copy(&s.source, &host, &facts, &door, s.wish.block, image)
            .map_err(|failure| elsewhere(s, StepError::Failed(failure)))?;
        let bytes = ops::disk_bytes(&facts, disks);
        let link = ops::link_bps(cx, &s.source).await?;
        let forecast = Forecast::of(
            facts.memory_bytes,
            bytes,
            facts.dirty_bps.unwrap_or(0),
            link,
            cx.config.compute.live_migration_downtime,
        );
        note(
            cx,
            &Change {
                forecast: Some(forecast),
                status: Some(MigrationStatus::Preparing),
                ..Change::default()
            },
        )
        .await?;
        (s.door, s.disks) = (Some(door), Some(disks));
        Ok(Flow::Next)
    }
    .boxed()
}

/// What the destination has to know of the guest, and whether its image can still be fetched.
async fn spec(
    cx: &StepContext,
    server: &Server,
) -> Result<(crate::compute::rpc::InstanceSpec, bool), StepError> {
    match ops::instance_spec_with_image(cx, server).await {
        Ok(spec) => Ok((spec, true)),
        // Deleted or switched off since.
        Err(error) if error.status() < 500 => Ok((ops::instance_spec(cx, server).await?, false)),
        Err(error) => Err(error.into()),
    }
}

/// The next host is tried, unless this one was asked for.
fn elsewhere(s: &mut LiveMigration, error: StepError) -> StepError {
    match error {
        StepError::Failed(failure) if s.wish.host.is_none() => StepError::Elsewhere(failure),
        StepError::Retry(text) if s.wish.host.is_none() => {
            s.silent += 1;
            if s.silent < guest::SILENT_AFTER {
                return StepError::Retry(text);
            }
            StepError::Elsewhere(Failure::new(text))
        }
        other => other,
    }
}

fn no_facts() -> StepError {
    StepError::Failed(Failure::new(
        "the migration has lost what it knew of the guest",
    ))
}

/// A cold one is off before its disk is sent.
fn stop<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(grace_seconds) = s.wish.cold.filter(|_| s.runs()) {
            let request = InstancePower {
                id: s.server,
                action: PowerAction::Stop,
                grace_seconds,
            };
            let deadline = guest::CALL + Duration::from_secs(grace_seconds);
            cx.call(&s.source, &request, deadline).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn start_again<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        if s.is_cold() && s.runs() {
            let server = guest::server(cx, s.server).await?;
            guest::ensure(cx, &server, &s.source, true).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn prepare<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let host = s.destination()?.to_owned();
        let disks = s.disks.ok_or_else(no_facts)?;
        let ports = ops::server_port_ids(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        port_expect_on_conn(&mut tx, &ports, Some(&host)).await?;
        tx.commit().await?;
        if !ports.is_empty() {
            host_network_ensure(cx, &host).await?;
        }
        let request = MigrationPrepare {
            spec: spec(cx, &server).await?.0,
            disks,
            root: s.facts.as_ref().and_then(|facts| facts.root.clone()),
        };
        match cx.call(&host, &request, guest::DISK).await {
            Ok(()) => Ok(Flow::Next),
            Err(error) => Err(elsewhere(s, error)),
        }
    }
    .boxed()
}

fn unprepare<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let Some(host) = s.destination.clone() else {
            return Ok(Flow::Next);
        };
        let request = MigrationForget {
            id: s.server,
            is_shared: s.is_shared(),
        };
        match ask_now(cx, &host, &request).await {
            Ok(()) => {}
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::Conflict => {
                return Err(StepError::Retry(fault.message));
            }
            Err(error) => guest::owe(cx, s.server, &host, &error.to_string()).await?,
        }
        let ports = ops::server_port_ids(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        port_expect_on_conn(&mut tx, &ports, None).await?;
        tx.commit().await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn transfer<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        note(
            cx,
            &Change {
                status: Some(MigrationStatus::Running),
                ..Change::default()
            },
        )
        .await?;
        if s.is_cold() && s.disks == Some(DiskCopy::Shared) {
            return Ok(Flow::Next);
        }
        let order = order(cx, s)?;
        let patience = patience(cx, s);
        let begun = tokio::time::Instant::now();
        let mut stop = false;
        loop {
            let late = patience.is_some_and(|patience| begun.elapsed() > patience);
            let policy = cx.config.compute.live_migration_timeout_action;
            let wish = wish(cx).await?;
            stop |= wish == Some(MigrationWish::Abort) || late && policy == TimeoutAction::Abort;
            let force = wish == Some(MigrationWish::ForceComplete)
                || late && policy == TimeoutAction::ForceComplete;
            if stop {
                // Whether it was in time, the source says next.
                let _ = ask_now(cx, &s.source, &InstanceMigrateAbort { id: s.server }).await;
            } else if force {
                let _ = ask_now(cx, &s.source, &InstanceMigrateForce { id: s.server }).await;
            }
            let request = InstanceMigrate {
                id: s.server,
                order: order.clone(),
                begin: !stop,
            };
            let answer = tokio::select! {
                answer = cx.ask(&s.source, &request, WATCH) => answer,
                () = cx.aborted(), if !stop => {
                    stop = true;
                    continue;
                }
            };
            match answer {
                Err(CallError::Timeout { .. }) => {
                    // It may just take its time, or be dead.
                    if arrival(cx, s).await == Some(Arrival::Arrived)
                        && !ops::host_is_up(cx, &s.source).await?
                    {
                        return Ok(Flow::Next);
                    }
                }
                Ok(MigrationEnd::Left) => return left(cx, s).await,
                Ok(MigrationEnd::Stayed { reason }) => {
                    let reason = match (stop, late) {
                        (true, true) => format!(
                            "it did not end within {} s and was aborted (live_migration_completion_timeout); {reason}",
                            patience.unwrap_or_default().as_secs()
                        ),
                        (true, false) => "aborted on request".to_owned(),
                        _ => reason,
                    };
                    return Err(StepError::Failed(Failure::new(reason)));
                }
                Err(error) => return unanswered(cx, s, &error).await,
            }
        }
    }
    .boxed()
}

/// What whoever asked wants by now.
async fn wish(cx: &StepContext) -> Result<Option<MigrationWish>, StepError> {
    let mut conn = cx.db.read().await?;
    let found = store::migration::of_operation(&mut conn, cx.operation).await?;
    Ok(found.and_then(|found| found.wish))
}

fn order(cx: &StepContext, s: &LiveMigration) -> Result<MigrationOrder, StepError> {
    let compute = &cx.config.compute;
    let door = s.door.as_ref().ok_or_else(no_facts)?;
    Ok(MigrationOrder {
        destination: door.uri.clone(),
        address: door.address.clone(),
        disks: s.disks.ok_or_else(no_facts)?,
        bandwidth_mib: Some(compute.live_migration_bandwidth).filter(|most| *most > 0),
        downtime_ms: compute.live_migration_downtime,
        auto_converge: compute.live_migration_permit_auto_converge,
        post_copy: compute.live_migration_permit_post_copy,
        from_off: s.is_cold(),
    })
}

/// How long the transfer may take, by what there is to be sent.
fn patience(cx: &StepContext, s: &LiveMigration) -> Option<Duration> {
    let per_gib = cx.config.compute.live_migration_completion_timeout;
    let facts = s.facts.as_ref()?;
    let disk = ops::disk_bytes(facts, s.disks?);
    let gib = (facts.memory_bytes.saturating_add(disk) >> 30).max(1);
    (per_gib > 0).then(|| Duration::from_secs(per_gib.saturating_mul(gib)))
}

/// Asks in this operation's turn, but not in its name: a repeat is no repeat to the node, and what it answers is of now.
async fn ask_now<R: Rpc>(cx: &StepContext, host: &str, request: &R) -> Result<R::Reply, CallError> {
    cx.bus
        .call_in_turn(host, None, Some(cx.turn()), request, guest::CALL)
        .await
}

/// What the destination has; `None` if it does not answer.
async fn arrival(cx: &StepContext, s: &LiveMigration) -> Option<Arrival> {
    let host = s.destination.as_deref()?;
    ask_now(cx, host, &MigrationLook { id: s.server })
        .await
        .ok()
}

/// The source does not have the guest: then the destination does, or nobody.
async fn left(cx: &StepContext, s: &LiveMigration) -> StepResult {
    match arrival(cx, s).await {
        Some(Arrival::Arrived) => Ok(Flow::Next),
        Some(Arrival::Absent) => Err(StepError::Failed(Failure::new(
            "neither host has the guest: it ended during the migration",
        ))),
        Some(Arrival::Arriving) | None => Err(StepError::Retry(format!(
            "{} has sent the guest; waiting for {} to say that it is there",
            s.source,
            s.destination.as_deref().unwrap_or_default()
        ))),
    }
}

/// The source does not answer. By libvirt's handshake a guest that executes at the destination does not at the source.
async fn unanswered(cx: &StepContext, s: &LiveMigration, error: &CallError) -> StepResult {
    match arrival(cx, s).await {
        Some(Arrival::Arrived) => Ok(Flow::Next),
        Some(Arrival::Absent) if ops::host_is_fenced(cx, &s.source).await? => {
            Err(StepError::Failed(Failure::new(format!(
                "{} died during the migration",
                s.source
            ))))
        }
        _ => Err(StepError::Retry(error.to_string())),
    }
}

/// From now on the server is the destination's.
fn settle<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.destination()?.to_owned();
        let server = guest::server(cx, s.server).await?;
        let zone = ops::host_zone(cx, &host).await?;
        let ports = ops::server_port_ids(cx, s.server).await?;
        let row = Row {
            host: Some(Some(host.clone())),
            zone: Some(Some(zone)),
            // A cold one is not done before it is what it was.
            task: if s.is_cold() { None } else { task(None) },
            // While it moved, the source has said that it has no such guest.
            power: s.was.power(),
            fault: Some(None),
            ..Row::default()
        };
        let mut tx = cx.db.begin().await?;
        ops::claim_settle_on_conn(&mut tx, cx.operation, s.server, &host, s.resources).await?;
        let arrived = port_arrived_on_conn(&mut tx, &ports, &host).await?;
        for volume in store::server_link::volumes(&mut tx, s.server).await? {
            volume_moved_on_conn(&mut tx, volume.volume, &host).await?;
        }
        store::server::change(&mut tx, s.server, &row).await?;
        let change = Change {
            status: Some(MigrationStatus::PostMigrating),
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        for port in &arrived {
            port_announce(cx, port, crate::context::Change::Updated);
        }
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

/// The destination takes the files over. It may be dead by now, or the server be deleted: then nobody waits for it.
fn take_over<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.destination()?.to_owned();
        let request = MigrationTakeOver {
            id: s.server,
            runs: s.runs() && !s.is_cold(),
        };
        match cx.ask(&host, &request, guest::CALL).await {
            Ok(result) => {
                s.taken = true;
                if s.is_cold() {
                    become_again(cx, s, &host).await?;
                }
                note(
                    cx,
                    &Change {
                        progress: result,
                        ..Change::default()
                    },
                )
                .await?;
                Ok(Flow::Next)
            }
            Err(error) => {
                let server = guest::server(cx, s.server).await?;
                let over = server.task_state == Some(TaskState::Deleting)
                    || server.host.as_deref() != Some(&host)
                    || ops::host_is_fenced(cx, &host).await?;
                if over {
                    return Ok(Flow::Next);
                }
                Err(StepError::Retry(error.to_string()))
            }
        }
    }
    .boxed()
}

/// A cold one is defined at the destination, and started if it ran before. What the destination refuses is the server's
/// fault: it is off, and may be started again.
async fn become_again(cx: &StepContext, s: &LiveMigration, host: &str) -> Result<(), StepError> {
    guest::power_off(cx, s.server, host).await?;
    let server = guest::server(cx, s.server).await?;
    let made = match guest::ensure(cx, &server, host, s.runs()).await {
        Ok(power) if s.runs() && guest::is_off(power) => Err(guest::stopped_at_once(power)),
        Ok(_) => Ok(()),
        Err(StepError::Failed(failure) | StepError::Elsewhere(failure)) => Err(failure),
        Err(other) => return Err(other),
    };
    let vm = match &made {
        Ok(()) => s.was,
        Err(_) => VmState::Stopped,
    };
    let row = Row {
        vm: Some(vm),
        task: task(None),
        power: vm.power(),
        fault: Some(made.err().map(|failure| guest::fault(Some(&failure)))),
        ..Row::default()
    };
    guest::write(cx, &server, &row).await?;
    Ok(())
}

/// The source clears away what it has left.
fn clean<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        if s.taken || !s.is_shared() {
            guest::remove_or_owe(cx, s.server, &s.source).await?;
        }
        note(
            cx,
            &Change {
                status: Some(if s.is_cold() {
                    MigrationStatus::Confirmed
                } else {
                    MigrationStatus::Completed
                }),
                ..Change::default()
            },
        )
        .await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Changes the record of this move.
async fn note(cx: &StepContext, change: &Change) -> Result<(), StepError> {
    let mut tx = cx.db.begin().await?;
    store::migration::change(&mut tx, cx.operation, change).await?;
    tx.commit().await?;
    Ok(())
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
