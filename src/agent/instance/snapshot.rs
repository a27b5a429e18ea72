//! Copies a guest's root disk for an image.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::Fault;
use crate::compute::rpc::{InstanceSnapshot, SnapshotFile, snapshot_files};
use crate::ids::OperationId;

/// The file appears under its name only when it is whole; a repeated call starts over.
pub async fn instance_snapshot(
    node: Arc<Node>,
    request: InstanceSnapshot,
    operation: Option<OperationId>,
) -> Result<SnapshotFile, Fault> {
    let [path, partial] = snapshot_files(&request.upload_dir, request.image);
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
    let virtual_bytes = match node
        .hypervisor
        .copy_root_disk(request.id, &partial, &told)
        .await
    {
        Ok(bytes) => bytes,
        Err(error) => {
            // Best effort: the next try overwrites it, and the image store cleans what it does not know.
            let _ = tokio::fs::remove_file(&partial).await;
            return Err(error.into());
        }
    };
    let fault = |error| file_fault("can not keep the snapshot", &path, &error);
    tokio::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o600))
        .await
        .map_err(fault)?;
    tokio::fs::rename(&partial, &path).await.map_err(fault)?;
    let bytes = tokio::fs::metadata(&path).await.map_err(fault)?.len();
    Ok(SnapshotFile {
        path,
        bytes,
        virtual_bytes,
    })
}
