//! Snapshots inside a volume's file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::files::path;
use crate::agent::{Node, qemu_img};
use crate::bus::{Fault, FaultKind};
use crate::ids::OperationId;
use crate::volume::rpc::{VolumeSnapshotRemove, VolumeSnapshotTake};

/// Time for one run.
const DEADLINE: Duration = Duration::from_secs(240);

/// What `qemu-img info` says, as far as it is needed.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    snapshots: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Keeps the present content under the snapshot's id.
pub async fn volume_snapshot_take(
    node: Arc<Node>,
    request: VolumeSnapshotTake,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let (file, name) = (path(&node, request.id), request.snapshot.to_string());
    if has(&file, &name).await? {
        return Ok(());
    }
    change("-c", &name, &file).await
}

/// Throws away what was kept. A volume whose file is gone has no snapshots either.
pub async fn volume_snapshot_remove(
    node: Arc<Node>,
    request: VolumeSnapshotRemove,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let (file, name) = (path(&node, request.id), request.snapshot.to_string());
    if !file.exists() || !has(&file, &name).await? {
        return Ok(());
    }
    change("-d", &name, &file).await
}

async fn has(file: &Path, name: &str) -> Result<bool, Fault> {
    let arguments = [
        "info".as_ref(),
        "--output=json".as_ref(),
        "-f".as_ref(),
        "qcow2".as_ref(),
        file.as_os_str(),
    ];
    let text = qemu_img::run(&arguments, DEADLINE, &|_| {}).await?;
    let info: Info = serde_json::from_str(&text).map_err(|error| {
        Fault::new(
            FaultKind::Refused,
            format!("qemu-img info can not be understood: {error}"),
        )
    })?;
    Ok(info.snapshots.iter().any(|snapshot| snapshot.name == name))
}

async fn change(how: &str, name: &str, file: &Path) -> Result<(), Fault> {
    let arguments = [
        "snapshot".as_ref(),
        "-q".as_ref(),
        how.as_ref(),
        name.as_ref(),
        file.as_os_str(),
    ];
    qemu_img::run(&arguments, DEADLINE, &|_| {})
        .await
        .map(|_| ())
}
