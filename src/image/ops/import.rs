//! Imports: bytes that were staged, or that lie somewhere on the web.

use super::{access, files, image_changed};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::fetch::check_url;
use crate::ids::{ImageId, OperationId};
use crate::image::files::blocking;
use crate::image::model::ImageStatus;
use crate::image::sagas::{ImageImport, Origin};
use crate::image::store;
use crate::saga::{self, Busy, Target};

/// Where an import takes its bytes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportMethod {
    /// What was staged before (`glance-direct`).
    Staged,
    /// A file on the web, by `http` or `https` (`web-download`).
    Web(String),
}

/// Begins an import. Only an administrator may name addresses of this machine or its link.
pub async fn image_import(cx: &Context, id: ImageId, method: ImportMethod) -> Result<OperationId> {
    let place = files(cx);
    let part = blocking(move || place.look_at_part(id)).await?;
    let mut tx = cx.db.begin().await?;
    let image = access::own_on_conn(&mut tx, cx, id).await?;
    let (wanted, origin) = match method {
        ImportMethod::Staged => (ImageStatus::Uploading, Origin::Staged),
        ImportMethod::Web(url) => {
            check_url(&url, cx.actor.is_admin()).map_err(|reason| Error::invalid("uri", reason))?;
            (ImageStatus::Queued, Origin::Web { url })
        }
    };
    if image.status != wanted {
        return Err(Error::conflict(format!(
            "image {id} is {}; this import begins when it is {wanted}",
            image.status
        )));
    }
    if wanted == ImageStatus::Uploading && !matches!(part, Some((_, false))) {
        return Err(Error::conflict(format!(
            "the bytes of image {id} are not all staged yet"
        )));
    }
    store::swap_status(&mut tx, id, wanted, ImageStatus::Importing).await?;
    let name = if image.name.is_empty() {
        id.to_string()
    } else {
        image.name.clone()
    };
    let text = id.to_string();
    let target = Target {
        kind: "image",
        id: &text,
        name: &name,
        host: None,
        project: Some(image.owner),
    };
    let import = ImageImport::new(id, origin);
    let operation = saga::start_on_conn(&mut tx, cx, &import, target, Busy::Refuse).await?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    image_changed(cx, &image, Change::Updated);
    Ok(operation)
}
