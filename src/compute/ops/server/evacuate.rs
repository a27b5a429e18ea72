//! Makes the server of a dead host anew elsewhere.

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use super::migrate_live::{check_destination, check_other, claimed_on_conn, new_migration};
use crate::compute::model::{Action, Migration, MigrationKind, TaskState};
use crate::compute::ops::host_list::check_fenced;
use crate::compute::sagas::ServerEvacuate;
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};

/// Begins to make it anew on `host`, or on one of the scheduler's choice. Its host has to be fenced.
pub async fn server_evacuate(
    cx: &Context,
    id: ServerId,
    host: Option<String>,
) -> Result<OperationId> {
    if let Some(host) = &host {
        check_destination(cx, host).await?;
    }
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::Evacuate).await?;
    check_other(&server, host.as_deref())?;
    check_fenced(cx, server.host.as_deref().unwrap_or_default()).await?;
    let resources = claimed_on_conn(&mut tx, &server).await?;
    let saga = ServerEvacuate::new(&server, resources, host.clone());
    let task = Some(TaskState::Rebuilding);
    // Whatever was under way there will not end: it is asked to stop, and waits for nobody dead.
    let begun = begin_on_conn(&mut tx, cx, &server, task, &saga, UnderWay::Interrupt).await?;
    let new = Migration {
        destination: host,
        ..new_migration(cx, &server, begun.id, MigrationKind::Evacuation)
    };
    store::migration::insert(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}
