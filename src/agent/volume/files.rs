//! Where volumes are, and how they go.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::ids::{OperationId, VolumeId};
use crate::image::model::{HEAD_BYTES, Qcow2};
use crate::volume::rpc::{Capacity, VolumeCapacity, VolumeDelete};

/// Ending of a volume's file.
const ENDING: &str = "qcow2";
/// Ending of a file that is not whole yet.
const PARTIAL: &str = "new";
/// Most files that are named in a report.
const MAX_FILES: usize = 100_000;

/// The file of a volume.
pub(super) fn path(node: &Node, id: VolumeId) -> PathBuf {
    node.places.volumes.join(format!("{id}.{ENDING}"))
}

/// The file of a volume that is being made.
pub(super) fn partial(node: &Node, id: VolumeId) -> PathBuf {
    node.places.volumes.join(format!("{id}.{PARTIAL}"))
}

/// Runs file work off the async runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Fault::new(FaultKind::Unavailable, error.to_string())))
}

/// What the header of a volume's file says; `None` if there is no file.
pub(super) async fn look(path: PathBuf) -> Result<Option<Qcow2>, Fault> {
    blocking(move || {
        let read = || -> io::Result<(Vec<u8>, u64)> {
            let file = File::open(&path)?;
            let length = file.metadata()?.len();
            let mut head = Vec::new();
            file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
            Ok((head, length))
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_fault("can not read", &path, &error)),
            Ok((head, length)) => Qcow2::parse(&head, length).map(Some).map_err(|error| {
                Fault::new(FaultKind::Refused, format!("{}: {error}", path.display()))
            }),
        }
    })
    .await
}

/// Removes a volume's file, and what an unfinished try left of it.
pub async fn volume_delete(
    node: Arc<Node>,
    request: VolumeDelete,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let paths = [path(&node, request.id), partial(&node, request.id)];
    blocking(move || {
        for path in paths {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let fault = file_fault("can not remove", &path, &error);
                    return Err(Fault {
                        kind: FaultKind::Unavailable,
                        ..fault
                    });
                }
                _ => {}
            }
        }
        Ok(())
    })
    .await
}

/// Room for volumes.
pub async fn volume_capacity(
    node: Arc<Node>,
    _: VolumeCapacity,
    _: Option<OperationId>,
) -> Result<Capacity, Fault> {
    let dir = node.places.volumes.clone();
    blocking(move || capacity(&dir)).await
}

/// Room of the file system under this directory.
pub(super) fn capacity(dir: &Path) -> Result<Capacity, Fault> {
    let stat = nix::sys::statvfs::statvfs(dir).map_err(|errno| {
        let error = io::Error::from_raw_os_error(errno as i32);
        file_fault("can not look at", dir, &error)
    })?;
    let gib = |blocks: u64| blocks.saturating_mul(stat.fragment_size()) >> 30;
    Ok(Capacity {
        total_gb: gib(stat.blocks()),
        free_gb: gib(stat.blocks_available()),
    })
}

/// Volumes whose files are there; `None` when the directory can not be read or has too many.
pub(super) fn list(dir: &Path) -> Option<Vec<VolumeId>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).ok()? {
        let path = entry.ok()?.path();
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str());
        found.extend(name.and_then(|name| name.parse::<VolumeId>().ok()));
        if found.len() > MAX_FILES {
            return None;
        }
    }
    Some(found)
}
