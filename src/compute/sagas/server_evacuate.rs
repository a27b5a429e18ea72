//! The server of a dead host is made anew on another one: accept → place → disk → start → activate.
//!
//! Only the server of a host that is fenced comes here ([`crate::compute::ops::server_evacuate`]). The flip is the first
//! thing after the new host is chosen: the server's generation rises and its host is the new one in one transaction with
//! the claims, the ports, and the debt of the old host to clear away what it has. So from then on nothing that the old
//! host may still say, or do when it comes back, counts. There is no way back past that: what does not succeed is
//! an error of the server on its new host, from where it is rebuilt or deleted, like any other.
//!
//! Where the disk is on a file system that the hosts share it is the same disk; where it was the dead host's own, it is made
//! anew of the image, as Nova does it.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::relocation::owing;
use crate::compute::model::{Consumer, MigrationStatus, Resources, Server, TaskState, VmState};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::RootDiskEnsure;
use crate::compute::store;
use crate::compute::store::migration::Change;
use crate::compute::store::server::{Change as Row, Task};
use crate::context::Change as What;
use crate::ids::ServerId;
use crate::network::ops::{port_announce, port_bind_on_conn};
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};

const OWN: &[TaskState] = &[TaskState::Rebuilding, TaskState::RebuildSpawning];

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerEvacuate {
    server: ServerId,
    source: String,
    was: VmState,
    wish: Option<String>,
    resources: Resources,
    destination: Option<String>,
    /// Questions that the new host did not answer.
    silent: u32,
    /// Why the server could not be made there.
    failure: Option<Failure>,
}

impl ServerEvacuate {
    /// For this server, which takes these resources; to a host of this name, if one is wished for.
    pub fn new(server: &Server, resources: Resources, wish: Option<String>) -> Self {
        Self {
            server: server.id,
            source: server.host.clone().unwrap_or_default(),
            was: server.vm_state,
            wish,
            resources,
            destination: None,
            silent: 0,
            failure: None,
        }
    }

    fn destination(&self) -> Result<&str, StepError> {
        self.destination
            .as_deref()
            .ok_or_else(|| StepError::Failed(Failure::new("the evacuation has no destination")))
    }

    /// One that was off stays off; one in error runs if it can.
    fn runs(&self) -> bool {
        self.was != VmState::Stopped
    }
}

impl Saga for ServerEvacuate {
    const KIND: &'static str = "server_evacuate";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("place", place).undo(unplace),
            Step::new("flip", flip).commits(),
            Step::new("disk", disk),
            Step::new("start", start),
            Step::new("activate", activate),
        ]
    }
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let row = Row {
            task: task(None),
            ..Row::default()
        };
        let mut tx = cx.db.begin().await?;
        store::server::change(&mut tx, s.server, &row).await?;
        let change = Change {
            status: Some(MigrationStatus::Failed),
            message: cx.reason.as_ref().map(ToString::to_string),
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn place<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        // What was under way when the host died may have ended well, and its guest runs there.
        if server.host.as_deref() != Some(&s.source) {
            return Err(StepError::Failed(Failure::new(format!(
                "the server is on {} by now, not on {}",
                server.host.as_deref().unwrap_or("no host"),
                s.source
            ))));
        }
        let consumer = Consumer::Operation(cx.operation);
        let mut excluded = owing(cx, s.server, s.wish.as_ref()).await?;
        excluded.push(s.source.clone());
        let order = PlaceOrder {
            operation: Some(cx.operation),
            host: s.wish.clone(),
            excluded,
            ..ops::move_order(cx, &server, consumer, s.resources).await?
        };
        let placement = ops::place(cx, &order).await?;
        if placement.host.is_none() {
            return Err(StepError::Failed(guest::no_host(&placement.decision)));
        }
        s.destination = placement.host;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unplace<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        guest::unclaim(cx).await?;
        s.destination = None;
        Ok(Flow::Next)
    }
    .boxed()
}

/// From now on the server is the new host's.
fn flip<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.destination()?.to_owned();
        let server = guest::server(cx, s.server).await?;
        let zone = ops::host_zone(cx, &host).await?;
        let ports = ops::server_port_ids(cx, s.server).await?;
        let row = Row {
            host: Some(Some(host.clone())),
            zone: Some(Some(zone)),
            new_generation: server.host.as_deref() != Some(&host),
            task: task(Some(TaskState::RebuildSpawning)),
            ..Row::default()
        };
        let mut tx = cx.db.begin().await?;
        ops::claim_settle_on_conn(&mut tx, cx.operation, s.server, &host, s.resources).await?;
        let bound = port_bind_on_conn(&mut tx, &ports, &host).await?;
        guest::volumes_follow_on_conn(&mut tx, s.server, &host).await?;
        store::server_residue::add(&mut tx, &s.source, s.server).await?;
        store::server::change(&mut tx, s.server, &row).await?;
        let change = Change {
            destination: Some(Some(host)),
            status: Some(MigrationStatus::Running),
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        for port in &bound {
            port_announce(cx, port, What::Updated);
        }
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn disk<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        if server.boots_from_volume() || is_deleted(&server) {
            return Ok(Flow::Next);
        }
        let spec = match ops::instance_spec_with_image(cx, &server).await {
            Ok(spec) => spec,
            // Its image is gone; a shared disk is there nevertheless.
            Err(error) if error.status() < 500 => ops::instance_spec(cx, &server).await?,
            Err(error) => return Err(error.into()),
        };
        let request = RootDiskEnsure {
            spec,
            rebuild: false,
        };
        let host = s.destination()?.to_owned();
        let made = cx.call(&host, &request, guest::DISK).await;
        failed_there(cx, s, made).await
    }
    .boxed()
}

fn start<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        if s.failure.is_some() || is_deleted(&server) {
            return Ok(Flow::Next);
        }
        let host = s.destination()?.to_owned();
        guest::network_ensure(cx, s.server, &host).await?;
        let made = match guest::ensure(cx, &server, &host, s.runs()).await {
            Ok(power) if s.runs() && guest::is_off(power) => {
                Err(StepError::Failed(guest::stopped_at_once(power)))
            }
            other => other.map(drop),
        };
        failed_there(cx, s, made).await
    }
    .boxed()
}

/// What the new host refuses is kept as the server's fault. What it does not answer is asked again, for as long as the
/// host lives or nobody gives it up.
async fn failed_there(
    cx: &StepContext,
    s: &mut ServerEvacuate,
    made: Result<(), StepError>,
) -> StepResult {
    match made {
        Ok(()) => Ok(Flow::Next),
        Err(StepError::Failed(failure) | StepError::Elsewhere(failure)) => {
            s.failure = Some(failure);
            Ok(Flow::Next)
        }
        Err(StepError::Retry(text)) => {
            if guest::is_silent(cx, &mut s.silent)
                && ops::host_is_fenced(cx, s.destination()?).await?
            {
                s.failure = Some(Failure::new(text).hint("evacuate it once more"));
                return Ok(Flow::Next);
            }
            Err(StepError::Retry(text))
        }
        Err(other) => Err(other),
    }
}

fn activate<'a>(cx: &'a StepContext, s: &'a mut ServerEvacuate) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let vm = match (&s.failure, s.runs()) {
            (Some(_), _) => VmState::Error,
            (None, true) => VmState::Active,
            (None, false) => VmState::Stopped,
        };
        let row = Row {
            vm: Some(vm),
            task: task(None),
            power: vm.power(),
            fault: Some(
                s.failure
                    .as_ref()
                    .map(|failure| guest::fault(Some(failure))),
            ),
            ..Row::default()
        };
        let mut tx = cx.db.begin().await?;
        store::server::change(&mut tx, s.server, &row).await?;
        let change = Change {
            status: Some(match s.failure {
                Some(_) => MigrationStatus::Failed,
                None => MigrationStatus::Completed,
            }),
            message: s.failure.as_ref().map(ToString::to_string),
            ..Change::default()
        };
        store::migration::change(&mut tx, cx.operation, &change).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

/// Nobody waits for a server that is being deleted.
fn is_deleted(server: &Server) -> bool {
    server.deleted_at.is_some() || server.task_state == Some(TaskState::Deleting)
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
