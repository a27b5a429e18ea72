//! Whether and how a server executes. Each of these begins a small saga that asks the node and records its answer.

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use crate::compute::model::Action;
use crate::compute::sagas::{
    HardReboot, Pause, Resume, ServerPower, SoftReboot, Start, Stop, Suspend, Unpause, Verb,
};
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};

/// Powers on.
pub async fn server_start(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Start>(cx, id, Action::Start).await
}

/// Powers off, in an orderly way if the guest obeys in time.
pub async fn server_stop(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Stop>(cx, id, Action::Stop).await
}

/// Restarts: by asking the guest, or with `hard` by its power. A hard restart interrupts what does not end.
pub async fn server_reboot(cx: &Context, id: ServerId, hard: bool) -> Result<OperationId> {
    if hard {
        act::<HardReboot>(cx, id, Action::HardReboot).await
    } else {
        act::<SoftReboot>(cx, id, Action::SoftReboot).await
    }
}

/// Stops executing, memory kept.
pub async fn server_pause(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Pause>(cx, id, Action::Pause).await
}

/// Goes on after pause.
pub async fn server_unpause(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Unpause>(cx, id, Action::Unpause).await
}

/// Saves memory to disk and powers off.
pub async fn server_suspend(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Suspend>(cx, id, Action::Suspend).await
}

/// Goes on after suspend.
pub async fn server_resume(cx: &Context, id: ServerId) -> Result<OperationId> {
    act::<Resume>(cx, id, Action::Resume).await
}

async fn act<V: Verb>(cx: &Context, id: ServerId, action: Action) -> Result<OperationId> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, action).await?;
    let under_way = if server.task_state.is_some() {
        UnderWay::Interrupt
    } else {
        UnderWay::Refuse
    };
    let saga = ServerPower::<V>::new(&server, cx.config.compute.shutdown_timeout);
    let begun = begin_on_conn(&mut tx, cx, &server, Some(V::TASK[0]), &saga, under_way).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}
