//! How a node reaches a volume, and what control processes ask of the node that keeps it (`volume` topic).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::bus::{Message, Rpc};
use crate::compute::rpc::CONDUCTOR;
use crate::hypervisor::spec::DiskFormat;
use crate::ids::{VolumeId, VolumeSnapshotId};
use crate::image::rpc::ImageSource;

/// Topic of nodes that keep volumes.
pub const VOLUME: &str = "volume";

/// A volume as a guest's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeConnection {
    /// The volume; also its serial number in the guest.
    pub id: VolumeId,
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub format: DiskFormat,
}

/// What a new volume starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum VolumeContent {
    /// Zeros.
    Empty,
    /// The bytes of an image.
    Image(ImageSource),
    /// The bytes of another volume, which nobody writes meanwhile.
    Volume {
        /// That volume.
        id: VolumeId,
    },
    /// The bytes of a snapshot; nobody writes its volume meanwhile.
    Snapshot {
        /// The volume.
        volume: VolumeId,
        /// The snapshot in it.
        snapshot: VolumeSnapshotId,
    },
}

/// Makes the volume's file. Success if it is there with this size; a partial one is made anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeCreate {
    /// The volume.
    pub id: VolumeId,
    /// Its size in GiB.
    pub size_gb: u64,
    /// What it starts with.
    pub content: VolumeContent,
}

impl Rpc for VolumeCreate {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_create";
    type Reply = VolumeConnection;
}

/// Removes the volume's file. Success if there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeDelete {
    /// The volume.
    pub id: VolumeId,
}

impl Rpc for VolumeDelete {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_delete";
    type Reply = ();
}

/// Grows the file of a volume that is not attached to a running guest. Success if it has that size or more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeExtend {
    /// The volume.
    pub id: VolumeId,
    /// Size it shall have, in GiB.
    pub size_gb: u64,
}

impl Rpc for VolumeExtend {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_extend";
    type Reply = ();
}

/// Keeps the content that the volume has now, inside its file. Success if it is kept. Nobody writes the volume meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeSnapshotTake {
    /// The volume.
    pub id: VolumeId,
    /// Name of what is kept.
    pub snapshot: VolumeSnapshotId,
}

impl Rpc for VolumeSnapshotTake {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_snapshot_take";
    type Reply = ();
}

/// Throws away what was kept. Success if there is nothing. Nobody writes the volume meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeSnapshotRemove {
    /// The volume.
    pub id: VolumeId,
    /// Name of what was kept.
    pub snapshot: VolumeSnapshotId,
}

impl Rpc for VolumeSnapshotRemove {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_snapshot_remove";
    type Reply = ();
}

/// Sent at start and every interval: the node's room for volumes, and the files it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeReport {
    /// The node.
    pub host: String,
    /// Its room.
    pub capacity: Capacity,
    /// Volumes whose files are there; absent when the directory could not be read, or has too many.
    pub files: Option<Vec<VolumeId>>,
    /// Whether other nodes may have the same files.
    #[serde(default)]
    pub is_shared: bool,
}

impl Message for VolumeReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "volume_report";
}

/// Room for volumes on this node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeCapacity {}

impl Rpc for VolumeCapacity {
    const TOPIC: &'static str = VOLUME;
    const METHOD: &'static str = "volume_capacity";
    type Reply = Capacity;
}

/// Room in GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// All there is.
    pub total_gb: u64,
    /// What is left.
    pub free_gb: u64,
}
