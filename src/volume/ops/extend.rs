//! A larger volume, used or not.

use super::{access, quota, volume_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{OperationId, VolumeId};
use crate::saga::{self, Busy};
use crate::volume::model::{AttachmentStatus, Usage, VolumeEvent, check_size};
use crate::volume::sagas::VolumeGrow;
use crate::volume::store;

/// Begins to make a volume larger.
pub async fn volume_extend(cx: &Context, id: VolumeId, size_gb: u64) -> Result<OperationId> {
    check_size(size_gb).map_err(|reason| Error::invalid("new_size", reason))?;
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    if size_gb <= volume.size_gb {
        return Err(Error::invalid(
            "new_size",
            format!(
                "{size_gb} GiB is not more than the {} that the volume has; volumes only grow",
                volume.size_gb
            ),
        ));
    }
    let more = Usage {
        gigabytes: i64::try_from(size_gb - volume.size_gb).unwrap_or(i64::MAX),
        ..Usage::default()
    };
    quota::room_on_conn(&mut tx, cx, volume.project, more, size_gb).await?;
    let attachment = store::attachments_of_volumes(&mut tx, [id]).await?.pop();
    let used = attachment
        .as_ref()
        .is_some_and(|attachment| attachment.status == AttachmentStatus::Attached);
    access::shift_on_conn(
        &mut tx,
        &mut volume,
        VolumeEvent::Extend,
        used,
        "be extended",
    )
    .await?;
    let user = attachment.and_then(|attachment| Some((attachment.server, attachment.host?)));
    let grow = VolumeGrow::new(&volume, size_gb, user);
    let text = id.to_string();
    let target = access::target(&volume, &text);
    let operation = saga::start_on_conn(&mut tx, cx, &grow, target, Busy::Wait).await?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    volume_changed(cx, &volume, Change::Updated);
    Ok(operation)
}
