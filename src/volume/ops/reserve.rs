//! Keeps a volume for a use to come, without saying which.

use super::{access, volume_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::saga::{OperationQuery, operation_list};
use crate::volume::model::{VolumeEvent, VolumeStatus};
use crate::volume::store;

/// Reserves an available volume: it can not be attached or deleted meanwhile.
pub async fn volume_reserve(cx: &Context, id: VolumeId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    access::shift_on_conn(
        &mut tx,
        &mut volume,
        VolumeEvent::Reserve,
        false,
        "be reserved",
    )
    .await?;
    tx.commit().await?;
    volume_changed(cx, &volume, Change::Updated);
    Ok(())
}

/// Ends a reservation. One that a server or an operation has is not touched.
pub async fn volume_release(cx: &Context, id: VolumeId) -> Result<()> {
    let query = OperationQuery {
        resource: Some(id.to_string()),
        active: true,
        limit: 1,
        ..OperationQuery::default()
    };
    let busy = !operation_list(cx, query).await?.is_empty();
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, id).await?;
    let used = !store::attachments_of_volumes(&mut tx, [id])
        .await?
        .is_empty();
    if busy || used || volume.status != VolumeStatus::Reserved {
        return Err(Error::BadRequest(format!(
            "volume {id} is {}, not merely reserved; there is nothing to release",
            volume.status
        )));
    }
    access::shift_on_conn(
        &mut tx,
        &mut volume,
        VolumeEvent::Detached,
        false,
        "be released",
    )
    .await?;
    tx.commit().await?;
    volume_changed(cx, &volume, Change::Updated);
    Ok(())
}
