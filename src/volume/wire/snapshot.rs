//! Snapshots and attachments of volumes.

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, Metadata, null_default};

/// A snapshot of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSnapshot {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `creating`, `available`, `deleting`, `error`, …
    pub status: String,
    /// GiB of the volume then.
    pub size: u64,
    /// The volume.
    pub volume_id: String,
    /// When it was taken.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Free pairs.
    #[serde(deserialize_with = "null_default")]
    pub metadata: Metadata,
    /// Who took it.
    pub user_id: Option<String>,
    /// Its project.
    #[serde(
        rename = "os-extended-snapshot-attributes:project_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub project_id: Option<String>,
    /// How much of it is there, `100%`.
    #[serde(
        rename = "os-extended-snapshot-attributes:progress",
        skip_serializing_if = "Option::is_none"
    )]
    pub progress: Option<String>,
}

/// `{"snapshot": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSnapshotBody {
    /// The snapshot.
    pub snapshot: VolumeSnapshot,
}

/// `{"snapshots": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSnapshotList {
    /// This page.
    pub snapshots: Vec<VolumeSnapshot>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots_links: Vec<Link>,
}

/// A snapshot to take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSnapshotCreate {
    /// Of this volume.
    pub volume_id: String,
    /// Name.
    #[serde(alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(alias = "display_description", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free pairs.
    #[serde(deserialize_with = "null_default")]
    pub metadata: Metadata,
}

/// `{"snapshot": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSnapshotCreateRequest {
    /// The snapshot.
    pub snapshot: VolumeSnapshotCreate,
}

/// Fields to change; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeSnapshotFields {
    /// Name.
    #[serde(alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(alias = "display_description", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `{"snapshot": {…}}` of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSnapshotUpdateRequest {
    /// The fields.
    pub snapshot: VolumeSnapshotFields,
}

/// A use of a volume, as `/attachments` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// Id.
    pub id: String,
    /// `reserved`, `attaching`, `attached`, `detaching`.
    pub status: String,
    /// The server.
    pub instance: String,
    /// The volume.
    pub volume_id: String,
    /// Since when, in detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<String>,
    /// `rw` or `ro`, in detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_mode: Option<String>,
}

/// `{"attachment": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentBody {
    /// The attachment.
    pub attachment: Attachment,
}

/// `{"attachments": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachmentList {
    /// All of them.
    pub attachments: Vec<Attachment>,
}
