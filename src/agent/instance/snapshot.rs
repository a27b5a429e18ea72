//! Copies a guest's root disk for an image.
//!
//! The copy is made in the server's own directory, where the guest's process may write; only when it is whole does it go
//! to the image store, under its name.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::Fault;
use crate::compute::rpc::{InstanceSnapshot, InstanceSnapshotEnd, SnapshotFile, snapshot_files};
use crate::ids::{OperationId, ServerId};

/// The file appears under its name only when it is whole; a repeated call starts over.
pub async fn instance_snapshot(
    node: Arc<Node>,
    request: InstanceSnapshot,
    operation: Option<OperationId>,
) -> Result<SnapshotFile, Fault> {
    let [path, arriving] = snapshot_files(&request.upload_dir, request.image);
    let partial = partial(&node, request.id);
    let told = {
        let node = node.clone();
        let last = std::sync::atomic::AtomicU64::new(u64::MAX);
        move |fraction: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a percentage"
            )]
            let percent = (fraction.clamp(0.0, 1.0) * 100.0) as u64;
            if last.swap(percent, std::sync::atomic::Ordering::Relaxed) != percent {
                node.progress(
                    operation,
                    "copy the root disk",
                    percent,
                    Some(100),
                    "percent",
                );
            }
        }
    };
    let made = async {
        let copied = node
            .hypervisor
            .copy_root_disk(request.id, &partial, &told)
            .await?;
        let fault = |error| file_fault("can not keep the snapshot", &path, &error);
        hand_over(&partial, &arriving, &path).await.map_err(fault)?;
        let bytes = tokio::fs::metadata(&path).await.map_err(fault)?.len();
        Ok((copied, bytes))
    };
    let made: Result<(u64, u64), Fault> = made.await;
    if made.is_err() {
        for file in [&partial, &arriving] {
            // Best effort: the next try overwrites it, and the undo removes it.
            let _ = tokio::fs::remove_file(file).await;
        }
    }
    let (virtual_bytes, bytes) = made?;
    Ok(SnapshotFile {
        path,
        bytes,
        virtual_bytes,
    })
}

/// Ends a copy and removes what there is of it.
pub async fn instance_snapshot_end(
    node: Arc<Node>,
    request: InstanceSnapshotEnd,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let partial = partial(&node, request.id);
    Ok(node.hypervisor.end_copy(request.id, &partial).await?)
}

/// Where a server's disk is copied to: one place, for one copy is made at a time.
fn partial(node: &Node, id: ServerId) -> PathBuf {
    node.places.instance(id).join("snapshot.copy")
}

/// Moves a whole copy to the image store; over `arriving` there, where that is another file system.
async fn hand_over(from: &Path, arriving: &Path, to: &Path) -> std::io::Result<()> {
    let mine = |path: &Path| {
        std::os::unix::fs::chown(path, Some(nix::unistd::geteuid().as_raw()), None)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
    };
    mine(from)?;
    match tokio::fs::rename(from, to).await {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            tokio::fs::copy(from, arriving).await?;
            mine(arriving)?;
            tokio::fs::rename(arriving, to).await?;
            tokio::fs::remove_file(from).await
        }
        moved => moved,
    }
}
