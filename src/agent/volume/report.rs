//! Tells the control plane what room there is for volumes and, less often, which files.

use std::sync::Arc;
use std::time::Duration;

use super::files::{blocking, capacity, list};
use crate::agent::Node;
use crate::bus::Fault;
use crate::volume::rpc::VolumeReport;

/// One report in so many names the files; the first does.
const FILES_EVERY: u64 = 60;

/// Reports until dropped. A report that nobody takes is not kept: the next one says the same.
pub async fn run(node: Arc<Node>, interval: Duration) {
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in 0_u64.. {
        tick.tick().await;
        match report(&node, number % FILES_EVERY == 0).await {
            Ok(report) => {
                if let Err(error) = node.bus.cast(&report).await {
                    tracing::debug!(%error, "nobody takes reports now");
                }
            }
            Err(fault) => tracing::warn!(%fault, "the room for volumes is not known"),
        }
    }
}

async fn report(node: &Node, with_files: bool) -> Result<VolumeReport, Fault> {
    let (host, dir) = (node.host.clone(), node.places.volumes.clone());
    // A directory of its own is beside its others.
    let is_shared = dir.parent() != node.places.image_cache.parent();
    blocking(move || {
        Ok(VolumeReport {
            host,
            capacity: capacity(&dir)?,
            files: if with_files { list(&dir) } else { None },
            is_shared,
        })
    })
    .await
}
