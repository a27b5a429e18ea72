//! The last steps of every way in: look at the bytes, put the file in its place, make the row active.

use super::{files, image_changed, quota};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::files::blocking;
use crate::image::inspect::inspect;
use crate::image::intake::Taken;
use crate::image::model::{Content, Image, ImageFormat, ImageStatus};
use crate::image::store;

/// What a whole part is; refuses what servers can not boot from.
pub(in crate::image) async fn examine(
    taken: &Taken,
    declared: Option<ImageFormat>,
) -> Result<Content> {
    let path = taken.part.path.clone();
    let (format, virtual_size) = blocking(move || inspect(&path, declared)).await?;
    Ok(Content {
        format,
        size: taken.bytes,
        virtual_size,
        md5: taken.md5.clone(),
        sha512: taken.sha512.clone(),
    })
}

/// Makes an image active whose whole, flushed file is its part, or is in its place already. May be repeated.
pub(in crate::image) async fn settle(
    cx: &Context,
    id: ImageId,
    from: ImageStatus,
    content: &Content,
) -> Result<Image> {
    let place = files(cx);
    blocking(move || {
        let part = place.part(id);
        if part.exists() {
            place.publish(id, &part)?;
        }
        Ok(())
    })
    .await?;
    let mut tx = cx.db.begin().await?;
    let Some(before) = store::show(&mut tx, id).await? else {
        drop(tx);
        let place = files(cx);
        blocking(move || place.remove(id)).await?;
        return Err(Error::conflict(format!(
            "image {id} was deleted while its bytes arrived"
        )));
    };
    if before.status == ImageStatus::Active && before.sha512.as_ref() == Some(&content.sha512) {
        return Ok(before);
    }
    quota::room_on_conn(&mut tx, cx, before.owner, content.size).await?;
    if !store::activate(&mut tx, id, from, content).await? {
        return Err(Error::conflict(format!(
            "image {id} is {}, not {from}: something else changed it meanwhile",
            before.status
        )));
    }
    store::upload_delete(&mut tx, id).await?;
    store::property_remove(&mut tx, id, "os_glance_failed_import").await?;
    let image = store::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("image", id))?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(image)
}
