//! Volumes on a node: the file back end.
//!
//! A volume is `volumes/<id>.qcow2`, sparse and whole in itself. It is made under another name, flushed and renamed, so a
//! file with that name is always a whole volume. Its snapshots are inside it. What is done to a file that a guest has open
//! is refused by QEMU's own locks.

mod create;
mod files;
mod grow;
mod report;
mod snapshot;

use super::MethodTable;
use crate::volume::rpc::{
    VolumeCapacity, VolumeCreate, VolumeDelete, VolumeExtend, VolumeSnapshotRemove,
    VolumeSnapshotTake,
};

pub(super) use report::run as report;

/// Adds the methods about volumes.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<VolumeCreate, _, _>(create::volume_create);
    table.add::<VolumeDelete, _, _>(files::volume_delete);
    table.add::<VolumeExtend, _, _>(grow::volume_extend);
    table.add::<VolumeSnapshotTake, _, _>(snapshot::volume_snapshot_take);
    table.add::<VolumeSnapshotRemove, _, _>(snapshot::volume_snapshot_remove);
    table.add::<VolumeCapacity, _, _>(files::volume_capacity);
}

#[cfg(test)]
mod tests;
