//! Fetches an image's bytes from the control process that the pass names.
//!
//! What came stays in the file when the connection breaks: the same call goes on from there, and so does a later one. The
//! hash is over all bytes of the file, what an earlier call left included.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha512};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::depot::dial::{DialError, Dialer};
use crate::depot::rpc::Pass;

/// Pieces that wait for the disk at most.
const QUEUE: usize = 16;
/// Bytes that are read at a time of what is there.
const BLOCK: usize = 1 << 20;
/// How long the control process may be away.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Brings the bytes into the file; its length then, and its SHA-512.
pub(super) async fn download(
    dialer: &Dialer,
    pass: &Pass,
    bytes: u64,
    to: &Path,
    done: &Arc<AtomicU64>,
) -> Result<(u64, String), Fault> {
    let (queue, pieces) = mpsc::channel(QUEUE);
    let (ready, begun) = tokio::sync::oneshot::channel();
    let (count, path) = (done.clone(), to.to_owned());
    let writer = tokio::task::spawn_blocking(move || write(&path, bytes, pieces, ready, &count));
    let brought = async {
        // Without it the writer failed, and says how.
        let Ok(there) = begun.await else {
            return Ok(());
        };
        bring(dialer, pass, there, bytes, &queue).await
    }
    .await;
    drop(queue);
    let written = writer
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| file_fault("can not fetch the image into", to, &error))?;
    brought?;
    Ok(written)
}

/// Asks for the rest again and again until all of it came.
async fn bring(
    dialer: &Dialer,
    pass: &Pass,
    mut there: u64,
    bytes: u64,
    queue: &mpsc::Sender<Bytes>,
) -> Result<(), Fault> {
    let mut since = Instant::now();
    while there < bytes {
        let before = there;
        let error = match dialer.read(pass, there).await {
            Ok(mut response) => loop {
                match response.chunk().await {
                    Ok(Some(mut piece)) => {
                        piece.truncate(usize::try_from(bytes - there).unwrap_or(usize::MAX));
                        there += piece.len() as u64;
                        if queue.send(piece).await.is_err() {
                            return Ok(());
                        }
                    }
                    Ok(None) => break "it ends too early".to_owned(),
                    Err(error) => break error.without_url().to_string(),
                }
            },
            Err(DialError {
                passing: true,
                message,
                status,
            }) if status != Some(401) => message,
            Err(error) if error.status == Some(416) => {
                let reason = "its file is shorter than what was stored: it was damaged; upload the image anew";
                return Err(Fault::new(FaultKind::Refused, reason));
            }
            Err(error) => return Err(error.into()),
        };
        if there > before {
            since = Instant::now();
        } else if since.elapsed() > PATIENCE {
            return Err(Fault::new(FaultKind::Unavailable, error));
        }
        if there < bytes {
            tracing::info!(there, bytes, error, "the image's bytes stopped coming");
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Writes what comes behind what is there, and hashes all of it.
fn write(
    path: &PathBuf,
    most: u64,
    mut pieces: mpsc::Receiver<Bytes>,
    ready: tokio::sync::oneshot::Sender<u64>,
    done: &AtomicU64,
) -> io::Result<(u64, String)> {
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let mut digest = Sha512::new();
    let mut there = file.metadata()?.len();
    if there > most {
        file.set_len(0)?;
        there = 0;
    }
    let mut block = vec![0; BLOCK];
    let mut hashed = 0;
    while hashed < there {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        digest.update(&block[..count]);
        hashed += count as u64;
    }
    there = hashed;
    drop(block);
    done.store(there, Ordering::Relaxed);
    // Nobody waits for it any more if the call was given up.
    let _ = ready.send(there);
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
        digest.update(&piece);
        there += piece.len() as u64;
        done.store(there, Ordering::Relaxed);
    }
    file.sync_all()?;
    Ok((there, hex::encode(digest.finalize())))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves `content` from where it is asked to, at most `most` bytes before the connection breaks. Answers with what it
    /// was asked.
    async fn breaking(content: Vec<u8>, most: usize) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 4096];
                let count = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..count]).to_lowercase();
                let range = head.split("range: bytes=").nth(1).unwrap();
                let from: usize = range.split('-').next().unwrap().parse().unwrap();
                let answer = format!(
                    "HTTP/1.1 206 Partial Content\r\ncontent-length: {}\r\n\r\n",
                    content.len() - from
                );
                let until = content.len().min(from + most);
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.write_all(&content[from..until]).await;
                let _ = tell.send(head).await;
            }
        });
        (url, asked)
    }

    fn pass(url: String) -> Pass {
        Pass {
            process: uuid::Uuid::new_v4(),
            url,
            fingerprint: None,
            path: "/skydeck/v1/depot/images/i".into(),
            ticket: "t1cket".into(),
        }
    }

    #[tokio::test]
    async fn a_broken_connection_costs_only_what_had_not_come() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("image.new");
        let content: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        // An earlier call left a beginning.
        std::fs::write(&to, &content[..10_000]).unwrap();
        let (url, mut asked) = breaking(content.clone(), 60_000).await;
        let done = Arc::default();
        let bytes = content.len() as u64;
        let dialer = Dialer::default();
        let (length, sha512) = download(&dialer, &pass(url), bytes, &to, &done)
            .await
            .unwrap();
        assert_eq!(
            (length, std::fs::read(&to).unwrap() == content),
            (bytes, true)
        );
        assert_eq!(sha512, hex::encode(Sha512::digest(&content)));
        assert_eq!(done.load(Ordering::Relaxed), bytes);
        let mut ranges = Vec::new();
        while let Ok(head) = asked.try_recv() {
            assert!(head.contains("x-skydeck-ticket: t1cket"), "{head}");
            let range = head.split("range: bytes=").nth(1).unwrap();
            ranges.push(range.lines().next().unwrap().to_owned());
        }
        assert_eq!(ranges, ["10000-", "70000-"]);
    }

    #[tokio::test]
    async fn a_control_process_without_an_address_is_named_with_the_setting() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("image.new");
        let dialer = Dialer::default();
        let fault = download(&dialer, &pass(String::new()), 1, &to, &Arc::default()).await;
        let fault = fault.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused);
        assert!(fault.message.contains("api.node_url"), "{fault}");
    }
}
