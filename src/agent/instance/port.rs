//! Interfaces of a guest.

use std::sync::Arc;

use super::spec;
use crate::agent::Node;
use crate::bus::Fault;
use crate::compute::rpc::{PortAttach, PortDetach};
use crate::ids::OperationId;

/// Gives the guest an interface, the running one too.
pub async fn port_attach(
    node: Arc<Node>,
    request: PortAttach,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    let nic = spec::nic(&request.port, &request.properties);
    Ok(node.hypervisor.attach_nic(request.id, &nic).await?)
}

/// Takes an interface away, waiting until the guest gave it up.
pub async fn port_detach(
    node: Arc<Node>,
    request: PortDetach,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    Ok(node.hypervisor.detach_nic(request.id, request.port).await?)
}
