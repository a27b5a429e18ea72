//! A guest's serial console as an async byte stream: a task moves bytes between libvirt's line and the caller.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::guest::Guest;
use super::link::{Lane, Link};
use super::stream::Line;
use crate::hypervisor::{HvResult, Serial};

/// Bytes under way between the task and the caller, each direction.
const BUFFER: usize = 16 * 1024;
/// Chunks under way from libvirt to the task.
const CHUNKS: usize = 32;
/// How long one write may take.
const WRITE: Duration = Duration::from_secs(10);

/// A line and what comes from it.
pub(super) struct Opened {
    line: Line,
    heard: mpsc::Receiver<Vec<u8>>,
    ended: CancellationToken,
    lost: CancellationToken,
}

/// Opens the guest's console (blocking).
pub(super) fn open(guest: &Guest) -> HvResult<Opened> {
    guest.must_be_on("opening its console")?;
    let (sender, heard) = mpsc::channel(CHUNKS);
    let ended = CancellationToken::new();
    let line = Line::open(&guest.connection, &guest.domain, sender, ended.clone())?;
    let lost = guest.lost.clone();
    Ok(Opened {
        line,
        heard,
        ended,
        lost,
    })
}

/// Serves an opened line until either side closes it.
pub(super) fn serve(opened: Opened, link: Link) -> Pin<Box<dyn Serial>> {
    let (user, ours) = tokio::io::duplex(BUFFER);
    tokio::spawn(async move {
        let Opened {
            line,
            heard,
            ended,
            lost,
        } = opened;
        let line = Arc::new(line);
        let (typed, shown) = tokio::io::split(ours);
        tokio::select! {
            () = show(&line, heard, &ended, shown) => {}
            () = send(&line, &link, typed) => {}
            // libvirt does not tell the streams of a connection that it is gone.
            () = lost.cancelled() => {}
        }
        // Closing may block.
        let closing = std::thread::Builder::new().name("console-close".to_owned());
        if let Err(error) = closing.spawn(move || drop(line)) {
            tracing::warn!(%error, "a console was closed on the wrong thread");
        }
    });
    Box::pin(user)
}

/// From the guest to the caller, until the line ends or the caller goes.
async fn show(
    line: &Line,
    mut heard: mpsc::Receiver<Vec<u8>>,
    ended: &CancellationToken,
    mut shown: WriteHalf<DuplexStream>,
) {
    loop {
        let chunk = tokio::select! {
            biased;
            chunk = heard.recv() => chunk,
            () = ended.cancelled() => heard.try_recv().ok(),
        };
        let Some(chunk) = chunk else { return };
        line.room();
        if shown.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

/// From the caller to the guest, until the caller goes or the line takes no more.
async fn send(line: &Arc<Line>, link: &Link, mut typed: ReadHalf<DuplexStream>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = typed.read(&mut buffer).await {
        let mut rest = buffer[..count].to_vec();
        while !rest.is_empty() {
            let (line, bytes) = (Arc::clone(line), rest.clone());
            let sent = link
                .calls(Lane::Ask)
                .run("a console", WRITE, move || line.send(&bytes))
                .await;
            match sent {
                Ok(0) => tokio::time::sleep(Duration::from_millis(10)).await,
                Ok(sent) => drop(rest.drain(..sent)),
                Err(_) => return,
            }
        }
    }
}
