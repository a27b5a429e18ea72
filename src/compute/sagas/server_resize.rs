//! A server gets another flavor, another host, or both, while it is off: accept → place → destination → prepare → stop →
//! transfer → arrive → disk → start → verify → confirm → clean.
//!
//! It stays on its host where that has room, and has to leave it where that is the wish (a cold migration, with the flavor
//! that it has). Hosts that share the disk have nothing to transfer; others move the guest as one that was started and has
//! not executed anything, which leaves the source's files as they were.
//!
//! At verify the operation rests until the owner has tried the server and says so, unless nobody was to be asked. Going back
//! is nothing but the undo, which a failure anywhere before takes as well: so the way back is the one that is always tested.
//! The source keeps its files and its claim until the owner has confirmed. The flavor of the server's row is the new one
//! from the beginning, so that the quota holds; what the new flavor needs is claimed in the operation's name, on the same
//! host in addition to the server's own.
//!
//! Invariant: the guest is started on one host only after the other has said that it is off there, or was said to be dead.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::relocation::{Relocation, ask_now, give_up_on_conn, note};
use crate::compute::model::{
    Consumer, FlavorCopy, MigrationStatus, PowerState, ResizeDecision, Resources, Server,
    TaskState, VmState,
};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::migration::{InstanceMigrate, InstanceMigrateAbort};
use crate::compute::rpc::{InstancePower, KeepDisk, PowerAction, RootDiskResize, RootDiskSettle};
use crate::compute::store;
use crate::compute::store::migration::Change;
use crate::compute::store::server::{Change as Row, Task};
use crate::context::Change as What;
use crate::hypervisor::migration::{DiskCopy, MigrationEnd};
use crate::ids::Time;
use crate::network::ops::{port_announce, port_arrived_on_conn, port_bind_on_conn};
use crate::saga::{Failure, Flow, Operation, Saga, Step, StepContext, StepError, StepResult};

const OWN: &[TaskState] = &[
    TaskState::ResizePrep,
    TaskState::ResizeMigrating,
    TaskState::ResizeFinish,
    TaskState::ResizeReverting,
    TaskState::ResizeConfirming,
];

/// Seconds between looks for a decision; whoever decides wakes the operation.
const LOOK_AGAIN: i64 = 60;

/// What whoever asked wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResizeWish {
    /// Whether it has to leave its host.
    pub leave: bool,
    /// Whether its owner is asked before the way back is given up.
    pub verify: bool,
    /// Seconds that the guest has to obey when it is asked to stop.
    pub grace_seconds: u64,
}

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerResize {
    way: Relocation,
    was: VmState,
    old: FlavorCopy,
    /// GiB that its root disk grows to.
    grow: Option<u64>,
    wish: ResizeWish,
    /// Since when its owner is asked.
    asked: Option<Time>,
    decision: Option<ResizeDecision>,
}

impl ServerResize {
    /// For this server, as it is before its row gets the new flavor; `resources` is what it takes with that. To `host`, or
    /// when absent the present one or the scheduler's choice.
    pub fn new(
        before: &Server,
        new: &FlavorCopy,
        resources: Resources,
        host: Option<String>,
        wish: ResizeWish,
    ) -> Self {
        let larger = new.disk_gb > before.flavor.disk_gb;
        Self {
            way: Relocation::new(before, resources, host),
            was: before.vm_state,
            old: before.flavor.clone(),
            grow: (larger && !before.boots_from_volume()).then_some(new.disk_gb),
            wish,
            asked: None,
            decision: None,
        }
    }

    fn runs(&self) -> bool {
        self.was == VmState::Active
    }

    /// The other host, if it goes to one.
    fn other(&self) -> Option<&str> {
        let chosen = self.way.destination.as_deref();
        chosen.filter(|host| *host != self.way.source)
    }

    /// Where it is with the new flavor.
    fn host(&self) -> &str {
        self.other().unwrap_or(&self.way.source)
    }

    /// Whether its disk has to be sent.
    fn is_sent(&self) -> bool {
        self.other().is_some()
            && self
                .way
                .disks
                .is_some_and(|disks| disks != DiskCopy::Shared)
    }

    /// The server as its source has it.
    async fn before(&self, cx: &StepContext) -> Result<Server, StepError> {
        let server = guest::server(cx, self.way.server).await?;
        let flavor = self.old.clone();
        Ok(Server { flavor, ..server })
    }
}

/// What the owner decided about the resize that this operation is, if it is one.
pub fn resize_decision(operation: &Operation) -> Option<ResizeDecision> {
    state_of(operation)?.decision
}

/// Whether this operation is a cold migration: the flavor stays.
pub fn is_cold_migration(operation: &Operation) -> bool {
    state_of(operation).is_some_and(|state| state.wish.leave)
}

fn state_of(operation: &Operation) -> Option<ServerResize> {
    (operation.kind == ServerResize::KIND)
        .then(|| serde_json::from_str(&operation.state).ok())
        .flatten()
}

impl Saga for ServerResize {
    const KIND: &'static str = "server_resize";
    const VERSION: i64 = 2;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("place", place).undo(unplace).restart(),
            Step::new("destination", destination),
            Step::new("prepare", prepare).undo(unprepare),
            Step::new("stop", stop).undo(start_old),
            Step::new("transfer", transfer).undo(take_back),
            Step::new("arrive", arrive).undo(depart),
            Step::new("disk", disk).undo(old_disk),
            Step::new("start", start).undo(stop_new),
            Step::new("verify", verify),
            Step::new("confirm", confirm).commits(),
            Step::new("clean", clean),
        ]
    }
}

fn place<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        let source = || s.way.source.clone();
        let consumer = Consumer::Operation(cx.operation);
        let order = PlaceOrder {
            prefers: (!s.wish.leave).then(source),
            excluded: s.wish.leave.then(source).into_iter().collect(),
            ..ops::move_order(cx, &server, consumer, s.way.resources).await?
        };
        s.way.place(cx, order).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unplace<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        s.way.unplace(cx).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Whether the chosen host can take it, and what has to be sent.
fn destination<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            s.way.look(cx, false).await?;
            let before = s.before(cx).await?;
            s.way.meet(cx, &before, false).await?;
        }
        let change = Change {
            status: Some(MigrationStatus::Preparing),
            ..Change::default()
        };
        note(cx, &change).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn prepare<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            let before = s.before(cx).await?;
            s.way.prepare(cx, &before).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn unprepare<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            s.way.forget(cx).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn stop<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        guest::write(cx, &server, &at(TaskState::ResizeMigrating)).await?;
        if s.runs() {
            let request = InstancePower {
                id: s.way.server,
                action: PowerAction::Stop,
                grace_seconds: s.wish.grace_seconds,
            };
            let deadline = guest::CALL + Duration::from_secs(s.wish.grace_seconds);
            cx.call(&s.way.source, &request, deadline).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

/// The guest is what it was, as it was before.
fn start_old<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let mut server = guest::server(cx, s.way.server).await?;
        if server.flavor != s.old {
            // A newer generation than that of the new flavor, which the node may have seen.
            let row = Row {
                flavor: Some(s.old.clone()),
                new_generation: true,
                task: task(Some(TaskState::ResizeReverting)),
                ..Row::default()
            };
            guest::write(cx, &server, &row).await?;
            server = guest::server(cx, s.way.server).await?;
        }
        if s.other().is_some() {
            guest::network_ensure(cx, s.way.server, &s.way.source).await?;
        }
        guest::ensure(cx, &server, &s.way.source, s.runs()).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Sends the disk, if the other host does not see it.
fn transfer<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if !s.is_sent() {
            return Ok(Flow::Next);
        }
        let change = Change {
            status: Some(MigrationStatus::Running),
            ..Change::default()
        };
        note(cx, &change).await?;
        let request = InstanceMigrate {
            id: s.way.server,
            order: s.way.order(cx, true)?,
            begin: true,
        };
        match cx.call(&s.way.source, &request, guest::DISK).await? {
            MigrationEnd::Stayed { reason } => Err(StepError::Failed(Failure::new(reason))),
            MigrationEnd::Split { reason } => Err(StepError::Retry(reason)),
            MigrationEnd::Left => s.way.left(cx).await,
        }
    }
    .boxed()
}

/// Nothing is on the way any more, and nothing executes or could at either end. The source has its files as they were.
fn take_back<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.is_sent() {
            let id = s.way.server;
            // Whether there was anything to break off, the source says next.
            let _ = ask_now(cx, &s.way.source, &InstanceMigrateAbort { id }).await;
            let end = InstanceMigrate {
                id,
                order: s.way.order(cx, true)?,
                begin: false,
            };
            ask_now(cx, &s.way.source, &end).await?;
            guest::power_off(cx, id, &s.way.source).await?;
        }
        off_there(cx, s).await
    }
    .boxed()
}

/// The other host does not have the guest executing. One that is dead does not.
async fn off_there(cx: &StepContext, s: &ServerResize) -> StepResult {
    let Some(other) = s.other() else {
        return Ok(Flow::Next);
    };
    match guest::power_off(cx, s.way.server, other).await {
        Err(StepError::Retry(reason)) if ops::host_is_fenced(cx, other).await? => {
            tracing::warn!(server = %s.way.server, other, reason, "it is dead, and so is the guest there");
        }
        done => done?,
    }
    Ok(Flow::Next)
}

/// The server is the other host's from now on, until it is confirmed or reverted.
fn arrive<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(other) = s.other() {
            flip(cx, s, other, MigrationStatus::PostMigrating).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn depart<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            flip(cx, s, &s.way.source, MigrationStatus::Running).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

/// Says in one transaction that the server is on this host: its row, its ports, its volumes.
async fn flip(
    cx: &StepContext,
    s: &ServerResize,
    host: &str,
    status: MigrationStatus,
) -> Result<(), StepError> {
    let server = guest::server(cx, s.way.server).await?;
    let zone = ops::host_zone(cx, host).await?;
    let ports = ops::server_port_ids(cx, s.way.server).await?;
    let row = Row {
        host: Some(Some(host.to_owned())),
        zone: Some(Some(zone)),
        ..Row::default()
    };
    let mut tx = cx.db.begin().await?;
    let there = if host == s.way.source {
        port_bind_on_conn(&mut tx, &ports, host).await?
    } else {
        port_arrived_on_conn(&mut tx, &ports, host).await?
    };
    guest::volumes_follow_on_conn(&mut tx, s.way.server, host).await?;
    store::server::change(&mut tx, s.way.server, &row).await?;
    let change = Change {
        status: Some(status),
        ..Change::default()
    };
    store::migration::change(&mut tx, cx.operation, &change).await?;
    tx.commit().await?;
    for port in &there {
        port_announce(cx, port, What::Updated);
    }
    ops::tell_changed(cx, &server, &row);
    Ok(())
}

fn disk<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        // One that was sent has arrived paused.
        off_there(cx, s).await?;
        if let Some(size_gb) = s.grow {
            let id = s.way.server;
            let request = RootDiskResize { id, size_gb };
            cx.call(s.host(), &request, guest::DISK).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

/// A disk that was sent is given up as a whole; any other one is the source's.
fn old_disk<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if !s.is_sent() {
            settle_disk(cx, s, &s.way.source, KeepDisk::Old).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

async fn settle_disk(
    cx: &StepContext,
    s: &ServerResize,
    host: &str,
    keep: KeepDisk,
) -> Result<(), StepError> {
    if s.grow.is_some() {
        let id = s.way.server;
        let request = RootDiskSettle { id, keep };
        cx.call(host, &request, guest::DISK).await?;
    }
    Ok(())
}

fn start<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        guest::write(cx, &server, &at(TaskState::ResizeFinish)).await?;
        let power = guest::ensure(cx, &server, s.host(), s.runs()).await?;
        if s.runs() && guest::is_off(power) {
            return Err(StepError::Failed(guest::stopped_at_once(power)));
        }
        let row = Row {
            vm: s.wish.verify.then_some(VmState::Resized),
            task: if s.wish.verify { task(None) } else { None },
            power: Some(power),
            ..Row::default()
        };
        // Whoever sees that it asks sees that the move is finished.
        let change = Change {
            status: s.wish.verify.then_some(MigrationStatus::Finished),
            ..Change::default()
        };
        let mut tx = cx.db.begin().await?;
        store::server::change(&mut tx, s.way.server, &row).await?;
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn stop_new<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            return off_there(cx, s).await;
        }
        guest::power_off(cx, s.way.server, &s.way.source).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Rests until the owner has decided, or for as long as the configuration says.
fn verify<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if !s.wish.verify {
            return Ok(Flow::Next);
        }
        let server = guest::server(cx, s.way.server).await?;
        s.decision = server.resize.and_then(|resize| resize.decision);
        let asked = *s.asked.get_or_insert_with(Time::now);
        let window = i64::try_from(cx.config.compute.resize_confirm_window).unwrap_or(i64::MAX);
        let end = (window > 0).then(|| asked.plus_seconds(window));
        match &s.decision {
            None if end.is_some_and(|end| end <= Time::now()) => Ok(Flow::Next),
            None => {
                let next = Time::now().plus_seconds(LOOK_AGAIN);
                Ok(Flow::Park(end.map_or(next, |end| end.min(next))))
            }
            Some(decision) if decision.keep => Ok(Flow::Next),
            Some(_) => Err(StepError::Failed(Failure::new("reverted on request"))),
        }
    }
    .boxed()
}

fn confirm<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.host().to_owned();
        settle_disk(cx, s, &host, KeepDisk::New).await?;
        let server = guest::server(cx, s.way.server).await?;
        let mut tx = cx.db.begin().await?;
        let (id, resources) = (s.way.server, s.way.resources);
        ops::claim_settle_on_conn(&mut tx, cx.operation, id, &host, resources).await?;
        let runs = server.power_state == PowerState::Running;
        let row = Row {
            vm: Some(if runs {
                VmState::Active
            } else {
                VmState::Stopped
            }),
            task: task(None),
            resize: Some(None),
            fault: Some(None),
            ..Row::default()
        };
        store::server::change(&mut tx, id, &row).await?;
        let change = Change {
            status: Some(MigrationStatus::Confirmed),
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

/// The source clears away what it has left. Files that both see are the other host's by now.
fn clean<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if s.other().is_some() {
            guest::remove_or_owe(cx, s.way.server, &s.way.source).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        let row = Row {
            vm: Some(s.was),
            task: task(None),
            power: s.was.power(),
            resize: Some(None),
            flavor: (server.flavor != s.old).then(|| s.old.clone()),
            new_generation: server.flavor != s.old,
            ..Row::default()
        };
        let mut tx = cx.db.begin().await?;
        store::server::change(&mut tx, s.way.server, &row).await?;
        let reverted = s.decision.as_ref().is_some_and(|decision| !decision.keep);
        give_up_on_conn(&mut tx, cx, reverted.then_some(MigrationStatus::Reverted)).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn at(state: TaskState) -> Row {
    Row {
        task: task(Some(state)),
        ..Row::default()
    }
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
