//! A server gets another flavor: accept → claim → stop → disk → start → verify → confirm.
//!
//! At verify the operation rests until the owner has tried the new flavor and says so. Going back is nothing but the
//! undo, which a failure anywhere before takes as well: so the way back is the one that is always tested. The flavor of the
//! server's row is the new one from the beginning, so that the quota holds; while the operation lasts the ledger has the
//! server's own claim and, in the operation's name, what the new flavor needs in addition.
//!
//! The host stays the same.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::{
    Consumer, FlavorCopy, PowerState, ResizeDecision, Resources, Server, TaskState, VmState,
};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::{InstancePower, KeepDisk, PowerAction, RootDiskResize, RootDiskSettle};
use crate::compute::store;
use crate::compute::store::server::{Change as Row, Task};
use crate::ids::{ServerId, Time};
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

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerResize {
    server: ServerId,
    host: String,
    was: VmState,
    old: FlavorCopy,
    /// What it takes from its host with the new flavor.
    resources: Resources,
    /// GiB that its root disk grows to.
    grow: Option<u64>,
    grace_seconds: u64,
    decision: Option<ResizeDecision>,
}

impl ServerResize {
    /// For this server, as it is before its row gets the new flavor.
    pub fn new(before: &Server, new: &FlavorCopy, resources: Resources, grace: u64) -> Self {
        let larger = new.disk_gb > before.flavor.disk_gb;
        Self {
            server: before.id,
            host: before.host.clone().unwrap_or_default(),
            was: before.vm_state,
            old: before.flavor.clone(),
            resources,
            grow: (larger && !before.boots_from_volume()).then_some(new.disk_gb),
            grace_seconds: grace,
            decision: None,
        }
    }

    fn runs(&self) -> bool {
        self.was == VmState::Active
    }
}

/// What the owner decided about the resize that this operation is, if it is one.
pub fn resize_decision(operation: &Operation) -> Option<ResizeDecision> {
    if operation.kind != ServerResize::KIND {
        return None;
    }
    let state: ServerResize = serde_json::from_str(&operation.state).ok()?;
    state.decision
}

impl Saga for ServerResize {
    const KIND: &'static str = "server_resize";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("claim", claim).undo(unclaim),
            Step::new("stop", stop).undo(start_old),
            Step::new("disk", disk).undo(old_disk),
            Step::new("start", start).undo(stop_new),
            Step::new("verify", verify),
            Step::new("confirm", confirm).commits(),
        ]
    }
}

fn claim<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let order = PlaceOrder {
            operation: Some(cx.operation),
            host: Some(s.host.clone()),
            ..ops::move_order(&server, Consumer::Operation(cx.operation), s.resources)
        };
        let placement = ops::place(cx, &order).await?;
        if placement.host.is_some() {
            return Ok(Flow::Next);
        }
        Err(StepError::Failed(guest::no_host(&placement.decision)))
    }
    .boxed()
}

fn unclaim<'a>(cx: &'a StepContext, _: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        guest::unclaim(cx).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn stop<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &at(TaskState::ResizeMigrating)).await?;
        if s.runs() {
            let request = InstancePower {
                id: s.server,
                action: PowerAction::Stop,
                grace_seconds: s.grace_seconds,
            };
            let deadline = guest::CALL + Duration::from_secs(s.grace_seconds);
            cx.call(&s.host, &request, deadline).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

/// The guest is what it was, as it was before.
fn start_old<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let mut server = guest::server(cx, s.server).await?;
        if server.flavor != s.old {
            // A newer generation than that of the new flavor, which the node may have seen.
            let row = Row {
                flavor: Some(s.old.clone()),
                new_generation: true,
                task: task(Some(TaskState::ResizeReverting)),
                ..Row::default()
            };
            guest::write(cx, &server, &row).await?;
            server = guest::server(cx, s.server).await?;
        }
        guest::ensure(cx, &server, &s.host, s.runs()).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn disk<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(size_gb) = s.grow {
            let id = s.server;
            let request = RootDiskResize { id, size_gb };
            cx.call(&s.host, &request, guest::DISK).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn old_disk<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    settle_disk(cx, s, KeepDisk::Old).boxed()
}

async fn settle_disk(cx: &StepContext, s: &ServerResize, keep: KeepDisk) -> StepResult {
    if s.grow.is_some() {
        let request = RootDiskSettle { id: s.server, keep };
        cx.call(&s.host, &request, guest::DISK).await?;
    }
    Ok(Flow::Next)
}

fn start<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        guest::write(cx, &server, &at(TaskState::ResizeFinish)).await?;
        let power = guest::ensure(cx, &server, &s.host, s.runs()).await?;
        if s.runs() && guest::is_off(power) {
            return Err(StepError::Failed(guest::stopped_at_once(power)));
        }
        let row = Row {
            vm: Some(VmState::Resized),
            task: task(None),
            power: Some(power),
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn stop_new<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        guest::power_off(cx, s.server, &s.host).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Rests until the owner has decided.
fn verify<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        s.decision = server.resize.and_then(|resize| resize.decision);
        match &s.decision {
            None => Ok(Flow::Park(Time::now().plus_seconds(LOOK_AGAIN))),
            Some(decision) if decision.keep => Ok(Flow::Next),
            Some(_) => Err(StepError::Failed(Failure::new("reverted on request"))),
        }
    }
    .boxed()
}

fn confirm<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        settle_disk(cx, s, KeepDisk::New).await?;
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        ops::claim_settle_on_conn(&mut tx, cx.operation, s.server, &s.host, s.resources).await?;
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
        store::server::change(&mut tx, s.server, &row).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerResize) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let row = Row {
            vm: Some(s.was),
            task: task(None),
            power: s.was.power(),
            resize: Some(None),
            flavor: (server.flavor != s.old).then(|| s.old.clone()),
            new_generation: server.flavor != s.old,
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
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
