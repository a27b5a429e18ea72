//! An image as something to boot from.

use super::{access, files};
use crate::context::Context;
use crate::depot::ops::{IMAGE_READ, depot_pass};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::model::{Image, ImageStatus};
use crate::image::rpc::ImageSource;

/// The image with what a node needs to fetch it. A conflict unless it is active.
pub async fn image_for_boot(cx: &Context, id: ImageId) -> Result<(Image, ImageSource)> {
    let mut conn = cx.db.read().await?;
    let image = access::visible_on_conn(&mut conn, cx, id).await?;
    if image.status != ImageStatus::Active {
        return Err(Error::conflict(format!(
            "image {id} is {}; only an active image can be used",
            image.status
        )));
    }
    let (Some(format), Some(bytes), Some(sha512)) =
        (image.disk_format, image.size, image.sha512.clone())
    else {
        return Err(Error::Internal(format!(
            "image {id} is active without content: upload it anew"
        )));
    };
    let source = ImageSource {
        id,
        format,
        bytes,
        sha512,
        path: files(cx).data(id),
        depot: None,
    };
    Ok((image, source))
}

/// The same for a question that is put to a node now, which may fetch the bytes by it. Such a source is not to be kept.
pub async fn image_served(cx: &Context, source: ImageSource) -> Result<ImageSource> {
    let depot = Some(depot_pass(cx, IMAGE_READ, source.id).await?);
    Ok(ImageSource { depot, ..source })
}
