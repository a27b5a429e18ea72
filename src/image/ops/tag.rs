//! Labels of images.

use super::{access, create, image_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::store;

/// Adds a tag. Success if it is there.
pub async fn tag_add(cx: &Context, id: ImageId, tag: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let mut image = access::own_on_conn(&mut tx, cx, id).await?;
    image.tags.push(tag.to_owned());
    create::check_tags(&image.tags)?;
    store::tag_add(&mut tx, id, tag).await?;
    store::touch(&mut tx, id).await?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(())
}

/// Takes a tag away.
pub async fn tag_remove(cx: &Context, id: ImageId, tag: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let image = access::own_on_conn(&mut tx, cx, id).await?;
    if !store::tag_remove(&mut tx, id, tag).await? {
        return Err(Error::not_found("tag", tag));
    }
    store::touch(&mut tx, id).await?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(())
}
