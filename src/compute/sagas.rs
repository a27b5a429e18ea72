//! What is done to servers, step by step. One operation, one file.
//!
//! Every step may run twice, and every undo may: ids are chosen before the first step, nodes answer repeats of an operation
//! with their first answer, and rows are written so that writing them again changes nothing. Invariant: a server is in a
//! task state exactly while an operation of its own is under way; what ends the operation ends the task.

mod guest;
mod host_fence;
mod live_migration;
mod relocation;
mod server_delete;
mod server_evacuate;
mod server_interface_attach;
mod server_interface_detach;
mod server_launch;
mod server_moves;
mod server_power;
mod server_rebuild;
mod server_resize;
mod server_snapshot;
mod server_volume_attach;
mod server_volume_detach;

pub(in crate::compute) use guest::{Removal, power, remove};
pub use host_fence::HostFence;
pub use live_migration::{LiveMigration, LiveMigrationWish};
pub use server_delete::ServerDelete;
pub use server_evacuate::ServerEvacuate;
pub use server_interface_attach::ServerInterfaceAttach;
pub use server_interface_detach::ServerInterfaceDetach;
pub use server_launch::{LaunchWish, ServerLaunch};
pub use server_moves::ServerMoves;
pub use server_power::{
    HardReboot, Pause, Resume, ServerPower, SoftReboot, Start, Stop, Suspend, Unpause, Verb,
};
pub use server_rebuild::ServerRebuild;
pub use server_resize::{ResizeWish, ServerResize, is_cold_migration, resize_decision};
pub use server_snapshot::ServerSnapshot;
pub use server_volume_attach::ServerVolumeAttach;
pub use server_volume_detach::ServerVolumeDetach;

use crate::saga::Registry;

/// Makes all of them known to the engine.
pub fn register(registry: &mut Registry) {
    registry.add::<ServerLaunch>();
    registry.add::<ServerDelete>();
    registry.add::<ServerPower<Start>>();
    registry.add::<ServerPower<Stop>>();
    registry.add::<ServerPower<SoftReboot>>();
    registry.add::<ServerPower<HardReboot>>();
    registry.add::<ServerPower<Pause>>();
    registry.add::<ServerPower<Unpause>>();
    registry.add::<ServerPower<Suspend>>();
    registry.add::<ServerPower<Resume>>();
    registry.add::<ServerRebuild>();
    registry.add::<ServerResize>();
    registry.add::<ServerSnapshot>();
    registry.add::<ServerVolumeAttach>();
    registry.add::<ServerVolumeDetach>();
    registry.add::<ServerInterfaceAttach>();
    registry.add::<ServerInterfaceDetach>();
    registry.add::<LiveMigration>();
    registry.add::<ServerEvacuate>();
    registry.add::<ServerMoves>();
    registry.add::<HostFence>();
}
