//! Deletion: forward only.

use super::{access, volume_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{OperationId, VolumeId};
use crate::saga::{self, Busy};
use crate::volume::model::VolumeEvent;
use crate::volume::sagas::VolumeRemove;
use crate::volume::store;

/// How much goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeDeletion {
    /// Its snapshots, too.
    pub cascade: bool,
    /// In any status; by administrators.
    pub force: bool,
}

/// Begins to delete a volume that no server has. Success if it is being deleted.
pub async fn volume_delete(
    cx: &Context,
    id: VolumeId,
    how: VolumeDeletion,
) -> Result<Option<OperationId>> {
    if how.force {
        cx.require("volume:volume:force")?;
    }
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    if volume.status == crate::volume::model::VolumeStatus::Deleting {
        return Ok(None);
    }
    let used = !store::attachments_of_volumes(&mut tx, [id])
        .await?
        .is_empty();
    let snapshots = store::snapshot_count(&mut tx, id).await?;
    if snapshots > 0 && !how.cascade {
        return Err(Error::BadRequest(format!(
            "volume {id} has {snapshots} snapshots; delete them first, or delete them with it (cascade, openstack volume delete --purge)"
        )));
    }
    let event = if how.force {
        VolumeEvent::ForceDelete
    } else {
        VolumeEvent::Delete
    };
    access::shift_on_conn(&mut tx, &mut volume, event, used, "be deleted").await?;
    let text = id.to_string();
    let running = if how.force {
        saga::operation_abort_of_on_conn(&mut tx, &text).await?
    } else {
        None
    };
    let remove = VolumeRemove::new(id);
    let target = access::target(&volume, &text);
    let operation = saga::start_on_conn(&mut tx, cx, &remove, target, Busy::Wait).await?;
    tx.commit().await?;
    if let Some(running) = running {
        cx.sagas.abort(running);
    }
    cx.sagas.kick(operation);
    volume_changed(cx, &volume, Change::Updated);
    Ok(Some(operation))
}
