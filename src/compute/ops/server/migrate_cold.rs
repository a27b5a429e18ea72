//! Moves a server to another host while it is off; one that runs is shut down first and runs again afterwards.

use super::access::{legal_on_conn, tell_begun};
use super::migrate_live::{check_destination, check_other, claimed_on_conn, new_migration};
use super::resize::begin_on_conn;
use crate::compute::model::{Action, Migration, MigrationKind};
use crate::compute::sagas::{ResizeWish, ServerResize};
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};

/// Begins to move it. With `verify` it then waits in `VERIFY_RESIZE` for its owner's decision, as in Nova.
pub async fn server_migrate(
    cx: &Context,
    id: ServerId,
    host: Option<String>,
    verify: bool,
) -> Result<OperationId> {
    if let Some(host) = &host {
        check_destination(cx, host).await?;
    }
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::Migrate).await?;
    check_other(&server, host.as_deref())?;
    let resources = claimed_on_conn(&mut tx, &server).await?;
    let wish = ResizeWish {
        leave: true,
        verify,
        grace_seconds: cx.config.compute.shutdown_timeout,
    };
    let saga = ServerResize::new(&server, &server.flavor, resources, host.clone(), wish);
    let begun = begin_on_conn(&mut tx, cx, &server, &saga).await?;
    let new = Migration {
        destination: host,
        ..new_migration(cx, &server, begun.id, MigrationKind::Cold)
    };
    store::migration::insert(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}
