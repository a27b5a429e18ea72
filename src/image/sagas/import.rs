//! `image_import`: fetch (or check what was staged), then publish.
//!
//! The bytes lie in the image's part while they arrive, so a fetch that is cut short by anything goes on where it was: by
//! `Range` for a download, by hashing what is there for staged bytes. The undo leaves the image `queued` and empty, with
//! the reason in its property `skydeck_import_error` (and Glance's own mark of a failed import).

use std::pin::pin;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::context::Change;
use crate::error::Error;
use crate::fetch::{Fetch, FetchError, Fetched, fetch};
use crate::ids::{ImageId, Time};
use crate::image::files::{Part, blocking};
use crate::image::inspect::refuse_early;
use crate::image::intake::{Intake, Taken};
use crate::image::model::{Content, HEAD_BYTES, Image, ImageStatus, Upload};
use crate::image::ops::{back_to_queued, examine, files, image_changed, settle};
use crate::image::store;
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult, report};

/// How often progress is recorded.
const REPORT: Duration = Duration::from_millis(500);
/// Glance's mark of a failed import, and our reason for it.
const MARK: &str = "os_glance_failed_import";
const REASON: &str = "skydeck_import_error";

/// Where the bytes come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// They are in the part.
    Staged,
    /// From the web.
    Web {
        /// The address.
        url: String,
    },
}

/// The operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageImport {
    image: ImageId,
    origin: Origin,
    content: Option<Content>,
}

impl ImageImport {
    /// Imports the bytes of this image, which is `importing`.
    pub fn new(image: ImageId, origin: Origin) -> Self {
        Self {
            image,
            origin,
            content: None,
        }
    }
}

impl Saga for ImageImport {
    const KIND: &'static str = "image_import";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("fetch", fetch_bytes),
            Step::new("publish", publish),
        ]
    }
}

fn fetch_bytes<'a>(cx: &'a StepContext, s: &'a mut ImageImport) -> BoxFuture<'a, StepResult> {
    async move {
        let image = importing(cx, s.image).await?;
        let (place, id) = (files(cx), s.image);
        let part = match blocking(move || place.open_part(id)).await {
            // A step that was given up by another process still holds it for a moment.
            Err(Error::Conflict(reason)) => return Err(StepError::Retry(reason)),
            other => other?,
        };
        let taken = match &s.origin {
            Origin::Staged => {
                let length = part.len()?;
                Intake::start(part, length, length).await?.finish().await?
            }
            Origin::Web { url } => match download(cx, &image, part, url).await? {
                Ok(taken) => taken,
                Err(flow) => return Ok(flow),
            },
        };
        s.content = Some(examine(&taken, image.disk_format).await?);
        Ok(Flow::Next)
    }
    .boxed()
}

/// The image, if it still waits for this import.
async fn importing(cx: &StepContext, id: ImageId) -> Result<Image, StepError> {
    let mut conn = cx.db.read().await?;
    let found = store::show(&mut conn, id).await?;
    found
        .filter(|image| image.status == ImageStatus::Importing)
        .ok_or_else(|| {
            StepError::Failed(Failure::new(format!(
                "image {id} was deleted or changed meanwhile"
            )))
        })
}

/// Downloads the rest of the file. A connection that breaks after it brought something is no failure: the step parks for a
/// moment and goes on.
async fn download(
    cx: &StepContext,
    image: &Image,
    part: Part,
    url: &str,
) -> Result<Result<Taken, Flow>, StepError> {
    let there = part.len()?;
    let mut conn = cx.db.read().await?;
    let before = store::upload_show(&mut conn, image.id).await?;
    drop(conn);
    let validator = before
        .and_then(|upload| upload.origin)
        .filter(|(origin, _)| origin == url)
        .map(|(_, validator)| validator);
    let request = Fetch {
        url,
        trusted: cx.actor.is_admin(),
        resume: validator.as_deref().map(|validator| (there, validator)),
    };
    let fetched = tokio::select! {
        fetched = fetch(&request) => fetched.map_err(|error| step_error(url, &error))?,
        () = cx.aborted() => return Err(StepError::Aborted),
    };
    let most = cx.config.image.max_bytes;
    if fetched.total.is_some_and(|total| total > most) {
        return Err(StepError::Failed(Failure::new(format!(
            "{url} has {} bytes; {most} are allowed (image.max_bytes)",
            fetched.total.unwrap_or_default()
        ))));
    }
    remember(cx, image.id, url, &fetched).await?;
    let mut intake = Intake::start(part, fetched.start, most).await?;
    let (begun, total) = (intake.bytes(), fetched.total);
    match pour(cx, image, fetched, &mut intake).await? {
        None if total.is_none_or(|total| total == intake.bytes()) => {
            Ok(Ok(intake.finish().await?))
        }
        broken => {
            let stored = intake.stop().await?;
            if stored > begun {
                return Ok(Err(Flow::Park(Time::now().plus_seconds(1))));
            }
            let error = broken.unwrap_or_else(|| FetchError {
                passing: true,
                message: "the connection ended early".into(),
            });
            Err(step_error(url, &error))
        }
    }
}

/// Moves the body into the intake. `Some` says how it broke off.
async fn pour(
    cx: &StepContext,
    image: &Image,
    fetched: Fetched,
    intake: &mut Intake,
) -> Result<Option<FetchError>, StepError> {
    let total = fetched.total;
    let mut head = (fetched.start == 0).then(Vec::new);
    let mut body = pin!(fetched.body());
    let mut reported = Instant::now();
    loop {
        let piece = tokio::select! {
            piece = body.next() => piece,
            () = cx.aborted() => return Err(StepError::Aborted),
        };
        match piece {
            None => return Ok(None),
            Some(Err(error)) => return Ok(Some(error)),
            Some(Ok(piece)) => {
                if let Some(seen) = &mut head {
                    seen.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES)]);
                    if seen.len() >= HEAD_BYTES {
                        refuse_early(seen, image.disk_format)?;
                        head = None;
                    }
                }
                intake.write(&piece).await?;
            }
        }
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            report(
                cx.cloud(),
                cx.operation,
                "download",
                intake.bytes(),
                total,
                "bytes",
            )
            .await?;
        }
    }
}

/// Keeps what a later request needs to go on.
async fn remember(
    cx: &StepContext,
    image: ImageId,
    url: &str,
    fetched: &Fetched,
) -> Result<(), StepError> {
    let upload = Upload {
        image,
        total: fetched.total,
        origin: fetched
            .validator
            .clone()
            .map(|validator| (url.to_owned(), validator)),
        updated_at: Time::now(),
    };
    let mut tx = cx.db.begin().await?;
    store::upload_put(&mut tx, &upload).await?;
    tx.commit().await?;
    Ok(())
}

fn step_error(url: &str, error: &FetchError) -> StepError {
    let message = format!("{url} can not be fetched: {error}");
    if error.passing {
        return StepError::Retry(message);
    }
    StepError::Failed(
        Failure::new(message).hint("check the address; or fetch the file yourself and upload it"),
    )
}

fn publish<'a>(cx: &'a StepContext, s: &'a mut ImageImport) -> BoxFuture<'a, StepResult> {
    async move {
        let content = s.content.as_ref().ok_or_else(|| {
            StepError::Failed(Failure::new("the operation lost what it found out"))
        })?;
        settle(cx, s.image, ImageStatus::Importing, content).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Removes what came; the image waits for bytes again and says why it has none.
fn give_up<'a>(cx: &'a StepContext, s: &'a mut ImageImport) -> BoxFuture<'a, StepResult> {
    async move {
        let id = s.image;
        let mut conn = cx.db.read().await?;
        let image = store::show(&mut conn, id).await?;
        drop(conn);
        if image.as_ref().is_some_and(|image| image.status.has_data()) {
            return Ok(Flow::Next);
        }
        let place = files(cx);
        blocking(move || {
            place.remove_part(id)?;
            place.remove(id)
        })
        .await?;
        back_to_queued(cx, id, None).await?;
        let Some(image) = image else {
            return Ok(Flow::Next);
        };
        let mut reason = cx
            .reason
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        reason.truncate(reason.floor_char_boundary(1000));
        let mut tx = cx.db.begin().await?;
        if store::show(&mut tx, id).await?.is_some() {
            store::property_set(&mut tx, id, MARK, "file").await?;
            store::property_set(&mut tx, id, REASON, &reason).await?;
        }
        tx.commit().await?;
        image_changed(cx, &image, Change::Updated);
        Ok(Flow::Next)
    }
    .boxed()
}
