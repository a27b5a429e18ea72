//! Makes a guest what it shall be.

use std::sync::Arc;

use super::{config_drive, owner, spec};
use crate::agent::node::directory;
use crate::agent::{Node, NodeError};
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::{InstanceEnsure, InstanceList};
use crate::hypervisor::{GuestState, PowerState};
use crate::ids::OperationId;

/// Defines the guest and starts it if asked. A definition of the same generation is left alone; an older one is
/// replaced, which a running guest sees when it is next powered on.
pub async fn instance_ensure(
    node: Arc<Node>,
    request: InstanceEnsure,
    _: Option<OperationId>,
) -> Result<GuestState, Fault> {
    let wanted = &request.spec;
    let found = node.hypervisor.guest(wanted.id).await?;
    if let Some(newer) = found
        .as_ref()
        .filter(|found| found.generation > wanted.generation)
    {
        return Err(Fault::new(
            FaultKind::Conflict,
            format!(
                "{} has server {} in generation {}, newer than {}",
                node.host, wanted.id, newer.generation, wanted.generation
            ),
        ));
    }
    let place = node.places.instance(wanted.id);
    let info = node.info().await?;
    let refused = |error: NodeError| Fault::new(FaultKind::Refused, error.to_string());
    node.places.open_for(info.guest_user).map_err(refused)?;
    directory(&place, info.guest_user).map_err(refused)?;
    owner::take(&node, wanted.id).await?;
    if found
        .as_ref()
        .is_none_or(|found| found.generation < wanted.generation)
    {
        if let Some(drive) = &wanted.config_drive {
            config_drive::write(&place.join(spec::CONFIG_DRIVE), drive).await?;
        }
        node.hypervisor
            .define(&spec::guest(wanted, &place, info.virt_type))
            .await?;
    }
    let power = found.map_or(PowerState::Shutdown, |found| found.power);
    if request.start && power != PowerState::Running {
        node.hypervisor.start(wanted.id).await?;
    }
    let now = node.hypervisor.guest(wanted.id).await?;
    now.ok_or_else(|| {
        Fault::new(
            FaultKind::Unavailable,
            format!(
                "server {} vanished from {} while it was made",
                wanted.id, node.host
            ),
        )
    })
}

/// All guests.
pub async fn instance_list(
    node: Arc<Node>,
    _: InstanceList,
    _: Option<OperationId>,
) -> Result<Vec<GuestState>, Fault> {
    Ok(node.hypervisor.guests().await?)
}
