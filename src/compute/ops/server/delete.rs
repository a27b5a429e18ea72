//! Deletes a server, in whatever state it is and whatever is being done to it.

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use crate::compute::model::{Action, TaskState};
use crate::compute::sagas::ServerDelete;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};
use crate::saga::{operation_abandon_of_on_conn, operation_of_on_conn};

/// Asks what is under way to unwind and begins the deletion. A second request joins the first.
pub async fn server_delete(cx: &Context, id: ServerId) -> Result<OperationId> {
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::Delete).await?;
    let resource = id.to_string();
    if server.task_state == Some(TaskState::Deleting)
        && let Some(running) = operation_of_on_conn(&mut tx, &resource).await?
    {
        return Ok(running.id);
    }
    operation_abandon_of_on_conn(&mut tx, &resource).await?;
    let saga = ServerDelete::new(&server);
    let begun = begin_on_conn(
        &mut tx,
        cx,
        &server,
        Some(TaskState::Deleting),
        &saga,
        UnderWay::Interrupt,
    )
    .await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}
