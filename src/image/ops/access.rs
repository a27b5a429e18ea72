//! Who may see an image, and who may change it.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::model::{Image, Visibility};
use crate::image::store;

/// One image that the actor may see.
pub async fn image_show(cx: &Context, id: ImageId) -> Result<Image> {
    let mut conn = cx.db.read().await?;
    visible_on_conn(&mut conn, cx, id).await
}

/// The image, if the actor may see it; otherwise it does not exist.
pub(super) async fn visible_on_conn(conn: &mut Conn, cx: &Context, id: ImageId) -> Result<Image> {
    let image = store::show(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("image", id))?;
    let Some(viewer) = cx.visible_project()? else {
        return Ok(image);
    };
    let seen = image.owner == viewer
        || match image.visibility {
            Visibility::Public | Visibility::Community => true,
            Visibility::Private => false,
            Visibility::Shared => store::member_show(conn, id, viewer).await?.is_some(),
        };
    if seen {
        Ok(image)
    } else {
        Err(Error::not_found("image", id))
    }
}

/// The image, if the actor may change it.
pub(super) async fn own_on_conn(conn: &mut Conn, cx: &Context, id: ImageId) -> Result<Image> {
    let image = visible_on_conn(conn, cx, id).await?;
    match cx.visible_project()? {
        Some(viewer) if viewer != image.owner => Err(Error::Forbidden(format!(
            "image {id} belongs to another project, which alone may change it"
        ))),
        _ => Ok(image),
    }
}
