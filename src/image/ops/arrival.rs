//! A file that a node sends for an image, part by part: how far it has come, and more of it.
//!
//! The file grows in the upload directory under the second of its two names and gets the first when it is whole; from there
//! [`image_adopt`](super::image_adopt) takes it. [`image_await`] opens the place, and only what was opened takes bytes: a
//! part that is late for an image that was given up finds nothing.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::{access, files};
use crate::context::Context;
use crate::depot::rpc::Arrival;
use crate::error::{Error, Result};
use crate::ids::ImageId;
use crate::image::files::{blocking, io_error};
use crate::image::model::ImageStatus;
use crate::image::rpc::arriving_files;

/// Bytes written at a time.
const BLOCK: usize = 1 << 20;

/// Opens the place for a file that a node sends for this image; what is there of it stays.
pub async fn image_await(cx: &Context, id: ImageId) -> Result<()> {
    let place = files(cx);
    blocking(move || {
        place.prepare()?;
        let [whole, arriving] = arriving_files(&place.uploads(), id);
        if whole.exists() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let opened = options.open(&arriving);
        opened
            .map(drop)
            .map_err(|error| io_error(&arriving, &error))
    })
    .await
}

/// Closes the place, and removes what is there. Success if there is nothing.
pub async fn image_await_end(cx: &Context, id: ImageId) -> Result<()> {
    let place = files(cx);
    blocking(move || {
        for path in arriving_files(&place.uploads(), id) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(&path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    })
    .await
}

/// How far the file has come.
pub async fn image_arrival(cx: &Context, id: ImageId) -> Result<Arrival> {
    check(cx, id).await?;
    let place = files(cx);
    blocking(move || {
        let [whole, arriving] = arriving_files(&place.uploads(), id);
        for (path, is_whole) in [(&whole, true), (&arriving, false)] {
            match fs::metadata(path) {
                Ok(meta) => {
                    return Ok(Arrival {
                        received: meta.len(),
                        whole: is_whole,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error(path, &error)),
            }
        }
        Err(nobody_waits(id))
    })
    .await
}

/// Appends what the body has. `first` is where that begins, absent if it has nothing; the whole will have `total` bytes, and
/// is whole when they are there. What came of a body that breaks off stays.
pub async fn image_arrive<S, E>(
    cx: &Context,
    id: ImageId,
    first: Option<u64>,
    total: u64,
    body: S,
) -> Result<Arrival>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send,
    E: Display + Send,
{
    let before = image_arrival(cx, id).await?;
    if before.whole {
        return Ok(before);
    }
    let most = cx.config.image.max_bytes;
    if total > most {
        return Err(Error::TooLarge(format!(
            "the file has {total} bytes; {most} are allowed (image.max_bytes)"
        )));
    }
    let uploads = files(cx).uploads();
    let [_, arriving] = arriving_files(&uploads, id);
    let path = arriving.clone();
    let (file, there) = blocking(move || open(&path, id)).await?;
    if first.is_some_and(|first| first != there) {
        return Err(Error::conflict(format!(
            "{there} bytes of the file are there; go on behind them"
        )));
    }
    let received = append(&arriving, file, there, total, body).await?;
    let whole = received == total;
    if whole {
        blocking(move || finish(&uploads, id)).await?;
    }
    Ok(Arrival { received, whole })
}

/// Only an image that waits for its bytes takes any.
async fn check(cx: &Context, id: ImageId) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let image = access::visible_on_conn(&mut conn, cx, id).await?;
    match image.status {
        ImageStatus::Queued | ImageStatus::Saving => Ok(()),
        _ => Err(nobody_waits(id)),
    }
}

fn nobody_waits(id: ImageId) -> Error {
    Error::not_found("upload of image", id)
}

/// The file, which nobody else writes now, and its length.
fn open(path: &Path, id: ImageId) -> Result<(File, u64)> {
    let file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(nobody_waits(id)),
        Err(error) => return Err(io_error(path, &error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::conflict(format!(
                "another part of the file for image {id} arrives just now"
            )));
        }
        Err(TryLockError::Error(error)) => return Err(io_error(path, &error)),
    }
    let length = file
        .metadata()
        .map_err(|error| io_error(path, &error))?
        .len();
    Ok((file, length))
}

/// Writes the body at the end of the file; answers with the length it then has.
async fn append<S, E>(path: &Path, file: File, there: u64, total: u64, body: S) -> Result<u64>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send,
    E: Display + Send,
{
    let fail = |error: io::Error| io_error(path, &error);
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(BLOCK);
    file.seek(io::SeekFrom::Start(there)).await.map_err(fail)?;
    let (mut received, mut broken) = (there, None);
    let mut body = pin!(body);
    while let Some(piece) = body.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        };
        received += piece.len() as u64;
        if received > total {
            broken = Some(format!("more came than the {total} bytes announced"));
            break;
        }
        file.write_all(&piece).await.map_err(fail)?;
    }
    file.flush().await.map_err(fail)?;
    if received == total && broken.is_none() {
        file.sync_all().await.map_err(fail)?;
    }
    match broken {
        None => Ok(received),
        Some(reason) => Err(Error::BadRequest(format!(
            "the part of the file broke off: {reason}"
        ))),
    }
}

/// Gives the whole file its name.
fn finish(uploads: &Path, id: ImageId) -> Result<()> {
    let [whole, arriving] = arriving_files(uploads, id);
    fs::rename(&arriving, &whole)
        .and_then(|()| File::open(uploads)?.sync_all())
        .map_err(|error| io_error(&whole, &error))
}
