//! A new server: accept → place → ports → volumes → root disk → start guest → activate, with a full undo.
//!
//! A host that refuses the guest, or does not answer, is undone and excluded, and the next one is tried, until
//! `compute.max_attempts` hosts have failed; then the server is in error, with what each of them said. Ids of ports and
//! volumes are chosen, and their rows that tie them to the server written, by the operation that asks for the launch; so a
//! deletion finds everything that may exist, however far the launch has come.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::{
    Consumer, PlaceWish, PowerState, Resources, Server, TaskState, VmState,
};
use crate::compute::ops::{self, NicWish, PlaceOrder, VolumeWish};
use crate::compute::rpc::RootDiskEnsure;
use crate::compute::scheduler::Decision;
use crate::compute::store;
use crate::compute::store::server::{Change as Row, Task};
use crate::context::Change;
use crate::ids::ServerId;
use crate::network::ops::port_announce;
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};

/// What a launch may set as task state.
const OWN: &[TaskState] = &[
    TaskState::Scheduling,
    TaskState::Networking,
    TaskState::BlockDeviceMapping,
    TaskState::Spawning,
];

/// What was asked for, beyond the server's row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchWish {
    /// What it takes from its host.
    pub resources: Resources,
    /// Where its owner wants it.
    #[serde(flatten)]
    pub place: PlaceWish,
    /// Only this host.
    pub host: Option<String>,
    /// Its interfaces in order.
    pub nics: Vec<NicWish>,
    /// Its volumes in order.
    pub volumes: Vec<VolumeWish>,
}

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerLaunch {
    server: ServerId,
    wish: LaunchWish,
    /// The host that is tried now.
    host: Option<String>,
    /// Hosts that failed, and what they said.
    failed: Vec<(String, String)>,
    /// Questions that the present host did not answer.
    silent: u32,
}

impl ServerLaunch {
    /// For this server.
    pub fn new(server: ServerId, wish: LaunchWish) -> Self {
        Self {
            server,
            wish,
            host: None,
            failed: Vec::new(),
            silent: 0,
        }
    }

    fn host(&self) -> Result<&str, StepError> {
        self.host
            .as_deref()
            .ok_or_else(|| StepError::Failed(Failure::new("the launch has no host")))
    }
}

impl Saga for ServerLaunch {
    const KIND: &'static str = "server_launch";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("place", place).undo(unplace).restart(),
            Step::new("ports", ports).undo(ports_undo),
            Step::new("volumes", volumes).undo(volumes_undo),
            Step::new("root_disk", root_disk).undo(remove),
            Step::new("start_guest", start_guest).undo(remove),
            Step::new("activate", activate),
        ]
    }
}

/// The launch failed for good: the server stays as a record of why. Ports and volumes of its owner were promised to it when
/// it was asked for, and are free again.
fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(until) = ops::volumes_unmake(cx, s.server, &s.wish.volumes).await? {
            return Ok(Flow::Park(until));
        }
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        let freed = ops::ports_unmake_on_conn(&mut tx, s.server, &s.wish.nics).await?;
        store::server_link::clear_links(&mut tx, s.server).await?;
        let row = Row {
            vm: Some(VmState::Error),
            task: task(None),
            fault: Some(Some(guest::fault(cx.reason.as_ref()))),
            ..Row::default()
        };
        store::server::change(&mut tx, s.server, &row).await?;
        tx.commit().await?;
        ops::ports_tell(cx, &freed);
        ops::tell_changed(cx, &server, &row);
        Ok(Flow::Next)
    }
    .boxed()
}

fn place<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let order = PlaceOrder {
            operation: Some(cx.operation),
            host: s.wish.host.clone(),
            networks: s.wish.nics.iter().map(|nic| nic.network).collect(),
            excluded: s.failed.iter().map(|(host, _)| host.clone()).collect(),
            ..ops::launch_order(&server, s.wish.resources, s.wish.place.clone())
        };
        let placement = ops::place(cx, &order).await?;
        let Some(host) = placement.host else {
            return Err(StepError::Failed(no_host(&s.failed, &placement.decision)));
        };
        s.host = Some(host);
        s.silent = 0;
        Ok(Flow::Next)
    }
    .boxed()
}

/// What hosts that were tried said belongs to the reason that no other is left.
fn no_host(failed: &[(String, String)], decision: &Decision) -> Failure {
    let failure = guest::no_host(decision);
    let message = guest::after_failures(failed, failure.message);
    Failure { message, ..failure }
}

fn unplace<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        ops::claim_release_on_conn(&mut tx, Consumer::Server(s.server)).await?;
        tx.commit().await?;
        if let Some(host) = s.host.take() {
            let reason = cx.reason.as_ref().map(ToString::to_string);
            s.failed.push((host, reason.unwrap_or_default()));
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn ports<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let host = s.host()?;
        let server = guest::server(cx, s.server).await?;
        let zone = ops::host_zone(cx, host).await?;
        let mut tx = cx.db.begin().await?;
        let row = Row {
            host: Some(Some(host.to_owned())),
            zone: Some(Some(zone)),
            task: task(Some(if s.wish.volumes.is_empty() {
                TaskState::Spawning
            } else {
                TaskState::BlockDeviceMapping
            })),
            ..Row::default()
        };
        store::server::change(&mut tx, s.server, &row).await?;
        let made = ops::ports_make_on_conn(&mut tx, cx, &server, &s.wish.nics, host).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        for port in &made {
            port_announce(cx, port, Change::Created);
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn ports_undo<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut tx = cx.db.begin().await?;
        let gone = ops::ports_unmake_on_conn(&mut tx, s.server, &s.wish.nics).await?;
        let row = Row {
            host: Some(None),
            zone: Some(None),
            task: task(Some(TaskState::Scheduling)),
            ..Row::default()
        };
        store::server::change(&mut tx, s.server, &row).await?;
        tx.commit().await?;
        ops::tell_changed(cx, &server, &row);
        // The node itself is told by the network's reconciler: nobody waits for it.
        ops::ports_tell(cx, &gone);
        Ok(Flow::Next)
    }
    .boxed()
}

fn volumes<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        if s.wish.volumes.is_empty() {
            return Ok(Flow::Next);
        }
        let host = s.host()?;
        let server = guest::server(cx, s.server).await?;
        if let Some(until) = ops::volumes_make(cx, &server, &s.wish.volumes, host).await? {
            return Ok(Flow::Park(until));
        }
        let row = Row {
            task: task(Some(TaskState::Spawning)),
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn volumes_undo<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let again = ops::volumes_unmake(cx, s.server, &s.wish.volumes).await?;
        Ok(again.map_or(Flow::Next, Flow::Park))
    }
    .boxed()
}

fn root_disk<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        if server.boots_from_volume() {
            return Ok(Flow::Next);
        }
        let spec = ops::instance_spec_with_image(cx, &server).await?;
        let request = RootDiskEnsure {
            spec,
            rebuild: false,
        };
        let host = s.host()?.to_owned();
        match cx.call(&host, &request, guest::DISK).await {
            Ok(()) => Ok(Flow::Next),
            Err(error) => Err(host_failed(cx, s, error).await?),
        }
    }
    .boxed()
}

fn start_guest<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let host = s.host()?.to_owned();
        let power = match start_on(cx, s, &server, &host).await {
            Ok(power) => power,
            Err(error) => return Err(host_failed(cx, s, error).await?),
        };
        if guest::is_off(power) {
            // Known: it is defined and does not run.
            guest::remove_or_owe(cx, s.server, &host).await?;
            let error = StepError::Failed(guest::stopped_at_once(power));
            return Err(host_failed(cx, s, error).await?);
        }
        Ok(Flow::Next)
    }
    .boxed()
}

/// The node's network has the ports before the guest begins to ask for its address.
async fn start_on(
    cx: &StepContext,
    s: &ServerLaunch,
    server: &Server,
    host: &str,
) -> Result<PowerState, StepError> {
    guest::network_ensure(cx, s.server, host).await?;
    guest::ensure(cx, server, host, true).await
}

/// What follows when a host refused, or did not answer: the next host, or the end.
async fn host_failed(
    cx: &StepContext,
    s: &mut ServerLaunch,
    error: StepError,
) -> Result<StepError, StepError> {
    let failure = match error {
        StepError::Failed(failure) | StepError::Elsewhere(failure) => failure,
        StepError::Aborted => return Ok(StepError::Aborted),
        StepError::Retry(text) => {
            if !guest::is_silent(cx, &mut s.silent) {
                return Ok(StepError::Retry(text));
            }
            let host = s.host()?.to_owned();
            guest::owe(cx, s.server, &host, &text).await?;
            Failure::new(text)
                .hint("see on the services screen whether the node and its hypervisor are up")
        }
    };
    if let Some(host) = &s.host {
        ops::host_build_result(cx, host, false).await?;
    }
    if s.failed.len() + 1 < cx.config.compute.max_attempts {
        return Ok(StepError::Elsewhere(failure));
    }
    let message = guest::after_failures(&s.failed, failure.message);
    Ok(StepError::Failed(Failure { message, ..failure }))
}

fn remove<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(host) = &s.host {
            guest::remove_or_owe(cx, s.server, host).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn activate<'a>(cx: &'a StepContext, s: &'a mut ServerLaunch) -> BoxFuture<'a, StepResult> {
    async move {
        let server: Server = guest::server(cx, s.server).await?;
        let row = Row {
            vm: Some(VmState::Active),
            task: task(None),
            power: VmState::Active.power(),
            fault: Some(None),
            launched: true,
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
