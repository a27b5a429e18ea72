//! Takes an image out of use for a while.

use super::{access, image_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::model::ImageStatus;
use crate::image::store;

/// Makes an active image unusable for all but administrators. Success if it is.
pub async fn image_deactivate(cx: &Context, id: ImageId) -> Result<()> {
    set(cx, id, ImageStatus::Active, ImageStatus::Deactivated).await
}

/// Makes a deactivated image usable again. Success if it is.
pub async fn image_reactivate(cx: &Context, id: ImageId) -> Result<()> {
    set(cx, id, ImageStatus::Deactivated, ImageStatus::Active).await
}

async fn set(cx: &Context, id: ImageId, from: ImageStatus, to: ImageStatus) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let image = access::own_on_conn(&mut tx, cx, id).await?;
    if image.status == to {
        return Ok(());
    }
    if !store::swap_status(&mut tx, id, from, to).await? {
        return Err(Error::conflict(format!(
            "image {id} is {}; only an image that is {from} can become {to}",
            image.status
        )));
    }
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(())
}
