//! Servers in a task state, or being made, that no operation works on: what an abandoned operation leaves.

use crate::compute::model::{Fault, Server, TaskState, VmState};
use crate::compute::ops;
use crate::compute::store;
use crate::compute::store::server::{Change as Row, Task};
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;
use crate::saga::operation_of_on_conn;

/// Seconds that a server must have been unchanged; operations and servers are written together, but not read together.
const QUIET: i64 = 20;

/// Gives each of them a state that it can leave again: one that was being made is in error, one that was being deleted is
/// deleted anew, and for the others the task is over.
pub async fn servers_stuck(cx: &Context) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let before = Time::now().plus_seconds(-QUIET);
    let candidates = store::server::busy_before(&mut conn, before).await?;
    drop(conn);
    for server in candidates {
        free(cx, &server).await?;
    }
    Ok(())
}

/// Frees one, unless something works on it, or has changed it since it was read.
pub async fn free(cx: &Context, server: &Server) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let under_way = operation_of_on_conn(&mut tx, &server.id.to_string()).await?;
    if under_way.is_some() {
        return Ok(());
    }
    if server.task_state == Some(TaskState::Deleting) {
        drop(tx);
        ops::server_delete(cx, server.id).await?;
        return Ok(());
    }
    let row = end(server);
    if store::server::change(&mut tx, server.id, &row).await? {
        tx.commit().await?;
        tracing::warn!(id = %server.id, task = ?server.task_state, "nothing worked on a server any more");
        ops::tell_changed(cx, server, &row);
    }
    Ok(())
}

fn end(server: &Server) -> Row {
    let making = server.vm_state == VmState::Building;
    let fault = Fault {
        code: 500,
        message: "the operation that made it was abandoned".to_owned(),
        details: Some("delete it and create it anew".to_owned()),
        created: Time::now(),
    };
    Row {
        vm: making.then_some(VmState::Error),
        task: Some(Task {
            from: &TaskState::ALL,
            to: None,
        }),
        fault: making.then_some(Some(fault)),
        // Its operation may have ended, well, since it was read.
        unchanged_since: Some(server.updated_at),
        ..Row::default()
    }
}
