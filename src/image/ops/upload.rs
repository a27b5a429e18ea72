//! Bytes that a client sends, at once or in several transfers.
//!
//! A transfer runs in a task of its own: a client that goes away ends the stream, not the work, so that what arrived is
//! flushed and the image is `queued` again whatever happened. What was stored stays for a day ([`crate::image::reconcile`]),
//! and the next transfer says by `Content-Range` where it goes on.

use std::fmt::Display;
use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{access, examine, files, image_changed, quota, settle};
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{ImageId, Time};
use crate::image::files::{Part, blocking};
use crate::image::inspect::refuse_early;
use crate::image::intake::Intake;
use crate::image::model::{HEAD_BYTES, Image, ImageFormat, ImageStatus, Upload};
use crate::image::store;

/// What the bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They are the image.
    Data,
    /// They wait for an import (`glance-direct`).
    Stage,
}

/// What a transfer says about itself before its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Bytes that are there already and stay; `None` begins anew, or with [`Announced::rest`] keeps all.
    pub start: Option<u64>,
    /// Whether the body is empty and the whole is what is there (`Content-Range: bytes */TOTAL`).
    pub rest: bool,
    /// Length of the whole image, if it is known.
    pub total: Option<u64>,
}

/// How a transfer ended.
#[derive(Debug)]
pub enum Received {
    /// All bytes are there; the image is active, or staged.
    Whole(Box<Image>),
    /// So many bytes are there; more may follow.
    Part(u64),
}

/// How far an image's bytes have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadState {
    /// Bytes that are stored.
    pub received: u64,
    /// Bytes of the whole, if announced.
    pub total: Option<u64>,
    /// Whether a transfer is under way.
    pub active: bool,
}

/// How far an image's bytes have come.
pub async fn image_upload_state(cx: &Context, id: ImageId) -> Result<UploadState> {
    let mut conn = cx.db.read().await?;
    let image = access::own_on_conn(&mut conn, cx, id).await?;
    if let Some(size) = image.size.filter(|_| image.status.has_data()) {
        return Ok(UploadState {
            received: size,
            total: Some(size),
            active: false,
        });
    }
    let total = store::upload_show(&mut conn, id)
        .await?
        .and_then(|upload| upload.total);
    drop(conn);
    let place = files(cx);
    let (received, active) = blocking(move || place.look_at_part(id))
        .await?
        .unwrap_or_default();
    Ok(UploadState {
        received,
        total,
        active,
    })
}

/// Throws away what an unfinished upload left. A conflict while a transfer is under way.
pub async fn image_upload_forget(cx: &Context, id: ImageId) -> Result<()> {
    let mut conn = cx.db.read().await?;
    access::own_on_conn(&mut conn, cx, id).await?;
    drop(conn);
    let place = files(cx);
    let part = blocking(move || place.open_part(id)).await?;
    back_to_queued(cx, id, None).await?;
    let place = files(cx);
    blocking(move || place.remove_part(id)).await?;
    drop(part);
    Ok(())
}

/// Takes the bytes of an image that has none.
pub async fn image_upload<S, E>(
    cx: &Context,
    id: ImageId,
    purpose: Purpose,
    announced: Announced,
    body: S,
) -> Result<Received>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
    E: Display + Send,
{
    let transfer = Transfer::begin(cx, id, purpose, announced).await?;
    let cx = cx.clone();
    let task = tokio::spawn(async move { transfer.run(&cx, body).await });
    task.await
        .unwrap_or_else(|error| Err(Error::Internal(format!("the upload ended early: {error}"))))
}

/// A transfer that may begin: the part is locked, the row says so.
struct Transfer {
    image: Image,
    purpose: Purpose,
    part: Part,
    keep: u64,
    total: Option<u64>,
    limit: u64,
}

impl Transfer {
    async fn begin(
        cx: &Context,
        id: ImageId,
        purpose: Purpose,
        announced: Announced,
    ) -> Result<Self> {
        let mut conn = cx.db.read().await?;
        let image = access::own_on_conn(&mut conn, cx, id).await?;
        check_status(&image, purpose)?;
        drop(conn);
        let place = files(cx);
        let part = blocking(move || place.open_part(id)).await?;
        match Self::admit(cx, image.id, purpose, announced, &part).await {
            Ok((image, keep, limit)) => Ok(Self {
                image,
                purpose,
                part,
                keep,
                total: announced.total,
                limit,
            }),
            Err(error) => {
                // What was made only to be locked does not stay.
                if part.len()? == 0 {
                    let place = files(cx);
                    blocking(move || place.remove_part(id)).await?;
                }
                Err(error)
            }
        }
    }

    /// Looks at all bounds and makes the row say that bytes arrive. Answers with the image, how many bytes stay, and how
    /// many the whole may have.
    async fn admit(
        cx: &Context,
        id: ImageId,
        purpose: Purpose,
        announced: Announced,
        part: &Part,
    ) -> Result<(Image, u64, u64)> {
        let keep = kept(part, announced)?;
        let room = cx.config.image.max_bytes;
        if let Some(total) = announced.total {
            if total > room {
                return Err(Error::TooLarge(format!(
                    "the image has {total} bytes; {room} are allowed (image.max_bytes)"
                )));
            }
            check_disk(cx, total.saturating_sub(keep)).await?;
        }
        let mut tx = cx.db.begin().await?;
        // Under the lock: nobody else writes, so a status of an earlier transfer is a leftover.
        let image = access::own_on_conn(&mut tx, cx, id).await?;
        check_status(&image, purpose)?;
        let wanted = announced.total.unwrap_or(0);
        let left = quota::room_on_conn(&mut tx, cx, image.owner, wanted).await?;
        let status = busy_status(purpose);
        if image.status != status {
            store::swap_status(&mut tx, id, image.status, status).await?;
        }
        let upload = Upload {
            image: id,
            total: announced.total,
            origin: None,
            updated_at: Time::now(),
        };
        store::upload_put(&mut tx, &upload).await?;
        tx.commit().await?;
        image_changed(cx, &image, Change::Updated);
        Ok((image, keep, room.min(left)))
    }

    async fn run<S, E>(self, cx: &Context, body: S) -> Result<Received>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send,
        E: Display + Send,
    {
        let (id, total, purpose) = (self.image.id, self.total, self.purpose);
        let declared = self.image.disk_format;
        let keep = self.keep;
        let taken = async {
            let mut intake = Intake::start(self.part, keep, self.limit).await?;
            let end = receive(&mut intake, body, declared, keep == 0, total).await?;
            if let Some(reason) = end {
                let stored = intake.stop().await?;
                return Ok(Err((stored, reason)));
            }
            match total {
                Some(total) if intake.bytes() < total => {
                    Ok(Err((intake.stop().await?, String::new())))
                }
                _ => Ok(Ok(intake.finish().await?)),
            }
        };
        let outcome: Result<_> = taken.await;
        let refused = match outcome {
            Ok(Ok(taken)) => {
                let landed = async {
                    let content = examine(&taken, declared).await?;
                    if purpose == Purpose::Stage {
                        let mut conn = cx.db.read().await?;
                        return access::own_on_conn(&mut conn, cx, id).await;
                    }
                    settle(cx, id, ImageStatus::Saving, &content).await
                };
                match landed.await {
                    Ok(image) => return Ok(Received::Whole(Box::new(image))),
                    Err(error) => {
                        // The lock is held until the refused bytes are gone.
                        discard(cx, id).await?;
                        drop(taken);
                        error
                    }
                }
            }
            Ok(Err((stored, reason))) => {
                back_to_queued(cx, id, total).await?;
                if reason.is_empty() {
                    return Ok(Received::Part(stored));
                }
                return Err(Error::BadRequest(format!(
                    "the transfer of image {id} broke off after {stored} bytes ({reason}); they are kept for a day: go on with Content-Range: bytes {stored}-"
                )));
            }
            Err(error) => {
                discard(cx, id).await?;
                error
            }
        };
        Err(refused)
    }
}

fn busy_status(purpose: Purpose) -> ImageStatus {
    match purpose {
        Purpose::Data => ImageStatus::Saving,
        Purpose::Stage => ImageStatus::Uploading,
    }
}

fn check_status(image: &Image, purpose: Purpose) -> Result<()> {
    if image.status == ImageStatus::Queued || image.status == busy_status(purpose) {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "image {} is {}; bytes are taken only while it is queued",
        image.id, image.status
    )))
}

/// How many of the bytes that are there stay.
fn kept(part: &Part, announced: Announced) -> Result<u64> {
    let there = part.len()?;
    if announced.rest {
        return Ok(there);
    }
    match announced.start {
        None => Ok(0),
        Some(start) if start <= there => Ok(start),
        Some(start) => Err(Error::conflict(format!(
            "the transfer would go on at byte {start}, but {there} bytes are there; go on with Content-Range: bytes {there}-"
        ))),
    }
}

/// Refuses what can not fit, before it is sent.
async fn check_disk(cx: &Context, more: u64) -> Result<()> {
    let place = files(cx);
    let free = blocking(move || place.free_bytes()).await?;
    if more > free {
        return Err(Error::TooLarge(format!(
            "{more} bytes do not fit: the disk under {} has {free} left; delete images that are not needed, or give it more room",
            cx.config.image.dir.display()
        )));
    }
    Ok(())
}

/// Reads the stream to its end. `Some` says why it broke off.
async fn receive<S, E>(
    intake: &mut Intake,
    body: S,
    declared: Option<ImageFormat>,
    from_start: bool,
    total: Option<u64>,
) -> Result<Option<String>>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send,
    E: Display,
{
    let mut body = pin!(body);
    let mut head = from_start.then(Vec::new);
    while let Some(piece) = body.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Ok(Some(error.to_string())),
        };
        if total.is_some_and(|total| intake.bytes() + piece.len() as u64 > total) {
            return Err(Error::BadRequest(format!(
                "more bytes came than the {} announced",
                total.unwrap_or_default()
            )));
        }
        if let Some(seen) = &mut head {
            seen.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES)]);
            if seen.len() >= HEAD_BYTES {
                refuse_early(seen, declared)?;
                head = None;
            }
        }
        intake.write(&piece).await?;
    }
    Ok(None)
}

/// Removes the part and makes the image `queued` again: nothing half made.
async fn discard(cx: &Context, id: ImageId) -> Result<()> {
    let place = files(cx);
    blocking(move || place.remove_part(id)).await?;
    back_to_queued(cx, id, None).await
}

/// An image whose bytes did not all come waits for them again.
pub(in crate::image) async fn back_to_queued(
    cx: &Context,
    id: ImageId,
    total: Option<u64>,
) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let Some(image) = store::show(&mut tx, id).await? else {
        return Ok(());
    };
    if image.status.may_become(ImageStatus::Queued) {
        store::swap_status(&mut tx, id, image.status, ImageStatus::Queued).await?;
    }
    if total.is_none() {
        store::upload_delete(&mut tx, id).await?;
    } else {
        let upload = Upload {
            image: id,
            total,
            origin: None,
            updated_at: Time::now(),
        };
        store::upload_put(&mut tx, &upload).await?;
    }
    tx.commit().await?;
    image_changed(cx, &image, Change::Updated);
    Ok(())
}
