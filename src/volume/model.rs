//! What a volume is, and the life it can have. Pure.

mod check;
mod placement;
mod query;
mod status;

pub use check::{check_description, check_metadata, check_name, check_size};
pub use placement::{Candidate, place};
pub use query::{SnapshotQuery, SortKey, VolumeQuery};
pub use status::{AttachmentStatus, FileFormat, SnapshotStatus, VolumeEvent, VolumeStatus};

use std::collections::BTreeMap;

use crate::ids::{
    AttachmentId, ImageId, ProjectId, ServerId, Time, UserId, VolumeId, VolumeSnapshotId,
};

/// The only zone, as OpenStack names it.
pub const ZONE: &str = "nova";

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its name; may be empty.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: VolumeStatus,
    /// Its size in GiB.
    pub size_gb: u64,
    /// Its project.
    pub project: ProjectId,
    /// Who made it.
    pub user: Option<UserId>,
    /// The node that keeps it, once there is one.
    pub host: Option<String>,
    /// Its zone.
    pub zone: String,
    /// Its file on that node, once there is one.
    pub path: Option<String>,
    /// What the file is.
    pub format: Option<FileFormat>,
    /// Whether servers may boot from it.
    pub bootable: bool,
    /// Whether servers may only read it.
    pub readonly: bool,
    /// The image it was made from.
    pub source_image: Option<ImageId>,
    /// The volume it was made from.
    pub source_volume: Option<VolumeId>,
    /// The snapshot it was made from.
    pub source_snapshot: Option<VolumeSnapshotId>,
    /// What the image it was made from said.
    pub image_metadata: BTreeMap<String, String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Why its status is one of the errors.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A use of a volume by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The volume.
    pub volume: VolumeId,
    /// The server.
    pub server: ServerId,
    /// How far it has come.
    pub status: AttachmentStatus,
    /// The server's node, once known.
    pub host: Option<String>,
    /// Device in the guest, `/dev/vdb`, once known.
    pub device: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// Since when the server has it.
    pub attached_at: Option<Time>,
}

/// The content of a volume at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: VolumeSnapshotId,
    /// The volume.
    pub volume: VolumeId,
    /// Its name; may be empty.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: SnapshotStatus,
    /// Size of the volume then, in GiB.
    pub size_gb: u64,
    /// Its project.
    pub project: ProjectId,
    /// Who made it.
    pub user: Option<UserId>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Why its status is an error.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Room on a node that keeps volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeHost {
    /// The node.
    pub host: String,
    /// GiB of its file system.
    pub total_gb: u64,
    /// GiB left there.
    pub free_gb: u64,
    /// When it said so.
    pub reported_at: Time,
}

/// What a project has of the things that quotas bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Volumes.
    pub volumes: i64,
    /// GiB of volumes and snapshots.
    pub gigabytes: i64,
    /// Snapshots.
    pub snapshots: i64,
}
