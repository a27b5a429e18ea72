//! Volumes of a guest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::spec;
use crate::agent::Node;
use crate::bus::Fault;
use crate::compute::rpc::{VolumeAttach, VolumeDetach, VolumeResized};
use crate::ids::OperationId;

/// Attaches a volume, to the running guest too.
pub async fn volume_attach(
    node: Arc<Node>,
    request: VolumeAttach,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let disk = spec::disk(&request.volume, &BTreeMap::new());
    Ok(node.hypervisor.attach_disk(request.id, &disk).await?)
}

/// Detaches a volume, waiting until the guest gave it up.
pub async fn volume_detach(
    node: Arc<Node>,
    request: VolumeDetach,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    Ok(node
        .hypervisor
        .detach_disk(request.id, request.volume)
        .await?)
}

/// Tells the guest that an attached volume grew.
pub async fn volume_resized(
    node: Arc<Node>,
    request: VolumeResized,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    Ok(node
        .hypervisor
        .resize_disk(request.id, request.volume, request.size_gb << 30)
        .await?)
}
