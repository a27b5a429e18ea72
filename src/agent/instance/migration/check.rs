//! What has to be known before a guest is moved.
//!
//! Whether two nodes see the same files is not configured but found out: the source leaves a mark in the guest's directory,
//! and the destination looks for it. The mark stays: a question that comes again finds what the first one found. The next
//! move of the guest writes over it. A plan has a mark of its own: it may be made while a move is under way.

use std::path::Path;
use std::sync::Arc;

use super::super::note;
use crate::agent::Node;
use crate::agent::image_cache::disk_facts;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::InstanceSpec;
use crate::compute::rpc::migration::{
    DestinationFacts, MigrationCheckDestination, MigrationCheckSource, MigrationPlanDestination,
    MigrationPlanSource, SourceFacts,
};
use crate::hypervisor::{PowerState, VirtType};
use crate::ids::{OperationId, ServerId};

/// A mark: the file that it is in, in a guest's directory, and what it says.
struct Mark(&'static str, OperationId);

impl Mark {
    fn of_move(operation: OperationId) -> Self {
        Self("migration-mark", operation)
    }

    fn of_plan(operation: OperationId) -> Self {
        Self("migration-mark-plan", operation)
    }

    /// Leaves it in a guest's directory.
    async fn leave(&self, place: &Path) -> Result<(), Fault> {
        note::write(&place.join(self.0), &self.1.to_string()).await
    }

    /// Whether it is in the directory.
    async fn is_in(&self, place: &Path) -> Result<bool, Fault> {
        let found = note::read(&place.join(self.0)).await?;
        Ok(found.is_some_and(|found| found == self.1.to_string()))
    }
}

/// The guest as it is here.
pub async fn check_source(
    node: Arc<Node>,
    request: MigrationCheckSource,
    _: Option<OperationId>,
) -> Result<SourceFacts, Fault> {
    let mark = Mark::of_move(request.mark);
    source(&node, request.id, &mark, request.sample).await
}

/// The same for a plan.
pub async fn plan_source(
    node: Arc<Node>,
    request: MigrationPlanSource,
    _: Option<OperationId>,
) -> Result<SourceFacts, Fault> {
    source(&node, request.id, &Mark::of_plan(request.mark), true).await
}

async fn source(
    node: &Arc<Node>,
    id: ServerId,
    mark: &Mark,
    sample: bool,
) -> Result<SourceFacts, Fault> {
    let missing = || {
        Fault::new(
            FaultKind::NotFound,
            format!("{} does not have the guest of server {id}", node.host),
        )
    };
    let guest = node.hypervisor.guest(id).await?.ok_or_else(missing)?;
    let on = matches!(guest.power, PowerState::Running | PowerState::Paused);
    let simulated = node.info().await?.virt_type == VirtType::Sim;
    mark.leave(&node.places.instance(id)).await?;
    let dirty_bps = if on && sample {
        node.hypervisor.dirty_rate(id).await?
    } else {
        None
    };
    Ok(SourceFacts {
        power: guest.power,
        memory_bytes: if on {
            node.hypervisor.resident_memory(id).await?
        } else {
            0
        },
        dirty_bps,
        cpu: if on {
            node.hypervisor.guest_cpu(id).await?
        } else {
            None
        },
        root: if simulated {
            None
        } else {
            disk_facts(node, id).await?
        },
    })
}

/// This node as the guest's next host.
pub async fn check_destination(
    node: Arc<Node>,
    request: MigrationCheckDestination,
    _: Option<OperationId>,
) -> Result<DestinationFacts, Fault> {
    let mark = Mark::of_move(request.mark);
    destination(&node, &request.spec, &mark, request.cpu.as_deref()).await
}

/// The same for a plan.
pub async fn plan_destination(
    node: Arc<Node>,
    request: MigrationPlanDestination,
    _: Option<OperationId>,
) -> Result<DestinationFacts, Fault> {
    let mark = Mark::of_plan(request.mark);
    destination(&node, &request.spec, &mark, request.cpu.as_deref()).await
}

async fn destination(
    node: &Arc<Node>,
    spec: &InstanceSpec,
    mark: &Mark,
    cpu: Option<&str>,
) -> Result<DestinationFacts, Fault> {
    let mut problems = Vec::new();
    if let Some(cpu) = cpu
        && let Err(reason) = node.hypervisor.accepts_cpu(cpu).await?
    {
        problems.push(format!(
            "its processor can not do what the guest's does: {}",
            reason.trim_end_matches('.')
        ));
    }
    if node.hypervisor.guest(spec.id).await?.is_some() {
        problems.push(
            "it has a guest of this server already, left by an earlier move; it clears that away soon"
                .to_owned(),
        );
    }
    let is_shared = mark.is_in(&node.places.instance(spec.id)).await?;
    Ok(DestinationFacts {
        uri: node.migration.uri.clone(),
        address: node.migration.address.clone(),
        is_shared,
        missing_volumes: spec
            .volumes
            .iter()
            .filter(|volume| {
                !(volume.path.starts_with(&node.places.volumes) && volume.path.exists())
            })
            .map(|volume| volume.id)
            .collect(),
        free_bytes: free_bytes(&node.places.instances),
        problems,
    })
}

fn free_bytes(path: &Path) -> u64 {
    nix::sys::statvfs::statvfs(path).map_or(0, |stat| {
        stat.blocks_available().saturating_mul(stat.fragment_size())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mark_is_found_as_often_as_it_is_looked_for_and_only_by_its_own_operation() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (OperationId::new(), OperationId::new());
        let leave = async |operation| Mark::of_move(operation).leave(dir.path()).await.unwrap();
        let has = async |operation| Mark::of_move(operation).is_in(dir.path()).await.unwrap();
        assert!(!has(first).await);
        leave(first).await;
        // The first host that is tried, and the next one.
        assert!(has(first).await && has(first).await);
        assert!(!has(second).await);
        leave(second).await;
        assert!(has(second).await && !has(first).await);
        // A plan that is made meanwhile changes nothing of it.
        let plan = Mark::of_plan(OperationId::new());
        plan.leave(dir.path()).await.unwrap();
        assert!(has(second).await && plan.is_in(dir.path()).await.unwrap());
    }
}
