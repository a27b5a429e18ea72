//! Servers on this node, one request one file.

mod config_drive;
mod console;
mod delete;
mod ensure;
mod log;
mod migration;
mod note;
pub(super) mod owner;
mod port;
mod power;
mod snapshot;
mod spec;
mod volume;

use super::MethodTable;
use crate::compute::rpc::{
    ConsoleLog, ConsoleOpen, InstanceDelete, InstanceEnsure, InstanceList, InstancePower,
    InstanceSnapshot, InstanceSnapshotEnd, PortAttach, PortDetach, VolumeAttach, VolumeDetach,
    VolumeResized,
};

/// Adds the methods about servers.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<InstanceEnsure, _, _>(ensure::instance_ensure);
    table.add::<InstancePower, _, _>(power::instance_power);
    table.add::<InstanceDelete, _, _>(delete::instance_delete);
    table.add::<InstanceSnapshot, _, _>(snapshot::instance_snapshot);
    table.add::<InstanceSnapshotEnd, _, _>(snapshot::instance_snapshot_end);
    table.add::<InstanceList, _, _>(ensure::instance_list);
    table.add::<VolumeAttach, _, _>(volume::volume_attach);
    table.add::<VolumeDetach, _, _>(volume::volume_detach);
    table.add::<VolumeResized, _, _>(volume::volume_resized);
    table.add::<PortAttach, _, _>(port::port_attach);
    table.add::<PortDetach, _, _>(port::port_detach);
    table.add::<ConsoleLog, _, _>(log::console_log);
    table.add::<ConsoleOpen, _, _>(console::console_open);
    migration::register(table);
}
