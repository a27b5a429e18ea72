//! Compares rows and files of the image store, and finishes what a dead process left. Run at start and now and then.
//!
//! What it may do without asking follows from who holds a part's lock: bytes that nobody writes and whose row waits for
//! none are leftovers. A file without a row is reported and left alone.

use std::collections::HashMap;
use std::time::Duration;

use futures::{FutureExt, TryFutureExt};

use super::files::{Files, Part, blocking};
use super::model::{Image, ImageStatus};
use super::ops::{back_to_queued, files, forget};
use super::store;
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::reconcile::Periodic;
use crate::saga::{OperationQuery, operation_list};

/// How long bytes of a broken-off upload are kept.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// What a pass found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Deletions that were finished.
    pub forgotten: usize,
    /// Images that wait for their bytes again.
    pub requeued: usize,
    /// Parts that were removed.
    pub removed_parts: usize,
    /// Files without a row.
    pub orphans: Vec<ImageId>,
    /// Active images without a file.
    pub missing: Vec<ImageId>,
}

/// Recurring work of this service.
pub fn periodic() -> Vec<Periodic> {
    vec![Periodic {
        name: "image_reconcile",
        every: Duration::from_secs(300),
        run: |cx| reconcile(cx).map_ok(|_| ()).boxed(),
    }]
}

/// One pass.
pub async fn reconcile(cx: &Context) -> Result<Report> {
    let place = files(cx);
    let (whole, parts) = blocking(move || place.found()).await?;
    // Rows are read after files: a file that has become an image meanwhile is one here.
    let mut conn = cx.db.read().await?;
    let rows = store::statuses(&mut conn).await?;
    drop(conn);
    let mut report = Report::default();
    for (&id, &status) in &rows {
        match status {
            ImageStatus::Deleted => {
                forget(cx, id).await?;
                report.forgotten += 1;
            }
            ImageStatus::Active | ImageStatus::Deactivated if !whole.contains(&id) => {
                report.missing.extend(still_missing(cx, id).await?);
            }
            ImageStatus::Saving | ImageStatus::Importing => {
                report.requeued += usize::from(requeue(cx, id, status).await?);
            }
            _ => {}
        }
    }
    for id in whole {
        if !rows.get(&id).is_some_and(|status| status.has_data()) {
            report.orphans.extend(misplaced(cx, id, &rows).await?);
        }
    }
    for id in parts {
        report.removed_parts += usize::from(expire(cx, id).await?);
    }
    for (ids, text) in [
        (
            &report.orphans,
            "is a file in the image store without an image; look at it and remove it",
        ),
        (
            &report.missing,
            "is active but its file is gone from the image store; delete it, or bring the file back",
        ),
    ] {
        for id in ids {
            tell(cx, *id, text);
        }
    }
    Ok(report)
}

fn tell(cx: &Context, id: ImageId, text: &str) {
    tracing::warn!(image = %id, "{text}");
    let event = Event::new("image", id, None, Change::Updated);
    cx.events
        .publish(event.saying(format!("image {id} {text}")));
}

/// Takes the lock of an image's part, unless somebody has it.
async fn lock(cx: &Context, id: ImageId) -> Result<Option<Part>> {
    let place = files(cx);
    match blocking(move || place.open_part(id)).await {
        Err(Error::Conflict(_)) => Ok(None),
        other => other.map(Some),
    }
}

async fn row(cx: &Context, id: ImageId) -> Result<Option<Image>> {
    let mut conn = cx.db.read().await?;
    Ok(store::show(&mut conn, id).await?)
}

async fn still_missing(cx: &Context, id: ImageId) -> Result<Option<ImageId>> {
    let place: Files = files(cx);
    let path = place.data(id);
    let there = blocking(move || Ok(path.exists())).await?;
    let active = row(cx, id)
        .await?
        .is_some_and(|image| image.status.has_data());
    Ok((!there && active).then_some(id))
}

/// An image whose bytes nobody brings any more waits for them again. What came is kept.
async fn requeue(cx: &Context, id: ImageId, status: ImageStatus) -> Result<bool> {
    let imported = status == ImageStatus::Importing && {
        let query = OperationQuery {
            resource: Some(id.to_string()),
            active: true,
            limit: 1,
            ..OperationQuery::default()
        };
        !operation_list(cx, query).await?.is_empty()
    };
    if imported {
        return Ok(false);
    }
    let Some(part) = lock(cx, id).await? else {
        return Ok(false);
    };
    // The lock goes with the file into its place.
    let place = files(cx);
    let landing = blocking(move || place.is_landing(id)).await?;
    if landing || row(cx, id).await?.map(|image| image.status) != Some(status) {
        give_back(cx, id, part).await?;
        return Ok(false);
    }
    let mut conn = cx.db.read().await?;
    let total = store::upload_show(&mut conn, id)
        .await?
        .and_then(|upload| upload.total);
    drop(conn);
    back_to_queued(cx, id, total).await?;
    drop(part);
    Ok(true)
}

/// A whole file whose image is not active: its process died between rename and row. It is a part again, complete. One
/// without any row is an orphan.
async fn misplaced(
    cx: &Context,
    id: ImageId,
    rows: &HashMap<ImageId, ImageStatus>,
) -> Result<Option<ImageId>> {
    if !rows.contains_key(&id) {
        return Ok(row(cx, id).await?.is_none().then_some(id));
    }
    let Some(part) = lock(cx, id).await? else {
        return Ok(None);
    };
    let queued = row(cx, id)
        .await?
        .is_some_and(|image| image.status == ImageStatus::Queued);
    if queued && part.len()? == 0 {
        let place = files(cx);
        let (from, to) = (place.data(id), place.part(id));
        blocking(move || {
            std::fs::rename(&from, &to).map_err(|error| super::files::io_error(&from, &error))
        })
        .await?;
        return Ok(None);
    }
    give_back(cx, id, part).await?;
    Ok(None)
}

/// Ends a lock that was taken to look. A part that was made only for that does not stay.
async fn give_back(cx: &Context, id: ImageId, part: Part) -> Result<()> {
    let place = files(cx);
    blocking(move || {
        if part.len()? == 0 {
            place.remove_part(id)?;
        }
        Ok(())
    })
    .await
}

/// Removes a part that nobody touched for a day, or that belongs to no image any more.
async fn expire(cx: &Context, id: ImageId) -> Result<bool> {
    let image = row(cx, id).await?;
    let busy = |status| matches!(status, ImageStatus::Importing | ImageStatus::Saving);
    if image.as_ref().is_some_and(|image| busy(image.status)) {
        return Ok(false);
    }
    let Some(part) = lock(cx, id).await? else {
        return Ok(false);
    };
    let touched = part.file.metadata().and_then(|meta| meta.modified());
    let old = touched.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= KEEP));
    let empty = part.len()? == 0;
    if image.is_some() && !old && !empty {
        return Ok(false);
    }
    let place = files(cx);
    blocking(move || place.remove_part(id)).await?;
    if image.is_some_and(|image| image.status == ImageStatus::Uploading) || old {
        back_to_queued(cx, id, None).await?;
    }
    drop(part);
    Ok(true)
}
