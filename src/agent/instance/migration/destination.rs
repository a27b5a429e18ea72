//! The part of the node that the guest goes to.

use std::sync::Arc;

use super::super::{config_drive, owner, spec};
use crate::agent::image_cache::{base_ensure, root_disk_empty, root_disk_ensure};
use crate::agent::node::{directory, file_fault};
use crate::agent::{Node, NodeError};
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::migration::{
    MigrationForget, MigrationLook, MigrationPrepare, MigrationTakeOver,
};
use crate::compute::rpc::{RootDisk, RootDiskEnsure};
use crate::hypervisor::migration::{Arrival, DiskCopy, MigrationProgress};
use crate::hypervisor::{HvError, PowerState};
use crate::ids::{OperationId, ServerId};

/// Makes ready. What an earlier attempt left is made anew.
pub async fn prepare(
    node: Arc<Node>,
    request: MigrationPrepare,
    operation: Option<OperationId>,
) -> Result<(), Fault> {
    let wanted = &request.spec;
    absent(&node, wanted.id).await?;
    let place = node.places.instance(wanted.id);
    let info = node.info().await?;
    let refused = |error: NodeError| Fault::new(FaultKind::Refused, error.to_string());
    node.places.open_for(info.guest_user).map_err(refused)?;
    directory(&place, info.guest_user).map_err(refused)?;
    if request.disks == DiskCopy::Shared {
        let base = request.root.as_ref().and_then(|root| root.base.as_ref());
        if let (RootDisk::Image { source, .. }, Some(base)) = (&wanted.root, base) {
            base_ensure(&node, source, base, operation).await?;
        }
        return Ok(());
    }
    if owner::is_foreign(&node, wanted.id).await? {
        return Err(Fault::new(
            FaultKind::Refused,
            format!(
                "{} has files of server {} that another node uses; a disk is not copied over them",
                node.host, wanted.id
            ),
        ));
    }
    if let Some(drive) = &wanted.config_drive {
        config_drive::write(&place.join(spec::CONFIG_DRIVE), drive).await?;
    }
    match request.disks {
        DiskCopy::Shared => Ok(()),
        DiskCopy::Top => {
            let request = RootDiskEnsure {
                spec: request.spec,
                rebuild: true,
            };
            root_disk_ensure(node, request, operation).await
        }
        DiskCopy::Whole => match &request.root {
            Some(root) => root_disk_empty(&node, wanted.id, root.virtual_bytes).await,
            None => Ok(()),
        },
    }
}

/// Clears away.
pub async fn forget(
    node: Arc<Node>,
    request: MigrationForget,
    _: Option<OperationId>,
) -> Result<(), Fault> {
    absent(&node, request.id).await?;
    node.hypervisor.undefine(request.id).await?;
    if request.is_shared || owner::is_foreign(&node, request.id).await? {
        return Ok(());
    }
    let place = node.places.instance(request.id);
    match tokio::fs::remove_dir_all(&place).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Fault {
            kind: FaultKind::Unavailable,
            ..file_fault("can not remove", &place, &error)
        }),
        _ => Ok(()),
    }
}

/// Ends what is on the way; refuses if it has arrived. By libvirt's handshake the source goes on when its destination ends.
async fn absent(node: &Node, id: ServerId) -> Result<(), Fault> {
    match node.hypervisor.arrival(id).await? {
        Arrival::Absent => Ok(()),
        Arrival::Fetching | Arrival::Arrived => Err(Fault::new(
            FaultKind::Conflict,
            format!("the guest of server {id} runs on {}", node.host),
        )),
        Arrival::Arriving => match node.hypervisor.destroy(id).await {
            Ok(()) | Err(HvError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        },
    }
}

/// How much of the guest is here.
pub async fn look(
    node: Arc<Node>,
    request: MigrationLook,
    _: Option<OperationId>,
) -> Result<Arrival, Fault> {
    Ok(node.hypervisor.arrival(request.id).await?)
}

/// The guest is this node's.
pub async fn take_over(
    node: Arc<Node>,
    request: MigrationTakeOver,
    _: Option<OperationId>,
) -> Result<Option<MigrationProgress>, Fault> {
    owner::take(&node, request.id).await?;
    let result = match node.hypervisor.migration_result(request.id).await {
        // It was off: only its files have come.
        Err(HvError::NotFound(_)) => return Ok(None),
        result => result?,
    };
    let guest = node.hypervisor.guest(request.id).await?;
    if request.runs && guest.is_some_and(|guest| guest.power == PowerState::Paused) {
        node.hypervisor.resume(request.id).await?;
    }
    Ok(result)
}
