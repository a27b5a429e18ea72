//! Deletion: first the row says so, then the file goes, then the row.

use super::{access, files, image_await_end, image_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::files::{Files, blocking};
use crate::image::model::ImageStatus;
use crate::image::store;
use crate::saga;

/// Deletes an image. Servers made from it keep their disks: nodes keep what they need of it.
pub async fn image_delete(cx: &Context, id: ImageId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let image = access::own_on_conn(&mut tx, cx, id).await?;
    if image.protected {
        return Err(Error::Forbidden(format!(
            "image {id} is protected; take the protection away first (openstack image set --unprotected {id})"
        )));
    }
    store::swap_status(&mut tx, id, image.status, ImageStatus::Deleted).await?;
    let import = saga::operation_abort_of_on_conn(&mut tx, &id.to_string()).await?;
    tx.commit().await?;
    if let Some(import) = import {
        cx.sagas.abort(import);
    }
    image_changed(cx, &image, Change::Deleted);
    forget(cx, id).await
}

/// Removes the file and then the row of an image that is deleted. May be repeated.
pub(in crate::image) async fn forget(cx: &Context, id: ImageId) -> Result<()> {
    let place = files(cx);
    blocking(move || remove_files(&place, id)).await?;
    image_await_end(cx, id).await?;
    let mut tx = cx.db.begin().await?;
    store::delete(&mut tx, id).await?;
    tx.commit().await?;
    Ok(())
}

fn remove_files(place: &Files, id: ImageId) -> Result<()> {
    place.remove(id)?;
    // Whoever writes the part now finds the row gone at the end and removes it; its name must not become free before.
    match place.look_at_part(id)? {
        Some((_, true)) | None => Ok(()),
        Some((_, false)) => place.remove_part(id),
    }
}
