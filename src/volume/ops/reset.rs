//! What administrators say of a volume against what its row says.

use super::{access, volume_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{AttachmentId, VolumeId};
use crate::volume::model::VolumeStatus;
use crate::volume::store;

/// Says what a volume's status is. Nothing else changes; a volume that a server has can not be `available`.
pub async fn volume_reset_status(cx: &Context, id: VolumeId, status: VolumeStatus) -> Result<()> {
    if !status.may_be_set() {
        return Err(Error::invalid(
            "status",
            format!("{status} can not be set by hand"),
        ));
    }
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    let used = !store::attachments_of_volumes(&mut tx, [id])
        .await?
        .is_empty();
    if used && status == VolumeStatus::Available {
        return Err(Error::conflict(format!(
            "a server has volume {id}; detach it (openstack server remove volume), or cut the tie by force (os-force_detach)"
        )));
    }
    let was = volume.status;
    volume.status = status;
    volume.error = None;
    if !store::update(&mut tx, &mut volume, was).await? {
        return Err(Error::conflict(format!(
            "volume {id} changed meanwhile; look at it again"
        )));
    }
    tx.commit().await?;
    volume_changed(cx, &volume, Change::Updated);
    Ok(())
}

/// Cuts the tie between a volume and a server without asking the server. Whoever does so knows that the server is gone:
/// two servers that write one volume destroy it.
pub async fn volume_force_detach(
    cx: &Context,
    id: VolumeId,
    attachment: Option<AttachmentId>,
) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    let found = store::attachments_of_volumes(&mut tx, [id]).await?;
    for one in &found {
        if attachment.is_none_or(|wanted| wanted == one.id) {
            store::attachment_delete(&mut tx, one.id).await?;
        } else {
            return Err(Error::not_found("attachment", one.id));
        }
    }
    let was = volume.status;
    let tied = matches!(
        was,
        VolumeStatus::Reserved
            | VolumeStatus::Attaching
            | VolumeStatus::InUse
            | VolumeStatus::Detaching
            | VolumeStatus::Error
    );
    if tied {
        volume.status = VolumeStatus::Available;
        if !store::update(&mut tx, &mut volume, was).await? {
            return Err(Error::conflict(format!(
                "volume {id} changed meanwhile; look at it again"
            )));
        }
    }
    tx.commit().await?;
    volume_changed(cx, &volume, Change::Updated);
    Ok(())
}

/// Confirms that no server has the volume. A conflict if one has.
pub async fn volume_reset_attached(cx: &Context, id: VolumeId) -> Result<()> {
    let mut conn = cx.db.read().await?;
    access::own_on_conn(&mut conn, cx, id).await?;
    if store::attachments_of_volumes(&mut conn, [id])
        .await?
        .is_empty()
    {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "a server has volume {id}; detach it (openstack server remove volume), or cut the tie by force (os-force_detach)"
    )))
}
