//! An administrator says what a server is, when the database and the world have come apart.

use super::access::{legal_on_conn, tell};
use crate::compute::model::{Action, VmState};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ServerId;
use crate::saga::operation_of_on_conn;

/// Sets the vm state to active or error and clears the task. What the guest does is not touched. While an operation is
/// under way or stuck, that has to be ended first.
pub async fn server_reset_state(cx: &Context, id: ServerId, active: bool) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let mut server = legal_on_conn(&mut tx, cx, id, Action::ResetState).await?;
    if let Some(operation) = operation_of_on_conn(&mut tx, &id.to_string()).await? {
        return Err(Error::conflict(format!(
            "server {id} is busy: {} (operation {}) is {}; abort it, or abandon it if it is stuck",
            operation.kind.replace('_', " "),
            operation.id,
            operation.status
        )));
    }
    let vm = if active {
        VmState::Active
    } else {
        VmState::Error
    };
    store::server::reset(&mut tx, id, vm).await?;
    tx.commit().await?;
    (server.vm_state, server.task_state) = (vm, None);
    tell(cx, &server, Change::Updated);
    Ok(())
}
