//! A server moves to another host while it runs: accept → source → place → destination → prepare → transfer → settle → take
//! over → clean, with undo up to the end of the transfer. One that is off moves by [`super::ServerResize`].
//!
//! The transfer is the step that finds out: the source's word that the guest left, or that it stayed, decides between going
//! on and the undo, and a request to abort is only passed on to the source, which may be past it. While neither node says
//! where the guest is, nothing is changed and they are asked again. Until then the server's host is the source; it flips to
//! the destination in one transaction with the claims, the ports and the volumes.
//!
//! A guest that executes at the destination while memory of it is still at the source (post-copy) needs both: nothing goes on
//! until all is there. If one of them is fenced meanwhile the guest is lost, and the server is off, on the other host with the
//! disk as it is there; its fault says why.
//!
//! The destination takes the guest's files over before the source is told to clear away, so that on a shared file system the
//! source leaves them.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use super::relocation::{Relocation, ask_now, give_up_on_conn, no_facts, note};
use crate::bus::CallError;
use crate::compute::model::{
    Consumer, MigrationStatus, MigrationWish, Resources, Server, TaskState, VmState,
};
use crate::compute::ops::{self, PlaceOrder};
use crate::compute::rpc::migration::{
    InstanceMigrate, InstanceMigrateAbort, InstanceMigrateForce, MigrationTakeOver,
};
use crate::compute::store;
use crate::compute::store::migration::Change;
use crate::compute::store::server::{Change as Row, Task};
use crate::config::TimeoutAction;
use crate::hypervisor::PowerState;
use crate::hypervisor::migration::{Arrival, MigrationEnd};
use crate::network::ops::{port_announce, port_arrived_on_conn};
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};

const OWN: &[TaskState] = &[TaskState::Migrating];
/// MiB of memory from which on it is worth a second to find out how fast the guest writes it: less is sent in that time.
const SAMPLED_MB: u64 = 1024;
/// How long the source is asked to wait for the end of the transfer, before its row is looked at again.
const WATCH: Duration = Duration::from_secs(5);

/// What whoever asked wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveMigrationWish {
    /// To this host; the scheduler's choice when absent.
    pub host: Option<String>,
    /// Whether disks are copied; as it has to be when absent.
    pub block: Option<bool>,
}

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct LiveMigration {
    way: Relocation,
    was: VmState,
    /// Whether the destination has taken the files over.
    taken: bool,
    /// The host that died with a part of the guest.
    #[serde(default)]
    lost_with: Option<String>,
}

impl LiveMigration {
    /// For this server, which takes these resources from its host.
    pub fn new(server: &Server, resources: Resources, wish: LiveMigrationWish) -> Self {
        Self {
            way: Relocation {
                block: wish.block,
                ..Relocation::new(server, resources, wish.host)
            },
            was: server.vm_state,
            taken: false,
            lost_with: None,
        }
    }
}

impl Saga for LiveMigration {
    const KIND: &'static str = "live_migration";
    const VERSION: i64 = 2;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("source", source),
            Step::new("place", place).undo(unplace).restart(),
            Step::new("destination", destination),
            Step::new("prepare", prepare).undo(unprepare),
            Step::new("transfer", transfer).decides(),
            Step::new("settle", settle).commits(),
            Step::new("take_over", take_over),
            Step::new("clean", clean),
        ]
    }
}

/// The server stays where it was, and what it was unless its guest was lost.
fn give_up<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        let mut row = Row {
            task: task(None),
            ..Row::default()
        };
        switched_off(s, &mut row);
        if s.lost_with.is_some() {
            guest::power_off(cx, s.way.server, &s.way.source).await?;
        }
        let mut tx = cx.db.begin().await?;
        store::server::change(&mut tx, s.way.server, &row).await?;
        give_up_on_conn(&mut tx, cx, None).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

/// What the guest is.
fn source<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let sample = s.way.resources.memory_mb >= SAMPLED_MB;
        let power = s.way.look(cx, sample).await?.power;
        if !matches!(power, PowerState::Running | PowerState::Paused) {
            return Err(StepError::Failed(
                Failure::new(format!("the guest does not run on {}", s.way.source))
                    .hint("start it, or move it while it is off (migrate)"),
            ));
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn place<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        let consumer = Consumer::Operation(cx.operation);
        let order = PlaceOrder {
            excluded: vec![s.way.source.clone()],
            ..ops::move_order(cx, &server, consumer, s.way.resources).await?
        };
        s.way.place(cx, order).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unplace<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        s.way.unplace(cx).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Whether the chosen host can take it, what has to be sent, and how long that will take.
fn destination<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        s.way.meet(cx, &server, true).await?;
        let facts = s.way.facts.as_ref().ok_or_else(no_facts)?;
        let disks = s.way.disks.ok_or_else(no_facts)?;
        let forecast = ops::forecast(cx, &s.way.source, facts, disks).await?;
        let change = Change {
            forecast: Some(forecast),
            status: Some(MigrationStatus::Preparing),
            ..Change::default()
        };
        note(cx, &change).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn prepare<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.way.server).await?;
        s.way.prepare(cx, &server).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn unprepare<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        s.way.forget(cx).await?;
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
        let order = s.way.order(cx, false)?;
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
                let _ = ask_now(cx, &s.way.source, &InstanceMigrateAbort { id: s.way.server }).await;
            } else if force {
                let _ = ask_now(cx, &s.way.source, &InstanceMigrateForce { id: s.way.server }).await;
            }
            let request = InstanceMigrate {
                id: s.way.server,
                order: order.clone(),
                begin: !stop,
            };
            let answer = tokio::select! {
                answer = cx.ask(&s.way.source, &request, WATCH) => answer,
                () = cx.aborted(), if !stop => {
                    stop = true;
                    continue;
                }
            };
            match answer {
                // It may just take its time.
                Err(CallError::Timeout { .. }) if ops::host_is_up(cx, &s.way.source).await? => {}
                Ok(MigrationEnd::Left) => return s.way.left(cx).await,
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
                Ok(MigrationEnd::Split { reason }) => return split(cx, s, reason).await,
                Err(error) => return unanswered(cx, s, &error).await,
            }
        }
    }
    .boxed()
}

/// The guest executed at the destination while memory of it was still at the source, which has lost the way there.
async fn split(cx: &StepContext, s: &mut LiveMigration, reason: String) -> StepResult {
    let host = s.way.destination()?.to_owned();
    let gone =
        ops::host_is_fenced(cx, &host).await? || s.way.arrival(cx).await == Some(Arrival::Absent);
    if !gone {
        return Err(StepError::Retry(format!(
            "memory of the guest is on {} and on {host}, which do not reach each other: {reason}",
            s.way.source
        )));
    }
    s.lost_with = Some(host.clone());
    Err(StepError::Failed(Failure::new(format!(
        "{host} died while the guest executed there with memory that was still on {}",
        s.way.source
    ))))
}

/// What whoever asked wants by now.
async fn wish(cx: &StepContext) -> Result<Option<MigrationWish>, StepError> {
    let mut conn = cx.db.read().await?;
    let found = store::migration::of_operation(&mut conn, cx.operation).await?;
    Ok(found.and_then(|found| found.wish))
}

/// How long the transfer may take, by what there is to be sent.
fn patience(cx: &StepContext, s: &LiveMigration) -> Option<Duration> {
    let per_gib = cx.config.compute.live_migration_completion_timeout;
    let facts = s.way.facts.as_ref()?;
    let disk = ops::disk_bytes(facts, s.way.disks?);
    let gib = (facts.memory_bytes.saturating_add(disk) >> 30).max(1);
    (per_gib > 0).then(|| Duration::from_secs(per_gib.saturating_mul(gib)))
}

/// The source does not answer. By libvirt's handshake a guest that executes at the destination does not at the source.
async fn unanswered(cx: &StepContext, s: &mut LiveMigration, error: &CallError) -> StepResult {
    let arrival = s.way.arrival(cx).await;
    if arrival == Some(Arrival::Arrived) {
        return Ok(Flow::Next);
    }
    let fenced = ops::host_is_fenced(cx, &s.way.source).await?;
    match arrival {
        // What is not there by now will not come.
        Some(Arrival::Arriving | Arrival::Absent) if fenced => Err(StepError::Failed(
            Failure::new(format!("{} died during the migration", s.way.source)),
        )),
        Some(Arrival::Fetching) if fenced => {
            s.lost_with = Some(s.way.source.clone());
            Ok(Flow::Next)
        }
        _ => Err(StepError::Retry(error.to_string())),
    }
}

/// The server is off if its guest was lost, and says why.
fn switched_off(s: &LiveMigration, row: &mut Row) {
    let Some(dead) = &s.lost_with else { return };
    let failure = Failure::new(format!(
        "{dead} died with a part of the guest's memory while it was finished at the destination (post-copy)"
    ))
    .hint("start it: it boots from its disk; without live_migration_permit_post_copy no guest is put at this risk");
    row.vm = Some(VmState::Stopped);
    row.power = VmState::Stopped.power();
    row.fault = Some(Some(guest::fault(Some(&failure))));
}

/// From now on the server is the destination's.
fn settle<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.way.destination()?.to_owned();
        let server = guest::server(cx, s.way.server).await?;
        let zone = ops::host_zone(cx, &host).await?;
        let ports = ops::server_port_ids(cx, s.way.server).await?;
        let mut row = Row {
            host: Some(Some(host.clone())),
            zone: Some(Some(zone)),
            task: task(None),
            // While it moved, the source has said that it has no such guest.
            power: s.was.power(),
            fault: Some(None),
            ..Row::default()
        };
        switched_off(s, &mut row);
        let mut tx = cx.db.begin().await?;
        ops::claim_settle_on_conn(&mut tx, cx.operation, s.way.server, &host, s.way.resources)
            .await?;
        let arrived = port_arrived_on_conn(&mut tx, &ports, &host).await?;
        guest::volumes_follow_on_conn(&mut tx, s.way.server, &host).await?;
        store::server::change(&mut tx, s.way.server, &row).await?;
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
        let host = s.way.destination()?.to_owned();
        if s.lost_with.is_some() && !is_over(cx, s, &host).await? {
            guest::power_off(cx, s.way.server, &host).await?;
        }
        let request = MigrationTakeOver {
            id: s.way.server,
            runs: s.was == VmState::Active && s.lost_with.is_none(),
        };
        match cx.ask(&host, &request, guest::CALL).await {
            Ok(result) => {
                s.taken = true;
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
            Err(_) if is_over(cx, s, &host).await? => Ok(Flow::Next),
            Err(error) => Err(StepError::Retry(error.to_string())),
        }
    }
    .boxed()
}

/// Whether nobody waits for the destination any more.
async fn is_over(cx: &StepContext, s: &LiveMigration, host: &str) -> Result<bool, StepError> {
    let server = guest::server(cx, s.way.server).await?;
    Ok(server.task_state == Some(TaskState::Deleting)
        || server.host.as_deref() != Some(host)
        || ops::host_is_fenced(cx, host).await?)
}

/// The source clears away what it has left.
fn clean<'a>(cx: &'a StepContext, s: &'a mut LiveMigration) -> BoxFuture<'a, StepResult> {
    async move {
        if s.taken || !s.way.is_shared() {
            guest::remove_or_owe(cx, s.way.server, &s.way.source).await?;
        }
        note(
            cx,
            &Change {
                status: Some(MigrationStatus::Completed),
                ..Change::default()
            },
        )
        .await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
