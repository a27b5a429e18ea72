//! Moves a server to another host while it runs, and what every move has in common.

use super::access::{UnderWay, begin_on_conn, legal_on_conn, tell_begun};
use crate::compute::model::{
    Action, Claim, Consumer, Migration, MigrationKind, MigrationProgress, MigrationStatus,
    Resources, Server, TaskState,
};
use crate::compute::ops::claim::claim_find_on_conn;
use crate::compute::ops::host_list::host_show;
use crate::compute::sagas::{LiveMigration, LiveMigrationWish};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{MigrationId, OperationId, ServerId, Time};

/// Begins to move it while it runs.
pub async fn server_migrate_live(
    cx: &Context,
    id: ServerId,
    wish: LiveMigrationWish,
) -> Result<OperationId> {
    if let Some(host) = &wish.host {
        check_destination(cx, host).await?;
    }
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::MigrateLive).await?;
    check_other(&server, wish.host.as_deref())?;
    let resources = claimed_on_conn(&mut tx, &server).await?;
    let destination = wish.host.clone();
    let saga = LiveMigration::new(&server, resources, wish);
    let task = Some(TaskState::Migrating);
    let begun = begin_on_conn(&mut tx, cx, &server, task, &saga, UnderWay::Refuse).await?;
    let new = Migration {
        destination,
        ..new_migration(cx, &server, begun.id, MigrationKind::Live)
    };
    store::migration::insert(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}

/// A record of a move that begins.
pub(super) fn new_migration(
    cx: &Context,
    server: &Server,
    operation: OperationId,
    kind: MigrationKind,
) -> Migration {
    let now = Time::now();
    Migration {
        id: 0,
        uuid: MigrationId::new(),
        server: server.id,
        operation,
        project: server.project,
        user: cx.actor.user,
        kind,
        status: MigrationStatus::Accepted,
        source: server.host.clone().unwrap_or_default(),
        destination: None,
        old_flavor: server.flavor.id.clone(),
        new_flavor: server.flavor.id.clone(),
        wish: None,
        progress: MigrationProgress::default(),
        forecast: None,
        message: None,
        created_at: now,
        updated_at: now,
    }
}

/// Succeeds if there is such a host and it is up and enabled.
pub(super) async fn check_destination(cx: &Context, name: &str) -> Result<()> {
    let host = match host_show(cx, name).await {
        Err(Error::NotFound { .. }) => {
            return Err(Error::invalid(
                "host",
                format!("there is no host {name:?}; see the list of hypervisors"),
            ));
        }
        host => host?,
    };
    if !host.up || host.forced_down {
        return Err(Error::invalid(
            "host",
            format!("{name} is down; choose another host, or none"),
        ));
    }
    if !host.enabled {
        let why = host.disabled_reason.as_deref().unwrap_or_default();
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        return Err(Error::invalid(
            "host",
            format!("{name} is disabled{why}; enable it, or choose another host, or none"),
        ));
    }
    Ok(())
}

/// Succeeds if that is another host than the server's.
pub(super) fn check_other(server: &Server, host: Option<&str>) -> Result<()> {
    if host.is_some() && server.host.as_deref() == host {
        return Err(Error::invalid(
            "host",
            format!(
                "server {} is on {} already; choose another host, or none",
                server.id,
                host.unwrap_or_default()
            ),
        ));
    }
    Ok(())
}

/// What the server takes from its host.
pub(super) async fn claimed_on_conn(conn: &mut Conn, server: &Server) -> Result<Resources> {
    let claim: Option<Claim> = claim_find_on_conn(conn, Consumer::Server(server.id)).await?;
    claim.map(|claim| claim.resources).ok_or_else(|| {
        Error::conflict(format!(
            "server {} takes nothing from its host; reset its state and start it again",
            server.id
        ))
    })
}
