//! A server begins anew from an image: accept → stop → root disk → start guest.
//!
//! Its id, ports, volumes and place stay. What its owner wants of it besides (image, name, key, user data, pairs) is
//! written when it is asked for. As long as the old root disk is there, a failure brings everything back as it was; once
//! the node may have thrown it away, a failure leaves the server in error with the new wishes, to be rebuilt again.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::{Detail, Server, TaskState, VmState};
use crate::compute::ops;
use crate::compute::rpc::RootDiskEnsure;
use crate::compute::store;
use crate::compute::store::server::{Change as Row, Task};
use crate::ids::{ImageId, ServerId};
use crate::saga::{Flow, Saga, Step, StepContext, StepError, StepResult};

const OWN: &[TaskState] = &[TaskState::Rebuilding, TaskState::RebuildSpawning];

/// What a server was before.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Before {
    vm: VmState,
    name: String,
    image: Option<ImageId>,
    user_data: Option<String>,
    detail: Detail,
}

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerRebuild {
    server: ServerId,
    host: String,
    before: Before,
    /// Whether the node was asked to throw the old root disk away.
    replaced: bool,
}

impl ServerRebuild {
    /// `before` is the server as it is now, which has a host; its row is about to get the new wishes.
    pub fn new(before: &Server) -> Self {
        Self {
            server: before.id,
            host: before.host.clone().unwrap_or_default(),
            before: Before {
                vm: before.vm_state,
                name: before.name.clone(),
                image: before.image,
                user_data: before.user_data.clone(),
                detail: before.detail.clone(),
            },
            replaced: false,
        }
    }

    /// The operation stays on record when it is over; user data, which may hold a guest's passwords, does not stay with it.
    fn forget(&mut self) {
        self.before.user_data = None;
    }

    /// A stopped server stays off.
    fn start(&self) -> bool {
        self.before.vm != VmState::Stopped
    }
}

impl Saga for ServerRebuild {
    const KIND: &'static str = "server_rebuild";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("stop", stop).undo(start_old),
            // A step of its own, so that it is stored before the node is asked.
            Step::new("replace", |_, s| {
                async move {
                    s.replaced = true;
                    Ok(Flow::Next)
                }
                .boxed()
            }),
            Step::new("root_disk", root_disk),
            Step::new("start_guest", start_guest),
        ]
    }
}

fn stop<'a>(cx: &'a StepContext, s: &'a mut ServerRebuild) -> BoxFuture<'a, StepResult> {
    async move {
        guest::power_off(cx, s.server, &s.host).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn root_disk<'a>(cx: &'a StepContext, s: &'a mut ServerRebuild) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let spec = ops::instance_spec_with_image(cx, &server).await?;
        let request = RootDiskEnsure {
            spec,
            rebuild: true,
        };
        cx.call(&s.host, &request, guest::DISK).await?;
        let row = Row {
            task: task(Some(TaskState::RebuildSpawning)),
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn start_guest<'a>(cx: &'a StepContext, s: &'a mut ServerRebuild) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let power = guest::ensure(cx, &server, &s.host, s.start()).await?;
        if s.start() && guest::is_off(power) {
            return Err(StepError::Failed(guest::stopped_at_once(power)));
        }
        let vm = if s.start() {
            VmState::Active
        } else {
            VmState::Stopped
        };
        let row = Row {
            vm: Some(vm),
            task: task(None),
            power: Some(power),
            fault: Some(None),
            launched: s.start(),
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        s.forget();
        Ok(Flow::Next)
    }
    .boxed()
}

/// The old guest goes on, if its disk is still there.
fn start_old<'a>(cx: &'a StepContext, s: &'a mut ServerRebuild) -> BoxFuture<'a, StepResult> {
    async move {
        restore(cx, s).await?;
        if !s.replaced && s.before.vm == VmState::Active {
            let server = guest::server(cx, s.server).await?;
            guest::ensure(cx, &server, &s.host, true).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut ServerRebuild) -> BoxFuture<'a, StepResult> {
    async move {
        restore(cx, s).await?;
        let server = guest::server(cx, s.server).await?;
        let row = if s.replaced {
            Row {
                vm: Some(VmState::Error),
                task: task(None),
                fault: Some(Some(guest::fault(cx.reason.as_ref()))),
                ..Row::default()
            }
        } else {
            Row {
                vm: Some(s.before.vm),
                task: task(None),
                ..Row::default()
            }
        };
        guest::write(cx, &server, &row).await?;
        s.forget();
        Ok(Flow::Next)
    }
    .boxed()
}

/// Brings the old wishes back, unless the old disk is gone. Their generation is newer than that of the new wishes, which
/// a node may have seen.
async fn restore(cx: &StepContext, s: &ServerRebuild) -> Result<(), StepError> {
    if s.replaced {
        return Ok(());
    }
    let mut tx = cx.db.begin().await?;
    let Some(mut server) = store::server::show(&mut tx, s.server).await? else {
        return Ok(());
    };
    let same = server.image == s.before.image && server.detail == s.before.detail;
    if same && server.user_data == s.before.user_data && server.name == s.before.name {
        return Ok(());
    }
    server.name.clone_from(&s.before.name);
    server.image = s.before.image;
    server.user_data.clone_from(&s.before.user_data);
    server.detail.clone_from(&s.before.detail);
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(StepError::Retry("the server changed meanwhile".into()));
    }
    let row = Row {
        new_generation: true,
        ..Row::default()
    };
    store::server::change(&mut tx, s.server, &row).await?;
    tx.commit().await?;
    ops::tell_changed(cx, &server, &row);
    Ok(())
}

fn task(to: Option<TaskState>) -> Option<Task> {
    Some(Task { from: OWN, to })
}
