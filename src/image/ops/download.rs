//! An image's bytes, for reading.

use std::fs::File;
use std::io;

use super::{access, files};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::files::{blocking, io_error};
use crate::image::model::{Image, ImageStatus};

/// The open file of an image.
#[derive(Debug)]
pub struct ImageData {
    /// The image.
    pub image: Image,
    /// Its bytes, at the beginning.
    pub file: File,
    /// How many there are.
    pub bytes: u64,
}

/// Opens an image's bytes; `None` if it has none yet. Those of a deactivated image are for administrators.
pub async fn image_data(cx: &Context, id: ImageId) -> Result<Option<ImageData>> {
    let mut conn = cx.db.read().await?;
    let image = access::visible_on_conn(&mut conn, cx, id).await?;
    drop(conn);
    if !image.status.has_data() {
        return Ok(None);
    }
    if image.status == ImageStatus::Deactivated && !cx.actor.is_admin() {
        return Err(Error::Forbidden(format!(
            "image {id} is deactivated; an administrator can reactivate it"
        )));
    }
    let path = files(cx).data(id);
    let (file, bytes) = blocking(move || {
        let opened = File::open(&path).and_then(|file| {
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        });
        opened.map_err(|error| match error.kind() {
            // Asking again does not bring it back.
            io::ErrorKind::NotFound => Error::not_found("file of image", id),
            _ => io_error(&path, &error),
        })
    })
    .await?;
    Ok(Some(ImageData { image, file, bytes }))
}
