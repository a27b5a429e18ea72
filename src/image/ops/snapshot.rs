//! A file that a node made becomes an image: the end of a server's snapshot.
//!
//! The caller reserves the image ([`image_reserve_on_conn`](super::image_reserve_on_conn)), has the node write its file below [`image_upload_dir`],
//! and hands it over with [`image_adopt`]; or gives up with [`image_discard`]. Both may be repeated.

use std::fs;
use std::path::{Path, PathBuf};

use super::{access, delete, examine, files, image_changed, settle};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::files::{Files, Part, blocking, io_error};
use crate::image::intake::{Taken, hash_file};
use crate::image::model::{Image, ImageStatus};
use crate::image::store;

/// Where nodes leave files for images. It exists after the call.
pub async fn image_upload_dir(cx: &Context) -> Result<PathBuf> {
    let place = files(cx);
    blocking(move || {
        place.prepare()?;
        Ok(place.uploads())
    })
    .await
}

/// Makes the file, which lies in the upload directory and is taken away from there, the bytes of a queued image: it is
/// hashed, moved, and the image is active.
pub async fn image_adopt(cx: &Context, id: ImageId, file: &Path) -> Result<Image> {
    let mut conn = cx.db.read().await?;
    let image = access::own_on_conn(&mut conn, cx, id).await?;
    drop(conn);
    if image.status == ImageStatus::Active {
        return Ok(image);
    }
    let (place, from) = (files(cx), file.to_owned());
    let part = blocking(move || take_over(&place, id, &from)).await?;
    let mut tx = cx.db.begin().await?;
    match image.status {
        ImageStatus::Saving => {}
        ImageStatus::Queued => {
            store::swap_status(&mut tx, id, ImageStatus::Queued, ImageStatus::Saving).await?;
        }
        other => {
            return Err(Error::conflict(format!(
                "image {id} is {other}; only a queued image can take over a file"
            )));
        }
    }
    tx.commit().await?;
    let (bytes, md5, sha512) = hash_file(&part.path).await?;
    let taken = Taken {
        part,
        bytes,
        md5,
        sha512,
    };
    let content = examine(&taken, image.disk_format).await?;
    settle(cx, id, ImageStatus::Saving, &content).await
}

/// Gives up an image with whatever there is of it, for whoever made it and takes that back. Success if there is none.
pub async fn image_discard(cx: &Context, id: ImageId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let Some(image) = store::show(&mut tx, id).await? else {
        return Ok(());
    };
    store::swap_status(&mut tx, id, image.status, ImageStatus::Deleted).await?;
    tx.commit().await?;
    image_changed(cx, &image, Change::Deleted);
    delete::forget(cx, id).await
}

/// Makes the file the image's part and locks it. A repeat finds it there, or already where whole images are.
fn take_over(place: &Files, id: ImageId, file: &Path) -> Result<Part> {
    place.prepare()?;
    let part = place.part(id);
    let fail = |path: &Path, error: &std::io::Error| io_error(path, error);
    match fs::symlink_metadata(file) {
        Ok(meta) if !meta.is_file() || file.parent() != Some(&place.uploads()) => {
            return Err(Error::Internal(format!(
                "{} is no file in {}: the node must leave it there",
                file.display(),
                place.uploads().display()
            )));
        }
        Ok(_) if file != part => fs::rename(file, &part).map_err(|error| fail(file, &error))?,
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !part.exists() {
                fs::rename(place.data(id), &part).map_err(|error| fail(file, &error))?;
            }
        }
        Err(error) => return Err(fail(file, &error)),
    }
    let part = place.open_part(id)?;
    part.file
        .sync_all()
        .map_err(|error| fail(&part.path, &error))?;
    Ok(part)
}
