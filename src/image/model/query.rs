//! Which images to list, and in what order.

use std::collections::BTreeMap;

use super::{ImageStatus, MemberStatus, Visibility};
use crate::ids::{ImageId, ProjectId, Time};

/// A comparison with a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
}

impl Compare {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::Eq,
        Self::Neq,
    ];

    /// Glance's prefix for it: `gte:2026-01-01T00:00:00Z`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Neq => "neq",
        }
    }

    /// SQL for it.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Eq => "=",
            Self::Neq => "<>",
        }
    }
}

/// Which visibilities a list is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// What a project works with: its own, public ones, and shared ones that it accepted.
    #[default]
    Usual,
    /// Everything visible, also the community's.
    All,
    /// One visibility.
    Only(Visibility),
}

/// Which images to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct ImageQuery {
    /// Visible to this project; `None` for administrators.
    pub viewer: Option<ProjectId>,
    /// Which visibilities.
    pub scope: Scope,
    /// One of these ids.
    pub ids: Option<Vec<ImageId>>,
    /// One of these names.
    pub names: Option<Vec<String>>,
    /// One of these statuses.
    pub statuses: Option<Vec<ImageStatus>>,
    /// One of these disk formats, as written.
    pub disk_formats: Option<Vec<String>>,
    /// One of these container formats, as written.
    pub container_formats: Option<Vec<String>>,
    /// Of this project.
    pub owner: Option<ProjectId>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// With these properties.
    pub properties: BTreeMap<String, String>,
    /// At least so many bytes.
    pub size_min: Option<u64>,
    /// At most so many bytes.
    pub size_max: Option<u64>,
    /// Protected or not.
    pub protected: Option<bool>,
    /// Hidden ones instead of the others.
    pub hidden: bool,
    /// Shared ones with this answer of the viewer; `None` takes all.
    pub member_status: Option<MemberStatus>,
    /// By time of creation.
    pub created: Vec<(Compare, Time)>,
    /// By time of change.
    pub updated: Vec<(Compare, Time)>,
    /// Order; `true` for descending. Empty: newest first.
    pub sort: Vec<(SortKey, bool)>,
    /// Those after this one.
    pub marker: Option<ImageId>,
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
    /// Container format.
    ContainerFormat,
    /// Disk format.
    DiskFormat,
    /// Length of the file.
    Size,
    /// Id.
    Id,
    /// Time of creation.
    CreatedAt,
    /// Time of change.
    UpdatedAt,
}

impl SortKey {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Status,
        Self::ContainerFormat,
        Self::DiskFormat,
        Self::Size,
        Self::Id,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    /// Glance's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::ContainerFormat => "container_format",
            Self::DiskFormat => "disk_format",
            Self::Size => "size",
            Self::Id => "id",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}
