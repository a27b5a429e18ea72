//! A security group: what the ports that have it may send and get. What no rule allows is dropped.

use super::SecurityRule;
use crate::ids::{ProjectId, SecurityGroupId, Time};

/// Name of the group that every project has.
pub const DEFAULT_GROUP: &str = "default";

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its project.
    pub project: ProjectId,
    /// Name; need not be unique, but only the default one is called `default`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it is the one that ports of the project get when none is named.
    pub is_default: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change, also of its rules.
    pub revision: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// What it allows, oldest first.
    pub rules: Vec<SecurityRule>,
}

/// A security group to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSecurityGroup {
    /// Another project's (administrators).
    pub project: Option<ProjectId>,
    /// Name.
    pub name: String,
    /// For people.
    pub description: String,
}

/// What of a security group changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityGroupChanges {
    /// Name; the default one keeps its own.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// Which security groups to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct SecurityGroupQuery {
    /// Of this project, or shared with it.
    pub visible_to: Option<ProjectId>,
    /// With this id.
    pub id: Option<SecurityGroupId>,
}
