//! Removes a guest and everything the node keeps of it.

use std::sync::Arc;

use super::owner;
use crate::agent::Node;
use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::InstanceDelete;
use crate::ids::OperationId;

/// The definition first, so that nothing can start on disks that are being removed. Volumes are files of their own
/// elsewhere and stay, and so does what another node has taken over.
pub async fn instance_delete(
    node: Arc<Node>,
    request: InstanceDelete,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    node.hypervisor.undefine(request.id).await?;
    if owner::is_foreign(&node, request.id).await? {
        return Ok(());
    }
    let place = node.places.instance(request.id);
    match tokio::fs::remove_dir_all(&place).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            // The guest is gone; the files are tried again.
            Err(Fault {
                kind: FaultKind::Unavailable,
                ..file_fault("can not remove", &place, &error)
            })
        }
        _ => Ok(()),
    }
}
