//! Which servers somebody wants to see.

use regex::Regex;

use super::state::{PowerState, Status, TaskState, VmState};
use crate::ids::{ImageId, ProjectId, ServerId, Time, UserId};

/// Which servers, in which order.
#[derive(Clone, Debug, Default)]
pub struct ServerQuery {
    /// Of this project; `None` for all.
    pub project: Option<ProjectId>,
    /// Made by this user.
    pub user: Option<UserId>,
    /// These only.
    pub ids: Option<Vec<ServerId>>,
    /// Whose name has this in it.
    pub name: Option<NameFilter>,
    /// Shown with one of these.
    pub statuses: Option<Vec<Status>>,
    /// In this vm state.
    pub vm_state: Option<VmState>,
    /// To which this is being done.
    pub task_state: Option<TaskState>,
    /// Of which the hypervisor says this.
    pub power_state: Option<PowerState>,
    /// On this node.
    pub host: Option<String>,
    /// In this zone.
    pub availability_zone: Option<String>,
    /// With this flavor, by id.
    pub flavor: Option<String>,
    /// Made from this image.
    pub image: Option<ImageId>,
    /// Made by the request with this reservation.
    pub reservation_id: Option<String>,
    /// Locked or not.
    pub locked: Option<bool>,
    /// Deleted ones only (`true`), or both (`None`).
    pub deleted: Option<bool>,
    /// Changed at this time or later.
    pub changes_since: Option<Time>,
    /// Changed at this time or earlier.
    pub changes_before: Option<Time>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// With any of these tags.
    pub tags_any: Vec<String>,
    /// Not with all of these tags.
    pub not_tags: Vec<String>,
    /// With none of these tags.
    pub not_tags_any: Vec<String>,
    /// Sort keys, first first; newest first when empty.
    pub sort: Vec<(SortKey, Direction)>,
    /// The last server of the page before.
    pub marker: Option<ServerId>,
    /// At most so many.
    pub limit: u32,
}

/// What a name must have in it. Case does not matter.
#[derive(Clone, Debug)]
pub enum NameFilter {
    /// This text.
    Contains(String),
    /// What this matches.
    Matches(Regex),
}

/// What servers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the fields of a server")]
pub enum SortKey {
    CreatedAt,
    UpdatedAt,
    LaunchedAt,
    Name,
    Id,
    Host,
    VmState,
    TaskState,
    PowerState,
    Project,
    User,
    Image,
    Flavor,
    Zone,
    Vcpus,
    Memory,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}
