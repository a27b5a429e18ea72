//! Moves of servers: which there are, how far they are, and what is wished of one that is under way.

use crate::bus::CallError;
use crate::compute::model::{
    Migration, MigrationKind, MigrationProgress, MigrationQuery, MigrationStatus, MigrationWish,
};
use crate::compute::rpc::migration::{InstanceMigrateAbort, InstanceMigrateForce};
use crate::compute::store;
use crate::compute::store::migration::Change as Row;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{OperationId, PortId, ServerId, Time};

/// Most that are given at a time.
const MOST: i64 = 1000;
/// How long the source may take to hear of a wish; it is told again by the operation.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Those that fit and that the actor may see, newest first.
pub async fn migration_list(cx: &Context, mut query: MigrationQuery) -> Result<Vec<Migration>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    query.limit = query.limit.clamp(1, MOST);
    let mut conn = cx.db.read().await?;
    Ok(store::migration::list(&mut conn, &query).await?)
}

/// A move of this server.
pub async fn server_migration_show(cx: &Context, server: ServerId, id: i64) -> Result<Migration> {
    let mut conn = cx.db.read().await?;
    let found = store::migration::show(&mut conn, id)
        .await?
        .filter(|found| found.server == server)
        .ok_or_else(|| Error::not_found("migration", id))?;
    cx.check_owner(found.project, "migration", id)?;
    Ok(found)
}

/// Asks a move that is under way to break off, or to end soon.
pub async fn server_migration_wish(
    cx: &Context,
    server: ServerId,
    id: i64,
    wish: MigrationWish,
) -> Result<()> {
    let found = server_migration_show(cx, server, id).await?;
    let what = match wish {
        MigrationWish::Abort => "aborted",
        MigrationWish::ForceComplete => "forced to complete",
    };
    let late = || {
        Error::BadRequest(format!(
            "migration {id} is {} and can not be {what} any more",
            found.status
        ))
    };
    let live = found.kind == MigrationKind::Live;
    if wish == MigrationWish::ForceComplete && !live {
        return Err(Error::BadRequest(format!(
            "migration {id} is a {}: only a live migration is forced to complete",
            found.kind
        )));
    }
    if wish == MigrationWish::ForceComplete && found.status != MigrationStatus::Running {
        return Err(late());
    }
    let mut tx = cx.db.begin().await?;
    if !store::migration::wish(&mut tx, id, wish).await? {
        return Err(late());
    }
    tx.commit().await?;
    if live && found.status == MigrationStatus::Running {
        tell_source(cx, &found, wish).await;
    } else {
        crate::saga::operation_abort(cx, found.operation).await?;
    }
    Ok(())
}

/// The operation reads the wish by itself within seconds; the source is told at once.
async fn tell_source(cx: &Context, migration: &Migration, wish: MigrationWish) {
    let id = migration.server;
    let told: std::result::Result<bool, CallError> = match wish {
        MigrationWish::Abort => {
            let request = InstanceMigrateAbort { id };
            cx.bus
                .call(&migration.source, None, &request, PATIENCE)
                .await
        }
        MigrationWish::ForceComplete => {
            let request = InstanceMigrateForce { id };
            cx.bus
                .call(&migration.source, None, &request, PATIENCE)
                .await
        }
    };
    if let Err(error) = told {
        tracing::debug!(%error, migration = migration.id, "the source will hear of it from the operation");
    }
}

/// Notes how far a transfer is.
pub async fn migration_progress(
    cx: &Context,
    operation: OperationId,
    progress: MigrationProgress,
) -> Result<()> {
    let row = Row {
        progress: Some(progress),
        ..Row::default()
    };
    let mut tx = cx.db.begin().await?;
    let found = store::migration::of_operation(&mut tx, operation).await?;
    let Some(found) = found.filter(|found| found.status == MigrationStatus::Running) else {
        return Ok(());
    };
    store::migration::change(&mut tx, operation, &row).await?;
    tx.commit().await?;
    cx.events.changed(
        "migration",
        found.uuid,
        Some(found.project),
        Change::Updated,
    );
    Ok(())
}

/// Forgets moves that ended more than `days` ago, and runs of many that were asked for before; says how many ended.
pub async fn migration_prune(cx: &Context, days: i64) -> Result<u64> {
    let mut tx = cx.db.begin().await?;
    let before = Time::now().plus_seconds(-days * 86_400);
    let gone = store::migration::prune(&mut tx, before).await?;
    store::moves::prune(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}

/// The ports of a server, in order of its interfaces.
pub(in crate::compute) async fn server_port_ids(cx: &Context, id: ServerId) -> Result<Vec<PortId>> {
    let mut conn = cx.db.read().await?;
    let nics = store::server_link::nics(&mut conn, id).await?;
    Ok(nics.into_iter().map(|nic| nic.port).collect())
}
