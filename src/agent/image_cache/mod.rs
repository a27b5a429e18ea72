//! Images on a node: one verified base each, and thin root disks over them.
//!
//! A base has the name of its image and of its content, so that it never has to be compared again: it appears under that
//! name only after its SHA-512 was found right. Where the image store is on the same file system it is a hard link, else a
//! copy; where it can not be seen from here the bytes come over HTTP. Root disks are qcow2 files that build on a base and hold only what differs. Bases that no disk builds on go,
//! the longest unused first, when all together take more than their share.

mod cache;
mod download;
mod layers;
mod root_disk;
mod used;

pub use cache::{Base, ImageCache};
pub(super) use root_disk::{base_ensure, disk_facts, root_disk_empty, root_disk_ensure};
pub(super) use used::header;

use std::sync::Arc;
use std::time::Duration;

use super::{MethodTable, Node};
use crate::compute::rpc::{RootDiskEnsure, RootDiskResize, RootDiskSettle};

/// Adds the methods about root disks.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<RootDiskEnsure, _, _>(root_disk::root_disk_ensure);
    table.add::<RootDiskResize, _, _>(root_disk::root_disk_resize);
    table.add::<RootDiskSettle, _, _>(root_disk::root_disk_settle);
}

/// How often bases that nobody uses are looked for.
const TEND_EVERY: Duration = Duration::from_secs(600);

/// Keeps the cache within its share, until dropped.
pub(super) async fn tend(node: Arc<Node>) {
    let mut tick = tokio::time::interval(TEND_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match node.images.prune(&node.places.instances).await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "unused images left the cache"),
            Err(fault) => tracing::warn!(%fault, "the image cache could not be tidied"),
        }
    }
}
