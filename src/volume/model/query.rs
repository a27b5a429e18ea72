//! Which volumes to list, and in what order.

use std::collections::BTreeMap;

use super::{SnapshotStatus, VolumeStatus};
use crate::ids::{ProjectId, VolumeId, VolumeSnapshotId};

/// Which volumes to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct VolumeQuery {
    /// Of this project; `None` for all projects.
    pub project: Option<ProjectId>,
    /// With this name.
    pub name: Option<String>,
    /// In this status.
    pub status: Option<VolumeStatus>,
    /// Bootable or not.
    pub bootable: Option<bool>,
    /// In this zone.
    pub zone: Option<String>,
    /// With these pairs.
    pub metadata: BTreeMap<String, String>,
    /// Order; `true` for descending. Empty: newest first.
    pub sort: Vec<(SortKey, bool)>,
    /// Those after this one.
    pub marker: Option<VolumeId>,
    /// Leave out so many at the beginning.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// What a list may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Name.
    Name,
    /// Status.
    Status,
    /// Size.
    Size,
    /// Node.
    Host,
    /// Id.
    Id,
    /// Time of creation.
    CreatedAt,
    /// Time of change.
    UpdatedAt,
}

impl SortKey {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Name,
        Self::Status,
        Self::Size,
        Self::Host,
        Self::Id,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    /// Cinder's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::Size => "size",
            Self::Host => "host",
            Self::Id => "id",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}

/// Which snapshots to list, newest first; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct SnapshotQuery {
    /// Of this project; `None` for all projects.
    pub project: Option<ProjectId>,
    /// With this name.
    pub name: Option<String>,
    /// In this status.
    pub status: Option<SnapshotStatus>,
    /// Of this volume.
    pub volume: Option<VolumeId>,
    /// Those after this one.
    pub marker: Option<VolumeSnapshotId>,
    /// At most so many.
    pub limit: u32,
}
