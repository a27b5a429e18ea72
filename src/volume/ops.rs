//! What can be done with volumes. One operation, one file.
//!
//! Functions that end in `_on_conn` are for other services' operations, inside their transactions; after the commit the
//! caller tells watchers with [`volume_changed`].

mod access;
mod attach;
mod create;
mod delete;
mod extend;
mod host;
mod list;
mod moved;
mod quota;
mod reserve;
mod reset;
mod snapshot;
mod update;

pub use access::volume_show;
pub use attach::{
    attachment_list, attachment_show, attachments_of, attachments_of_server_on_conn,
    volume_attached_on_conn, volume_attaching_on_conn, volume_connection,
    volume_detach_failed_on_conn, volume_detached_on_conn, volume_detaching_on_conn,
    volume_reserve_on_conn,
};
pub use create::{NewVolume, VolumeSource, volume_create};
pub use delete::{VolumeDeletion, volume_delete};
pub use extend::volume_extend;
pub use host::{
    VolumeRoom, VolumeService, volume_host_report, volume_room, volume_services, volumes_on_host,
};
pub use list::{volume_counts, volume_list, volume_total};
pub use moved::volume_moved_on_conn;
pub use quota::quota_usage;
pub use reserve::{volume_release, volume_reserve};
pub use reset::{volume_force_detach, volume_reset_attached, volume_reset_status};
pub use snapshot::{
    NewSnapshot, snapshot_create, snapshot_delete, snapshot_list, snapshot_show, snapshot_update,
};
pub use update::{
    VolumeChange, volume_image_metadata_set, volume_image_metadata_unset, volume_metadata_unset,
    volume_set_bootable, volume_set_readonly, volume_update,
};

pub(super) use access::shift_on_conn;
pub(super) use host::candidates_on_conn;

use super::model::Volume;
use crate::context::{Change, Context, Event};

/// Tells watchers of a committed change.
pub fn volume_changed(cx: &Context, volume: &Volume, change: Change) {
    let event = Event::new("volume", volume.id, Some(volume.project), change)
        .named(&volume.name)
        .with_status(volume.status);
    cx.events.publish(event);
}
