//! Copies a guest's root disk for an image.
//!
//! The copy is made in the server's own directory, where the guest's process may write. When it is whole it is given to the
//! image store: moved there where the store's upload directory can be seen from here, which the file that waits there
//! shows; else sent, part by part. A whole copy stays until that is done, so that a repeated call goes on with it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::agent::Node;
use crate::agent::image_cache::header;
use crate::agent::node::file_fault;
use crate::bus::Fault;
use crate::compute::rpc::{InstanceSnapshot, InstanceSnapshotEnd, SnapshotFile};
use crate::depot::dial::DialError;
use crate::depot::rpc::Pass;
use crate::ids::{ImageId, OperationId, ServerId};
use crate::image::rpc::arriving_files;

/// Name of a copy that is being made, in the server's directory.
const PARTIAL: &str = "snapshot.copy";
/// Beginning of the name of a whole one; the image follows.
const WHOLE: &str = "snapshot.of.";
/// Bytes that are sent at a time.
const PART: u64 = 8 << 20;
/// How long the control process may be away.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// The file is in the store when this succeeds. A repeated call does not copy again what was copied whole.
pub async fn instance_snapshot(
    node: Arc<Node>,
    request: InstanceSnapshot,
    operation: Option<OperationId>,
) -> Result<SnapshotFile, Fault> {
    let [path, arriving] = arriving_files(&request.upload_dir, request.image);
    let copy = places(&node, request.id, request.image);
    let pass = request
        .depot
        .as_ref()
        .filter(|_| !path.exists() && !arriving.exists());
    let Some(pass) = pass else {
        if !path.exists() {
            if !copy.whole.exists() {
                make(&node, request.id, &copy, operation).await?;
            }
            let moved = hand_over(&copy.whole, &arriving, &path).await;
            moved.map_err(|error| file_fault("can not keep the snapshot", &path, &error))?;
        }
        return describe(&path, &path);
    };
    // Also shows that the way is open, before anything is copied.
    let arrived = node.dialer.arrival(pass).await?;
    if arrived.whole {
        let virtual_bytes = 0;
        let bytes = arrived.received;
        return Ok(SnapshotFile {
            path,
            bytes,
            virtual_bytes,
        });
    }
    if !copy.whole.exists() {
        make(&node, request.id, &copy, operation).await?;
    }
    let file = describe(&copy.whole, &path)?;
    let told = |done: u64| {
        let total = Some(file.bytes);
        node.progress(operation, "send the copy", done, total, "bytes");
    };
    send(&node, pass, &copy.whole, file.bytes, &told).await?;
    // It is of no use any more, and goes with the server at the latest.
    let _ = fs::remove_file(&copy.whole);
    Ok(file)
}

/// Ends a copy and removes what there is of it.
pub async fn instance_snapshot_end(
    node: Arc<Node>,
    request: InstanceSnapshotEnd,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let place = node.places.instance(request.id);
    let partial = place.join(PARTIAL);
    node.hypervisor.end_copy(request.id, &partial).await?;
    let entries = match fs::read_dir(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| file_fault("can not look through", &place, &error))?,
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(WHOLE) {
            let removed = fs::remove_file(entry.path());
            removed.map_err(|error| file_fault("can not remove", &entry.path(), &error))?;
        }
    }
    Ok(())
}

/// Where a server's disk is copied to: one place while that goes on, for one copy is made at a time, and one by the image
/// once it is whole.
struct Copy {
    partial: PathBuf,
    whole: PathBuf,
}

fn places(node: &Node, id: ServerId, image: ImageId) -> Copy {
    let place = node.places.instance(id);
    Copy {
        partial: place.join(PARTIAL),
        whole: place.join(format!("{WHOLE}{image}")),
    }
}

/// Makes the copy. What an earlier one left goes first.
async fn make(
    node: &Arc<Node>,
    id: ServerId,
    copy: &Copy,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    let last = std::sync::atomic::AtomicU64::new(u64::MAX);
    let told = |fraction: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a percentage"
        )]
        let percent = (fraction.clamp(0.0, 1.0) * 100.0) as u64;
        if last.swap(percent, std::sync::atomic::Ordering::Relaxed) != percent {
            let what = "copy the root disk";
            node.progress(operation, what, percent, Some(100), "percent");
        }
    };
    let copied = node
        .hypervisor
        .copy_root_disk(id, &copy.partial, &told)
        .await;
    let settled = copied.map_err(Fault::from).and_then(|_| {
        let kept = mine(&copy.partial).and_then(|()| fs::rename(&copy.partial, &copy.whole));
        kept.map_err(|error| file_fault("can not keep the snapshot", &copy.whole, &error))
    });
    if settled.is_err() {
        // Best effort: the next try overwrites it, and the undo removes it.
        let _ = fs::remove_file(&copy.partial);
    }
    settled
}

/// What a whole file is, which is to be found at `path`.
fn describe(file: &Path, path: &Path) -> Result<SnapshotFile, Fault> {
    let read = || Ok((fs::metadata(file)?.len(), header(file)?));
    let (bytes, disk) = read().map_err(|error| file_fault("can not read", file, &error))?;
    Ok(SnapshotFile {
        path: path.to_owned(),
        bytes,
        virtual_bytes: disk.map_or(bytes, |disk| disk.virtual_size),
    })
}

/// Sends the file from where the last try ended, until all of it is there.
async fn send(
    node: &Node,
    pass: &Pass,
    copy: &Path,
    bytes: u64,
    told: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), Fault> {
    let mut since = Instant::now();
    let mut arrived = None;
    loop {
        let step = async {
            let Some(there) = arrived else {
                return node.dialer.arrival(pass).await;
            };
            let part = part(copy, there).await?;
            node.dialer.append(pass, there, bytes, part).await
        };
        match step.await {
            Ok(now) if now.whole => return Ok(()),
            Ok(now) => {
                if arrived.is_some_and(|before| now.received > before) {
                    since = Instant::now();
                }
                arrived = Some(now.received);
                told(now.received);
            }
            Err(error) => {
                if !error.passing || error.status == Some(401) || since.elapsed() > PATIENCE {
                    return Err(error.into());
                }
                tracing::info!(%error, "a part of the copy is sent again");
                arrived = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Some bytes of the file from this one on.
async fn part(copy: &Path, from: u64) -> Result<Bytes, DialError> {
    let path = copy.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(PART).read_to_end(&mut part)?;
        Ok(Bytes::from(part))
    });
    let read: io::Result<Bytes> = read
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| DialError {
        passing: false,
        status: None,
        message: format!("{} can not be read: {error}", copy.display()),
    })
}

/// Takes a file that libvirt made over to ourselves.
fn mine(path: &Path) -> io::Result<()> {
    std::os::unix::fs::chown(path, Some(nix::unistd::geteuid().as_raw()), None)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))
}

/// Moves a whole copy to the image store; over `arriving` there, where that is another file system.
async fn hand_over(from: &Path, arriving: &Path, to: &Path) -> io::Result<()> {
    match tokio::fs::rename(from, to).await {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            tokio::fs::copy(from, arriving).await?;
            mine(arriving)?;
            tokio::fs::rename(arriving, to).await?;
            tokio::fs::remove_file(from).await
        }
        moved => moved,
    }
}
