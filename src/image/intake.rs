//! Takes an image's bytes in: one pass over the stream, in which it is written and hashed at the same time.
//!
//! The stream is cut into blocks of 1 MiB. Four threads work on them side by side: one writes, one computes SHA-512, one
//! MD5 (Glance's `checksum`), one has the disk write out what is there, so that the flush at the end finds little to do.
//! Their queues are short; the slowest slows the sender. What was stored by an earlier, broken-off transfer is hashed from
//! the disk first, and the rest is appended. Blocks of zeros are left out of the file as holes.
//!
//! However a transfer ends (broken connection, full disk, killed process), the part holds a true beginning of the image.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use md5::Md5;
use sha2::{Digest, Sha512};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::files::{Part, blocking, io_error};
use crate::error::{Error, Result};

/// Bytes that are handed on at a time.
const BLOCK: usize = 1 << 20;
/// Blocks that wait for a thread at most.
const QUEUE: usize = 8;
/// A piece of zeros of this length, at a multiple of it, becomes a hole.
const HOLE: usize = 64 << 10;
/// Bytes after which the disk is asked to write them out.
const FLUSH_EVERY: u64 = 64 << 20;

/// What an intake found when all bytes were there.
#[derive(Debug)]
pub(super) struct Taken {
    /// The part, whole and flushed, still locked.
    pub part: Part,
    /// Its length.
    pub bytes: u64,
    /// MD5, hexadecimal.
    pub md5: String,
    /// SHA-512, hexadecimal.
    pub sha512: String,
}

/// An intake under way. Dropping it keeps what was written.
pub(super) struct Intake {
    buffer: BytesMut,
    /// Length that the next full block may have, so that blocks end at multiples of their size.
    room: usize,
    /// Bytes taken, the buffer's included.
    bytes: u64,
    limit: u64,
    queues: [mpsc::Sender<Bytes>; 3],
    writer: JoinHandle<io::Result<Part>>,
    hashers: [JoinHandle<io::Result<String>>; 2],
    path: PathBuf,
}

impl Intake {
    /// Goes on after the first `keep` bytes of the part; what lies behind them is cut off. The whole may have `limit`
    /// bytes.
    pub async fn start(part: Part, keep: u64, limit: u64) -> Result<Self> {
        let path = part.path.clone();
        let part = blocking(move || {
            part.file
                .set_len(keep)
                .map_err(|error| io_error(&part.path, &error))?;
            Ok(part)
        })
        .await?;
        let (write_queue, blocks) = mpsc::channel(QUEUE);
        let writer = tokio::task::spawn_blocking(move || write(part, keep, blocks));
        let (sha_queue, blocks) = mpsc::channel(QUEUE);
        let from = path.clone();
        let sha = tokio::task::spawn_blocking(move || hash::<Sha512>(&from, keep, blocks));
        let (md5_queue, blocks) = mpsc::channel(QUEUE);
        let from = path.clone();
        let md5 = tokio::task::spawn_blocking(move || hash::<Md5>(&from, keep, blocks));
        Ok(Self {
            buffer: BytesMut::with_capacity(BLOCK),
            room: BLOCK - usize::try_from(keep % BLOCK as u64).unwrap_or(0),
            bytes: keep,
            limit,
            queues: [write_queue, sha_queue, md5_queue],
            writer,
            hashers: [md5, sha],
            path,
        })
    }

    /// Bytes taken so far, with what was there before.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more bytes; waits while the threads are behind.
    pub async fn write(&mut self, mut data: &[u8]) -> Result<()> {
        if self.bytes.saturating_add(data.len() as u64) > self.limit {
            return Err(Error::TooLarge(format!(
                "the image is larger than {} bytes, which is all that is allowed (image.max_bytes, or what is left of the quota image_bytes)",
                self.limit
            )));
        }
        self.bytes += data.len() as u64;
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(self.room - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            data = later;
            if self.buffer.len() == self.room {
                self.hand_on().await?;
            }
        }
        Ok(())
    }

    async fn hand_on(&mut self) -> Result<()> {
        let block = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(BLOCK)).freeze();
        self.room = BLOCK;
        for queue in &self.queues {
            if queue.send(block.clone()).await.is_err() {
                // A thread ended before its queue did: it failed, and its result says how.
                return Err(self.trouble().await);
            }
        }
        Ok(())
    }

    async fn trouble(&mut self) -> Error {
        let closed = |queue: &mpsc::Sender<Bytes>| queue.is_closed();
        let failed = if closed(&self.queues[0]) {
            (&mut self.writer).await.map(|result| result.map(|_| ()))
        } else if closed(&self.queues[1]) {
            (&mut self.hashers[1])
                .await
                .map(|result| result.map(|_| ()))
        } else {
            (&mut self.hashers[0])
                .await
                .map(|result| result.map(|_| ()))
        };
        match failed {
            Ok(Err(error)) => io_error(&self.path, &error),
            Ok(Ok(())) => Error::Internal(format!("{}: writing ended early", self.path.display())),
            Err(error) => Error::Internal(format!("{}: {error}", self.path.display())),
        }
    }

    /// Ends a whole transfer: everything is written, flushed and hashed.
    pub async fn finish(mut self) -> Result<Taken> {
        if !self.buffer.is_empty() {
            self.hand_on().await?;
        }
        let Self {
            queues,
            writer,
            hashers: [md5, sha],
            path,
            bytes,
            ..
        } = self;
        drop(queues);
        let part = joined(writer.await, &path)?;
        let (md5, sha512) = (joined(md5.await, &path)?, joined(sha.await, &path)?);
        Ok(Taken {
            part,
            bytes,
            md5,
            sha512,
        })
    }

    /// Ends a transfer that broke off: what arrived is written and flushed. Says how much that is.
    pub async fn stop(mut self) -> Result<u64> {
        if !self.buffer.is_empty() {
            self.hand_on().await?;
        }
        let Self {
            queues,
            writer,
            path,
            ..
        } = self;
        drop(queues);
        joined(writer.await, &path)?.len()
    }
}

fn joined<T>(
    result: std::result::Result<io::Result<T>, tokio::task::JoinError>,
    path: &Path,
) -> Result<T> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(io_error(path, &error)),
        Err(error) => Err(Error::Internal(format!("{}: {error}", path.display()))),
    }
}

/// Writes blocks from `at` on, then sets the length and flushes.
fn write(part: Part, mut at: u64, mut blocks: mpsc::Receiver<Bytes>) -> io::Result<Part> {
    let (flushes, requests) = std::sync::mpsc::sync_channel(1);
    let flushed = part.file.try_clone()?;
    let flusher = std::thread::Builder::new()
        .name("image-flush".into())
        .spawn(move || flush(&flushed, &requests))?;
    let mut behind = 0;
    while let Some(block) = blocks.blocking_recv() {
        write_sparse(&part.file, &block, at)?;
        at += block.len() as u64;
        behind += block.len() as u64;
        if behind >= FLUSH_EVERY && flushes.try_send(()).is_ok() {
            behind = 0;
        }
    }
    drop(flushes);
    flusher
        .join()
        .map_err(|_| io::Error::other("the flushing thread panicked"))??;
    part.file.set_len(at)?;
    part.file.sync_all()?;
    Ok(part)
}

fn flush(file: &File, requests: &std::sync::mpsc::Receiver<()>) -> io::Result<()> {
    while requests.recv().is_ok() {
        file.sync_data()?;
    }
    Ok(())
}

/// Writes `block` at `at` (which must lie behind everything written so far), leaving out aligned pieces of zeros.
fn write_sparse(file: &File, block: &[u8], at: u64) -> io::Result<()> {
    let zero = |piece: &[u8]| piece.len() == HOLE && piece.iter().all(|&byte| byte == 0);
    let lead = (HOLE - usize::try_from(at % HOLE as u64).unwrap_or(0)) % HOLE;
    let (first, rest) = block.split_at(lead.min(block.len()));
    file.write_all_at(first, at)?;
    // Runs of pieces that are not zero are written together.
    let mut start = first.len();
    let mut here = start;
    for piece in rest.chunks(HOLE) {
        if zero(piece) {
            file.write_all_at(&block[start..here], at + start as u64)?;
            start = here + piece.len();
        }
        here += piece.len();
    }
    file.write_all_at(&block[start..here], at + start as u64)
}

fn hash<D: Digest>(
    path: &Path,
    keep: u64,
    mut blocks: mpsc::Receiver<Bytes>,
) -> io::Result<String> {
    let mut digest = D::new();
    if keep > 0 {
        feed(&mut digest, path, keep)?;
    }
    while let Some(block) = blocks.blocking_recv() {
        digest.update(&block);
    }
    Ok(hex::encode(digest.finalize()))
}

/// Hashes the first `length` bytes of a file.
fn feed<D: Digest>(digest: &mut D, path: &Path, length: u64) -> io::Result<()> {
    let mut file = File::open(path)?.take(length);
    let mut buffer = vec![0; BLOCK];
    let mut left = length;
    while left > 0 {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        digest.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(())
}

/// Length, MD5 and SHA-512 of a whole file.
pub(super) async fn hash_file(path: &Path) -> Result<(u64, String, String)> {
    let of = |algorithm: fn(&Path, u64) -> io::Result<String>| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let length = std::fs::metadata(&path)?.len();
            Ok((length, algorithm(&path, length)?))
        })
    };
    let (md5, sha) = (of(whole::<Md5>), of(whole::<Sha512>));
    let (length, md5) = joined(md5.await, path)?;
    let (_, sha512) = joined(sha.await, path)?;
    Ok((length, md5, sha512))
}

fn whole<D: Digest>(path: &Path, length: u64) -> io::Result<String> {
    let mut digest = D::new();
    feed(&mut digest, path, length)?;
    Ok(hex::encode(digest.finalize()))
}

/// Reads up to `length` bytes at `at`.
pub(super) fn read_at(file: &mut File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    file.seek(SeekFrom::Start(at))?;
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::super::files::Files;
    use super::*;
    use crate::ids::ImageId;

    /// Noise with a long stretch of zeros in it.
    fn content(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        (0..length)
            .map(|at| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                if at > length / 3 && at < length * 2 / 3 {
                    0
                } else {
                    (state >> 56) as u8
                }
            })
            .collect()
    }

    #[tokio::test]
    async fn a_stream_in_odd_pieces_broken_off_and_continued_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        let id = ImageId::new();
        let data = content(5 * BLOCK + 12_345);
        let (early, cut) = (777_777, 2 * BLOCK + 4_321);
        let mut intake = Intake::start(files.open_part(id).unwrap(), 0, u64::MAX)
            .await
            .unwrap();
        for piece in data[..cut].chunks(65_521) {
            intake.write(piece).await.unwrap();
        }
        assert_eq!(intake.stop().await.unwrap(), cut as u64);
        // A sender may also go back.
        for (from, to) in [(cut, cut), (early, 3 * BLOCK), (3 * BLOCK, data.len())] {
            let part = files.open_part(id).unwrap();
            let mut intake = Intake::start(part, from as u64, u64::MAX).await.unwrap();
            intake.write(&data[from..to]).await.unwrap();
            if to < data.len() {
                intake.stop().await.unwrap();
                continue;
            }
            let taken = intake.finish().await.unwrap();
            assert_eq!(taken.bytes, data.len() as u64);
            assert_eq!(taken.sha512, hex::encode(Sha512::digest(&data)));
            assert_eq!(taken.md5, hex::encode(Md5::digest(&data)));
        }
        assert!(std::fs::read(files.part(id)).unwrap() == data);
        let used = std::fs::metadata(files.part(id)).unwrap().blocks() * 512;
        assert!(used < data.len() as u64 * 4 / 5, "{used} bytes used");
        let (length, md5, _) = hash_file(&files.part(id)).await.unwrap();
        assert_eq!(
            (length, md5),
            (data.len() as u64, hex::encode(Md5::digest(&data)))
        );
    }

    #[tokio::test]
    async fn more_than_is_allowed_is_refused_and_a_killed_intake_leaves_a_true_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        let id = ImageId::new();
        let data = content(3 * BLOCK);
        let part = files.open_part(id).unwrap();
        let mut intake = Intake::start(part, 0, data.len() as u64 - 1).await.unwrap();
        intake.write(&data[..2 * BLOCK]).await.unwrap();
        assert!(matches!(
            intake.write(&data[2 * BLOCK..]).await,
            Err(Error::TooLarge(_))
        ));
        drop(intake);
        // The writer lets go of the lock when it has written what it was given.
        let part = loop {
            match files.open_part(id) {
                Ok(part) => break part,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let length = usize::try_from(part.len().unwrap()).unwrap();
        assert!(std::fs::read(&part.path).unwrap() == data[..length]);
    }
}
