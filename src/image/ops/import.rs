//! Imports: bytes that were staged, or that lie somewhere on the web.

use std::time::Duration;

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

/// How often a part that is locked is looked at again, and how many times.
const LOOK_AGAIN: (Duration, u32) = (Duration::from_millis(20), 50);

/// Length of an image's part, and whether a transfer has it. A lock may outlive its transfer for a moment: a child process
/// between fork and exec shares it.
async fn part_at_rest(cx: &Context, id: ImageId) -> Result<Option<(u64, bool)>> {
    let (pause, times) = LOOK_AGAIN;
    for _ in 0..times {
        let place = files(cx);
        let part = blocking(move || place.look_at_part(id)).await?;
        if !matches!(part, Some((_, true))) {
            return Ok(part);
        }
        tokio::time::sleep(pause).await;
    }
    Ok(Some((0, true)))
}

/// Begins an import. Only an administrator may name addresses of this machine or its link.
pub async fn image_import(cx: &Context, id: ImageId, method: ImportMethod) -> Result<OperationId> {
    let part = part_at_rest(cx, id).await?;
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
