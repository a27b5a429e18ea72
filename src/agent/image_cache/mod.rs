//! Images on a node: one verified base each, and thin root disks over them.
//!
//! A base has the name of its image and of its content, so that it never has to be compared again: it appears under that
//! name only after its SHA-512 was found right. Where the image store is on the same file system it is a hard link, else a
//! copy. Root disks are qcow2 files that build on a base and hold only what differs. Bases that no disk builds on go,
//! the longest unused first, when all together take more than their share.

mod cache;
mod layers;
mod root_disk;
mod used;

pub use cache::{Base, ImageCache};

use super::MethodTable;
use crate::compute::rpc::{RootDiskEnsure, RootDiskResize, RootDiskSettle};

/// Adds the methods about root disks.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<RootDiskEnsure, _, _>(root_disk::root_disk_ensure);
    table.add::<RootDiskResize, _, _>(root_disk::root_disk_resize);
    table.add::<RootDiskSettle, _, _>(root_disk::root_disk_settle);
}
