//! Makes a volume's file: empty, or with the bytes of something else.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::files::{blocking, look, partial, path};
use crate::agent::node::file_fault;
use crate::agent::{Node, NodeError, qemu_img};
use crate::bus::{Fault, FaultKind};
use crate::hypervisor::spec::DiskFormat;
use crate::ids::OperationId;
use crate::image::model::qcow2_empty;
use crate::volume::rpc::{VolumeConnection, VolumeContent, VolumeCreate};

/// Time for copying a disk.
const COPY: Duration = Duration::from_secs(6 * 3600);
/// Time for growing a disk.
const GROW: Duration = Duration::from_secs(60);

/// Makes the file, unless it is there with this size.
pub async fn volume_create(
    node: Arc<Node>,
    request: VolumeCreate,
    operation: Option<OperationId>,
) -> Result<VolumeConnection, Fault> {
    let (target, new) = (path(&node, request.id), partial(&node, request.id));
    let connection = VolumeConnection {
        id: request.id,
        path: target.clone(),
        format: DiskFormat::Qcow2,
    };
    let bytes = request.size_gb.saturating_mul(1 << 30);
    if let Some(found) = look(target.clone()).await? {
        if found.virtual_size == bytes {
            return Ok(connection);
        }
        return Err(Fault::new(
            FaultKind::Conflict,
            format!(
                "{} is there with {} bytes instead of {bytes}",
                target.display(),
                found.virtual_size
            ),
        ));
    }
    if let Ok(info) = node.info().await {
        let refused = |error: NodeError| Fault::new(FaultKind::Refused, error.to_string());
        node.places.open_for(info.guest_user).map_err(refused)?;
    }
    let made = make(&node, &request, &new, bytes, operation).await;
    if let Err(fault) = made {
        // Nothing half made stays; what can not be removed is replaced by the next try.
        let _ = tokio::fs::remove_file(&new).await;
        return Err(fault);
    }
    blocking(move || settle(&new, &target)).await?;
    Ok(connection)
}

/// Flushes the file and gives it its name.
fn settle(new: &Path, target: &Path) -> Result<(), Fault> {
    let settled = || {
        File::open(new)?.sync_all()?;
        std::fs::rename(new, target)?;
        File::open(target.parent().unwrap_or(target))?.sync_all()
    };
    settled().map_err(|error| file_fault("can not keep", target, &error))
}

async fn make(
    node: &Arc<Node>,
    request: &VolumeCreate,
    new: &Path,
    bytes: u64,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    let source = |id| path(node, id).into_os_string();
    let (from, format, snapshot) = match &request.content {
        VolumeContent::Empty => return empty(new.to_owned(), bytes).await,
        VolumeContent::Image(image) => {
            let told = |done: u64| {
                let total = Some(image.bytes);
                node.progress(operation, "fetch the image", done, total, "bytes");
            };
            let base = node.images.ensure(image, &node.dialer, None, &told).await?;
            if base.virtual_bytes > bytes {
                return Err(Fault::new(
                    FaultKind::Refused,
                    format!(
                        "the image's disk has {} bytes, the volume only {bytes}",
                        base.virtual_bytes
                    ),
                ));
            }
            let name = base.path.clone().into_os_string();
            let job = Copy {
                from: name,
                format: base.format.disk_name(),
                snapshot: None,
            };
            // The base stays while it is read.
            let copied = copy(node, job, new, operation).await;
            drop(base);
            copied?;
            return grow(new, bytes).await;
        }
        VolumeContent::Volume { id } => (source(*id), "qcow2", None),
        VolumeContent::Snapshot { volume, snapshot } => {
            (source(*volume), "qcow2", Some(snapshot.to_string()))
        }
    };
    let job = Copy {
        from,
        format,
        snapshot,
    };
    copy(node, job, new, operation).await?;
    grow(new, bytes).await
}

async fn empty(new: PathBuf, bytes: u64) -> Result<(), Fault> {
    blocking(move || {
        let content =
            qcow2_empty(bytes, None).map_err(|reason| Fault::new(FaultKind::Refused, reason))?;
        let mut options = File::options();
        let written = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&content));
        written.map_err(|error| file_fault("can not write", &new, &error))
    })
    .await
}

/// What is copied.
struct Copy {
    from: std::ffi::OsString,
    format: &'static str,
    snapshot: Option<String>,
}

async fn copy(
    node: &Arc<Node>,
    job: Copy,
    new: &Path,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    // Made by us, so that it never has other rights.
    let file = new.to_owned();
    blocking(move || {
        let mut options = File::options();
        let made = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&file);
        made.map(|_| ())
            .map_err(|error| file_fault("can not write", &file, &error))
    })
    .await?;
    let mut arguments: Vec<std::ffi::OsString> =
        ["convert", "-p", "-W", "-f", job.format, "-O", "qcow2"]
            .map(Into::into)
            .to_vec();
    if let Some(snapshot) = job.snapshot {
        arguments.extend(["-l".into(), format!("snapshot.name={snapshot}").into()]);
    }
    arguments.extend([job.from, new.as_os_str().to_owned()]);
    let last = std::sync::atomic::AtomicU64::new(u64::MAX);
    let told = |percent: u64| {
        if last.swap(percent, std::sync::atomic::Ordering::Relaxed) != percent {
            node.progress(operation, "copy the disk", percent, Some(100), "percent");
        }
    };
    qemu_img::run(&arguments, COPY, &told).await.map(|_| ())
}

/// Makes a new file's disk as large as asked; one that is must not be smaller.
async fn grow(new: &Path, bytes: u64) -> Result<(), Fault> {
    let found = look(new.to_owned()).await?;
    let size = found.map_or(0, |found| found.virtual_size);
    if size == bytes {
        return Ok(());
    }
    if size > bytes {
        return Err(Fault::new(
            FaultKind::Refused,
            format!("the source's disk has {size} bytes, the volume only {bytes}"),
        ));
    }
    let size = bytes.to_string();
    let arguments = [
        "resize".as_ref(),
        "-q".as_ref(),
        "-f".as_ref(),
        "qcow2".as_ref(),
        new.as_os_str(),
        size.as_ref(),
    ];
    qemu_img::run(&arguments, GROW, &|_| {}).await.map(|_| ())
}
