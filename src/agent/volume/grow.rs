//! Makes a volume larger that no running guest has open.

use std::sync::Arc;
use std::time::Duration;

use super::files::{look, path};
use crate::agent::{Node, qemu_img};
use crate::bus::{Fault, FaultKind};
use crate::ids::OperationId;
use crate::volume::rpc::VolumeExtend;

/// Time for growing a disk.
const GROW: Duration = Duration::from_secs(60);

/// Grows the file, unless it has that size or more.
pub async fn volume_extend(
    node: Arc<Node>,
    request: VolumeExtend,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let file = path(&node, request.id);
    let bytes = request.size_gb.saturating_mul(1 << 30);
    let found = look(file.clone()).await?.ok_or_else(|| {
        Fault::new(
            FaultKind::NotFound,
            format!("{} does not exist on {}", file.display(), node.host),
        )
    })?;
    if found.virtual_size >= bytes {
        return Ok(());
    }
    let size = bytes.to_string();
    let arguments = [
        "resize".as_ref(),
        "-q".as_ref(),
        "-f".as_ref(),
        "qcow2".as_ref(),
        file.as_os_str(),
        size.as_ref(),
    ];
    qemu_img::run(&arguments, GROW, &|_| {}).await.map(|_| ())
}
