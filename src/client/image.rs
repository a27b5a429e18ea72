//! Images, and their bytes in both directions.
//!
//! Bytes are streamed between file and socket; memory does not grow with the image. A broken transfer goes on where it
//! stopped: a download by `Range` into `FILE.part`, an upload on a Skydeck by `Content-Range` from what it says to have (see
//! [`crate::api::wire::UploadStatus`]); other clouds take an upload whole or not at all. What was downloaded is verified before
//! the file gets its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::{Client, ClientError, ListQuery, Pages, Result, Service};
use crate::image::wire::{
    Image, ImageCreate, ImageImport, ImageList, ImagePatch, ImportInfo, ImportMethod,
    PATCH_MEDIA_TYPE,
};

const IMAGE: Service = Service::Image;
/// Bytes read from a file at once.
const CHUNK: usize = 256 * 1024;
/// How often a transfer is taken up again without having moved.
const ATTEMPTS: u32 = 5;
/// How long to wait before that, the first time; then twice as long each time.
const BACK_OFF: Duration = Duration::from_millis(500);

/// Told how far a transfer has come: bytes done, and bytes altogether. Called often; it must return at once.
pub type OnProgress = Arc<dyn Fn(u64, u64) + Send + Sync>;

impl Client {
    /// Images; filters `name`, `status`, `visibility`, `owner`, `tag`, `disk_format`.
    pub fn image_list(&self, query: &ListQuery) -> Pages<ImageList> {
        Pages::new(self.get(IMAGE, &["images"]), query, None)
    }

    /// One image.
    pub async fn image_show(&self, id: &str) -> Result<Image> {
        self.get(IMAGE, &["images", id]).parse().await
    }

    /// Makes an image without bytes.
    pub async fn image_create(&self, image: &ImageCreate) -> Result<Image> {
        self.post(IMAGE, &["images"]).json(image).parse().await
    }

    /// Changes an image.
    pub async fn image_update(&self, id: &str, patch: &[ImagePatch]) -> Result<Image> {
        let call = self.patch(IMAGE, &["images", id]);
        let call = call.header("content-type", PATCH_MEDIA_TYPE);
        call.json(&patch).parse().await
    }

    /// Deletes an image.
    pub async fn image_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(IMAGE, &["images", id]);
        call.accept().await.map(drop)
    }

    /// Has the cloud fetch the bytes from an address. What becomes of it is seen on the image.
    pub async fn image_import(&self, id: &str, uri: &str) -> Result<()> {
        let method = ImportMethod {
            name: "web-download".to_owned(),
            uri: Some(uri.to_owned()),
        };
        let call = self.post(IMAGE, &["images", id, "import"]);
        call.json(&ImageImport { method }).accept().await.map(drop)
    }

    /// How images may get their bytes: `web-download`, …
    pub async fn image_import_method_list(&self) -> Result<Vec<String>> {
        let call = self.get(IMAGE, &["info", "import"]);
        Ok(call.parse::<ImportInfo>().await?.import_methods.value)
    }

    /// Makes an image unusable for new servers, without losing it.
    pub async fn image_deactivate(&self, id: &str) -> Result<()> {
        let call = self.post(IMAGE, &["images", id, "actions", "deactivate"]);
        call.accept().await.map(drop)
    }

    /// Makes it usable again.
    pub async fn image_reactivate(&self, id: &str) -> Result<()> {
        let call = self.post(IMAGE, &["images", id, "actions", "reactivate"]);
        call.accept().await.map(drop)
    }

    /// Sends a file as the bytes of an image. On a Skydeck an earlier, broken upload of the same length goes on, and one
    /// that breaks is taken up again.
    pub async fn image_upload(&self, id: &str, path: &Path, progress: OnProgress) -> Result<()> {
        let failed = |source| file_error(path, source);
        let total = tokio::fs::metadata(path).await.map_err(failed)?.len();
        let resumable = self.supports_skydeck().await?;
        let mut attempts = Attempts::default();
        loop {
            let offset = match resumable {
                true => self.upload_offset(id, total, &mut attempts).await?,
                false => 0,
            };
            let sent = self.upload_from(id, path, offset, total, progress.clone());
            let error = match sent.await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.status() == Some(401) && attempts.first_refusal() {
                continue;
            }
            let again = resumable && error.is_transient() && attempts.again(offset).await;
            if !again {
                return Err(error);
            }
            if self.image_show(id).await?.status == "active" {
                // Only the answer was lost.
                return Ok(());
            }
        }
    }

    /// Bytes of the file that the cloud has. While it still believes in the connection that broke, it is given time.
    async fn upload_offset(&self, id: &str, total: u64, attempts: &mut Attempts) -> Result<u64> {
        loop {
            let status = match self.image_upload_show(id).await {
                Err(error) if error.is_not_found() => return Ok(0),
                other => other?,
            };
            if status.active && attempts.again(status.received).await {
                continue;
            }
            let goes_on = status.total == Some(total) && status.received <= total;
            return Ok(if goes_on { status.received } else { 0 });
        }
    }

    async fn upload_from(
        &self,
        id: &str,
        path: &Path,
        offset: u64,
        total: u64,
        progress: OnProgress,
    ) -> Result<()> {
        let failed = |source| file_error(path, source);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        file.seek(std::io::SeekFrom::Start(offset))
            .await
            .map_err(failed)?;
        let length = total - offset;
        let done = AtomicU64::new(offset);
        let chunks = ReaderStream::with_capacity(file.take(length), CHUNK);
        let chunks = chunks.inspect_ok(move |chunk| {
            let added = chunk.len() as u64;
            progress(done.fetch_add(added, Ordering::Relaxed) + added, total);
        });
        let mut call = self
            .put(IMAGE, &["images", id, "file"])
            .header("content-type", "application/octet-stream");
        if offset > 0 && length > 0 {
            let range = format!("bytes {offset}-{}/{total}", total - 1);
            call = call.header("content-range", range);
        } else if offset > 0 {
            call = call.header("content-range", format!("bytes */{total}"));
        }
        let body = reqwest::Body::wrap_stream(chunks);
        call.upload(body, length).await.map(drop)
    }

    /// Writes the bytes of an image into a file, which is replaced if it exists. `FILE.part` holds what has arrived; it stays
    /// if the transfer breaks, and the next call goes on from there.
    pub async fn image_download(&self, id: &str, path: &Path, progress: OnProgress) -> Result<()> {
        let image = self.image_show(id).await?;
        let part = part_path(path);
        let mut attempts = Attempts::default();
        loop {
            let had = file_length(&part).await?;
            match self.download_into(&image, &part, had, &progress).await {
                Ok(()) => break,
                Err(error) if error.status() == Some(416) && had > 0 => {
                    // What is there is longer than the image, so it is of another one.
                    tokio::fs::remove_file(&part)
                        .await
                        .map_err(|source| file_error(&part, source))?;
                }
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => {
                    let has = file_length(&part).await?;
                    if !attempts.again(has).await {
                        return Err(error);
                    }
                }
            }
        }
        verify(&image, &part, path).await?;
        tokio::fs::rename(&part, path)
            .await
            .map_err(|source| file_error(path, source))
    }

    async fn download_into(
        &self,
        image: &Image,
        part: &Path,
        had: u64,
        progress: &OnProgress,
    ) -> Result<()> {
        let total = image.size.unwrap_or(0);
        if had > 0 && image.size == Some(had) {
            return Ok(());
        }
        let call = self.get(IMAGE, &["images", &image.id, "file"]);
        let mut call = call.header("accept", "application/octet-stream");
        if had > 0 {
            call = call.header("range", format!("bytes={had}-"));
        }
        let mut response = call.stream().await?;
        let partial = response.status().as_u16() == 206;
        if response.status().as_u16() == 204 {
            return Err(call.unreadable("the image has no bytes"));
        }
        let failed = |source| file_error(part, source);
        let mut file = tokio::fs::OpenOptions::new()
            .create(true)
            .append(partial)
            .write(true)
            .truncate(!partial)
            .mode(0o600)
            .open(part)
            .await
            .map_err(failed)?;
        let mut done = if partial { had } else { 0 };
        let url = response.url().clone();
        let outcome = loop {
            match response.chunk().await {
                Ok(None) => break Ok(()),
                Ok(Some(chunk)) => {
                    file.write_all(&chunk).await.map_err(failed)?;
                    done += chunk.len() as u64;
                    progress(done, total.max(done));
                }
                Err(error) => break Err(call.broken(&error, &url)),
            }
        };
        file.flush().await.map_err(failed)?;
        outcome
    }
}

/// How often a transfer was taken up again.
#[derive(Default)]
struct Attempts {
    count: u32,
    at: u64,
    refused: bool,
}

impl Attempts {
    /// Waits a little, unless the transfer was taken up often without having moved beyond where it was.
    async fn again(&mut self, at: u64) -> bool {
        if at > self.at {
            self.count = 0;
            self.at = at;
        }
        self.count += 1;
        if self.count > ATTEMPTS {
            return false;
        }
        tokio::time::sleep(BACK_OFF * 2u32.pow(self.count - 1)).await;
        true
    }

    /// Whether this is the first time that a token was refused.
    fn first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.refused, true)
    }
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

async fn file_length(path: &Path) -> Result<u64> {
    match tokio::fs::metadata(path).await {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(file_error(path, error)),
    }
}

fn file_error(path: &Path, source: std::io::Error) -> ClientError {
    ClientError::File {
        path: path.to_owned(),
        source,
    }
}

/// Compares the file with the hash the image service has; what is wrong is removed, since going on from it would be
/// wrong again.
async fn verify(image: &Image, part: &Path, path: &Path) -> Result<()> {
    let sha512 = image.os_hash_algo.as_deref() == Some("sha512");
    let expected = match (&image.os_hash_value, &image.checksum) {
        (Some(hash), _) if sha512 => hash.clone(),
        (_, Some(md5)) => md5.clone(),
        // A cloud that keeps no hash can not be checked.
        _ => return Ok(()),
    };
    let by_sha512 = sha512 && image.os_hash_value.is_some();
    let file = part.to_owned();
    let hashing = tokio::task::spawn_blocking(move || match by_sha512 {
        true => hash_file::<sha2::Sha512>(&file),
        false => hash_file::<md5::Md5>(&file),
    });
    let actual = hashing
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|source| file_error(part, source))?;
    if actual.eq_ignore_ascii_case(&expected) {
        return Ok(());
    }
    tokio::fs::remove_file(part)
        .await
        .map_err(|source| file_error(part, source))?;
    Err(ClientError::Checksum {
        path: path.to_owned(),
    })
}

fn hash_file<D: Digest>(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut hasher = D::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}
