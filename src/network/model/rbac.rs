//! A policy that shares one thing of a project with another project, or with all.

use std::fmt;
use std::str::FromStr;

use crate::ids::{ProjectId, RbacPolicyId};

/// What kind of thing is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RbacKind {
    /// A network.
    Network,
    /// A security group.
    SecurityGroup,
}

impl RbacKind {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::SecurityGroup => "security_group",
        }
    }
}

impl FromStr for RbacKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Network, Self::SecurityGroup]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(())
    }
}

/// What may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RbacAction {
    /// It is used like one's own.
    Shared,
    /// It leads outside: routers may have it as their gateway's.
    External,
}

impl RbacAction {
    /// Neutron's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "access_as_shared",
            Self::External => "access_as_external",
        }
    }
}

impl FromStr for RbacAction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Shared, Self::External]
            .into_iter()
            .find(|action| action.name() == text)
            .ok_or(())
    }
}

/// Whom it is shared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RbacTarget {
    /// Every project.
    All,
    /// This one.
    Project(ProjectId),
}

impl fmt::Display for RbacTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Project(project) => project.fmt(f),
        }
    }
}

impl FromStr for RbacTarget {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "*" => Ok(Self::All),
            id => id.parse().map(Self::Project).map_err(|_| ()),
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RbacPolicy {
    /// Its id.
    pub id: RbacPolicyId,
    /// The project whose the thing is.
    pub project: ProjectId,
    /// Kind of the thing.
    pub kind: RbacKind,
    /// Id of the thing.
    pub object: String,
    /// What may be done with it.
    pub action: RbacAction,
    /// By whom.
    pub target: RbacTarget,
}

/// A policy to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRbacPolicy {
    /// Kind of the thing.
    pub kind: RbacKind,
    /// Id of the thing.
    pub object: String,
    /// What may be done with it.
    pub action: RbacAction,
    /// By whom.
    pub target: RbacTarget,
}
