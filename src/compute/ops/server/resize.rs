//! Changes a server's flavor, and what its owner then says about it or about a cold migration.

use super::access::{self, Begun, UnderWay, legal_on_conn, tell, tell_begun};
use super::migrate_live::new_migration;
use super::prepare::flavor_copy;
use crate::compute::model::{
    Action, Migration, MigrationKind, Resize, ResizeDecision, Resources, Server, TaskState,
};
use crate::compute::ops::flavor_show;
use crate::compute::sagas::{ResizeWish, ServerResize};
use crate::compute::store;
use crate::compute::store::server::Change as Row;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::{OperationId, ServerId, Time};
use crate::saga::operation_wake_of_on_conn;

/// Begins to give the server this flavor. It then waits in `VERIFY_RESIZE` for its owner's decision.
pub async fn server_resize(cx: &Context, id: ServerId, flavor: &str) -> Result<OperationId> {
    let flavor = flavor_show(cx, flavor).await?;
    let copy = flavor_copy(&flavor)?;
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, Action::Resize).await?;
    if copy == server.flavor {
        return Err(Error::invalid(
            "flavorRef",
            "the server has this flavor already",
        ));
    }
    if !server.boots_from_volume() && copy.disk_gb < server.flavor.disk_gb {
        return Err(Error::invalid(
            "flavorRef",
            format!(
                "its disk has {} GiB and the server's has {}: a disk is never made smaller",
                copy.disk_gb, server.flavor.disk_gb
            ),
        ));
    }
    let image_gb = server.detail.image.as_ref().map_or(0, |image| image.gib());
    let resources = flavor.resources(!server.boots_from_volume(), image_gb);
    room_on_conn(&mut tx, cx, &server, &copy).await?;
    let wish = ResizeWish {
        leave: false,
        verify: true,
        grace_seconds: cx.config.compute.shutdown_timeout,
    };
    let saga = ServerResize::new(&server, &copy, resources, None, wish);
    let begun = begin_on_conn(&mut tx, cx, &server, &saga).await?;
    let new = Migration {
        new_flavor: copy.id.clone(),
        ..new_migration(cx, &server, begun.id, MigrationKind::Resize)
    };
    store::migration::insert(&mut tx, &new).await?;
    let row = Row {
        flavor: Some(copy),
        new_generation: true,
        ..Row::default()
    };
    store::server::change(&mut tx, server.id, &row).await?;
    tx.commit().await?;
    Ok(tell_begun(cx, &server, begun))
}

/// Begins the operation and notes the way back.
pub(super) async fn begin_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    saga: &ServerResize,
) -> Result<Begun> {
    let task = Some(TaskState::ResizePrep);
    let begun = access::begin_on_conn(conn, cx, server, task, saga, UnderWay::Refuse).await?;
    let row = Row {
        resize: Some(Some(Resize {
            old_flavor: server.flavor.clone(),
            old_vm_state: server.vm_state,
            decision: None,
        })),
        ..Row::default()
    };
    store::server::change(conn, server.id, &row).await?;
    Ok(begun)
}

/// Succeeds if the project's quota has room for what the flavor needs more than the server has.
async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    server: &Server,
    flavor: &crate::compute::model::FlavorCopy,
) -> Result<()> {
    store::server::take_turn(conn, server.project).await?;
    let (_, cores, memory) = store::server::used(conn, server.project).await?;
    let more = Resources::new(flavor.vcpus.into(), flavor.memory_mb, 0).minus(Resources::new(
        server.flavor.vcpus.into(),
        server.flavor.memory_mb,
        0,
    ));
    for (resource, wanted, used) in [
        ("cores", more.vcpus, cores),
        ("ram", more.memory_mb, memory),
    ] {
        let limit = quota_limit_on_conn(conn, cx, server.project, resource).await?;
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        quota_check(resource, wanted, used, limit)?;
    }
    Ok(())
}

/// Keeps the new flavor, and the new host.
pub async fn server_resize_confirm(cx: &Context, id: ServerId) -> Result<OperationId> {
    decide(cx, id, true).await
}

/// Goes back to the old flavor and the old host. What the guest wrote since is lost, if its disk was made larger or copied.
pub async fn server_resize_revert(cx: &Context, id: ServerId) -> Result<OperationId> {
    decide(cx, id, false).await
}

async fn decide(cx: &Context, id: ServerId, keep: bool) -> Result<OperationId> {
    let (action, task) = if keep {
        (Action::ConfirmResize, TaskState::ResizeConfirming)
    } else {
        (Action::RevertResize, TaskState::ResizeReverting)
    };
    let mut tx = cx.db.begin().await?;
    let server = legal_on_conn(&mut tx, cx, id, action).await?;
    let Some(mut resize) = server.resize.clone() else {
        return Err(Error::conflict(format!(
            "server {id} has no resize to decide about; reset its state"
        )));
    };
    if !keep {
        // A smaller flavor may have made room that is taken by now.
        room_on_conn(&mut tx, cx, &server, &resize.old_flavor).await?;
    }
    if !store::server::begin(&mut tx, &server, task).await? {
        return Err(Error::conflict(format!(
            "the state of server {id} changed at the same moment; look at it and try again"
        )));
    }
    resize.decision = Some(ResizeDecision {
        keep,
        user: cx.actor.user,
        request_id: cx.request_id.to_string(),
        at: Time::now(),
    });
    let row = Row {
        resize: Some(Some(resize)),
        ..Row::default()
    };
    store::server::change(&mut tx, id, &row).await?;
    let operation = operation_wake_of_on_conn(&mut tx, &id.to_string())
        .await?
        .ok_or_else(|| {
            Error::conflict(format!(
                "the operation that resized server {id} is gone; reset its state"
            ))
        })?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    tell(cx, &server, Change::Updated);
    Ok(operation)
}
