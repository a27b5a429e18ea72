//! A volume on its way into a server and out again, for the operations of servers.
//!
//! Every function may be repeated: what is there already is success. A volume has at most one attachment.

use std::path::PathBuf;

use super::access;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::hypervisor::spec::DiskFormat;
use crate::ids::{AttachmentId, ProjectId, ServerId, Time, VolumeId};
use crate::volume::model::{Attachment, AttachmentStatus, FileFormat, Volume, VolumeEvent};
use crate::volume::rpc::VolumeConnection;
use crate::volume::store;

/// Promises the volume to the server.
pub async fn volume_reserve_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: VolumeId,
    server: ServerId,
) -> Result<(Volume, Attachment)> {
    let mut volume = access::own_on_conn(conn, cx, id).await?;
    if let Some(found) = store::attachment_of(conn, id, server).await? {
        return Ok((volume, found));
    }
    access::shift_on_conn(
        conn,
        &mut volume,
        VolumeEvent::Reserve,
        false,
        "be attached",
    )
    .await?;
    let attachment = Attachment {
        id: AttachmentId::new(),
        volume: id,
        server,
        status: AttachmentStatus::Reserved,
        host: None,
        device: None,
        created_at: Time::now(),
        attached_at: None,
    };
    store::attachment_insert(conn, &attachment).await?;
    Ok((volume, attachment))
}

/// The server begins to take the volume it was promised.
pub async fn volume_attaching_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: VolumeId,
    server: ServerId,
) -> Result<Volume> {
    let mut volume = access::own_on_conn(conn, cx, id).await?;
    let mut attachment = promised(conn, id, server).await?;
    if attachment.status == AttachmentStatus::Reserved {
        attachment.status = AttachmentStatus::Attaching;
        access::shift_on_conn(conn, &mut volume, VolumeEvent::Attach, true, "be attached").await?;
        store::attachment_update(conn, &attachment).await?;
    }
    Ok(volume)
}

/// The server has the volume, on this node, as this device (`/dev/vdb`).
pub async fn volume_attached_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: VolumeId,
    server: ServerId,
    host: &str,
    device: Option<&str>,
) -> Result<(Volume, Attachment)> {
    let mut volume = access::own_on_conn(conn, cx, id).await?;
    let mut attachment = promised(conn, id, server).await?;
    let first = matches!(
        attachment.status,
        AttachmentStatus::Reserved | AttachmentStatus::Attaching
    );
    if first {
        access::shift_on_conn(
            conn,
            &mut volume,
            VolumeEvent::Attached,
            true,
            "be attached",
        )
        .await?;
        attachment.status = AttachmentStatus::Attached;
        attachment.attached_at = Some(Time::now());
    }
    attachment.host = Some(host.to_owned());
    attachment.device = device.map(str::to_owned).or(attachment.device);
    store::attachment_update(conn, &attachment).await?;
    Ok((volume, attachment))
}

async fn promised(conn: &mut Conn, id: VolumeId, server: ServerId) -> Result<Attachment> {
    store::attachment_of(conn, id, server)
        .await?
        .ok_or_else(|| Error::conflict(format!("volume {id} is not promised to server {server}")))
}

/// The server begins to give the volume up. Fails if it does not have it.
pub async fn volume_detaching_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: VolumeId,
    server: ServerId,
) -> Result<(Volume, Attachment)> {
    let mut volume = access::own_on_conn(conn, cx, id).await?;
    let mut attachment = store::attachment_of(conn, id, server)
        .await?
        .ok_or_else(|| Error::not_found("volume_attachment", id))?;
    if attachment.status != AttachmentStatus::Detaching {
        access::shift_on_conn(conn, &mut volume, VolumeEvent::Detach, true, "be detached").await?;
        attachment.status = AttachmentStatus::Detaching;
        store::attachment_update(conn, &attachment).await?;
    }
    Ok((volume, attachment))
}

/// The server keeps the volume after all.
pub async fn volume_detach_failed_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: VolumeId,
    server: ServerId,
) -> Result<()> {
    let Some(mut attachment) = store::attachment_of(conn, id, server).await? else {
        return Ok(());
    };
    if attachment.status == AttachmentStatus::Detaching {
        let mut volume = access::own_on_conn(conn, cx, id).await?;
        let event = VolumeEvent::DetachFailed;
        access::shift_on_conn(conn, &mut volume, event, true, "stay attached").await?;
        attachment.status = AttachmentStatus::Attached;
        store::attachment_update(conn, &attachment).await?;
    }
    Ok(())
}

/// The server has the volume no more, or was never to get it. Success if there is no attachment, and whatever the volume's
/// status was: this is the truth about the server. Says which volume changed.
pub async fn volume_detached_on_conn(
    conn: &mut Conn,
    id: VolumeId,
    server: ServerId,
) -> Result<Option<Volume>> {
    let Some(attachment) = store::attachment_of(conn, id, server).await? else {
        return Ok(None);
    };
    store::attachment_delete(conn, attachment.id).await?;
    let Some(mut volume) = store::show(conn, id).await? else {
        return Ok(None);
    };
    if volume.status.next(VolumeEvent::Detached, false).is_some() {
        let event = VolumeEvent::Detached;
        access::shift_on_conn(conn, &mut volume, event, false, "be detached").await?;
    }
    Ok(Some(volume))
}

/// How the node that keeps the volume reaches it. A conflict while it has no file.
pub async fn volume_connection(cx: &Context, id: VolumeId) -> Result<VolumeConnection> {
    let mut conn = cx.db.read().await?;
    let volume = access::own_on_conn(&mut conn, cx, id).await?;
    match (volume.path, volume.format) {
        (Some(path), Some(format)) => Ok(VolumeConnection {
            id,
            path: PathBuf::from(path),
            format: match format {
                FileFormat::Raw => DiskFormat::Raw,
                FileFormat::Qcow2 => DiskFormat::Qcow2,
            },
        }),
        _ => Err(Error::conflict(format!(
            "volume {id} is {}; it has no file yet",
            volume.status
        ))),
    }
}

/// Attachments of a server, in order of attachment.
pub async fn attachments_of_server_on_conn(
    conn: &mut Conn,
    server: ServerId,
) -> Result<Vec<Attachment>> {
    Ok(store::attachments_of_server(conn, server).await?)
}

/// Attachments of these volumes.
pub async fn attachments_of(
    cx: &Context,
    volumes: impl IntoIterator<Item = VolumeId>,
) -> Result<Vec<Attachment>> {
    let mut conn = cx.db.read().await?;
    Ok(store::attachments_of_volumes(&mut conn, volumes).await?)
}

/// One attachment that the actor may see, and its volume.
pub async fn attachment_show(cx: &Context, id: AttachmentId) -> Result<(Volume, Attachment)> {
    let mut conn = cx.db.read().await?;
    let attachment = store::attachment_show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("attachment", id))?;
    let volume = access::own_on_conn(&mut conn, cx, attachment.volume).await?;
    Ok((volume, attachment))
}

/// Attachments of a project's volumes, or of all for administrators.
pub async fn attachment_list(cx: &Context, project: Option<ProjectId>) -> Result<Vec<Attachment>> {
    let project = cx.visible_project()?.or(project);
    let mut conn = cx.db.read().await?;
    Ok(store::attachments_of_project(&mut conn, project).await?)
}
