//! What has to be known before a guest is moved.
//!
//! Whether two nodes see the same files is not configured but found out: the source leaves a mark in the guest's directory,
//! and the destination looks for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agent::Node;
use crate::agent::image_cache::disk_facts;
use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::migration::{
    DestinationFacts, MigrationCheckDestination, MigrationCheckSource, SourceFacts,
};
use crate::hypervisor::{PowerState, VirtType};
use crate::ids::{OperationId, ServerId};

fn mark(node: &Node, id: ServerId, mark: OperationId) -> PathBuf {
    node.places.instance(id).join(format!("migration-{mark}"))
}

/// The guest as it is here.
pub async fn check_source(
    node: Arc<Node>,
    request: MigrationCheckSource,
    _: Option<OperationId>,
) -> Result<SourceFacts, Fault> {
    let id = request.id;
    let missing = || {
        Fault::new(
            FaultKind::NotFound,
            format!("{} does not have the guest of server {id}", node.host),
        )
    };
    let guest = node.hypervisor.guest(id).await?.ok_or_else(missing)?;
    let on = matches!(guest.power, PowerState::Running | PowerState::Paused);
    let simulated = node.info().await?.virt_type == VirtType::Sim;
    if !simulated {
        let mark = mark(&node, id, request.mark);
        let fault = |error| file_fault("can not write", &mark, &error);
        tokio::fs::write(&mark, b"").await.map_err(fault)?;
    }
    let stats = node.hypervisor.stats().await?;
    let stats = stats.iter().find(|stats| stats.id == id);
    let dirty_bps = if on && request.sample {
        node.hypervisor.dirty_rate(id).await?
    } else {
        None
    };
    Ok(SourceFacts {
        power: guest.power,
        memory_bytes: stats.map_or(0, |stats| {
            stats.memory_rss_kib.min(stats.memory_actual_kib) << 10
        }),
        dirty_bps,
        cpu: if on {
            node.hypervisor.guest_cpu(id).await?
        } else {
            None
        },
        root: if simulated {
            None
        } else {
            disk_facts(&node, id).await?
        },
    })
}

/// This node as the guest's next host.
pub async fn check_destination(
    node: Arc<Node>,
    request: MigrationCheckDestination,
    _: Option<OperationId>,
) -> Result<DestinationFacts, Fault> {
    let spec = &request.spec;
    let info = node.info().await?;
    let mut problems = Vec::new();
    if let Some(cpu) = &request.cpu
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
    let mark = mark(&node, spec.id, request.mark);
    let simulated = info.virt_type == VirtType::Sim;
    let is_shared = simulated || mark.exists();
    // The mark has served; one that stays is in nobody's way.
    let _ = tokio::fs::remove_file(&mark).await;
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
