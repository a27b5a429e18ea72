//! Servers that should run together, or apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{ProjectId, ServerGroupId, ServerId, Time, UserId};

/// What a server group asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Affinity {
    /// All on one host.
    Together,
    /// Each on another host.
    Apart,
    /// On one host where possible.
    SoftTogether,
    /// On different hosts where possible.
    SoftApart,
}

impl Affinity {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::Together,
        Self::Apart,
        Self::SoftTogether,
        Self::SoftApart,
    ];

    /// Nova's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Together => "affinity",
            Self::Apart => "anti-affinity",
            Self::SoftTogether => "soft-affinity",
            Self::SoftApart => "soft-anti-affinity",
        }
    }
}

impl fmt::Display for Affinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Affinity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or(())
    }
}

/// A group of servers of one project. A server is in one group at most, from its launch on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerGroup {
    /// Its id.
    pub id: ServerGroupId,
    /// Its project.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub policy: Affinity,
    /// With anti-affinity: members that may share a host, usually 1.
    pub max_per_host: u32,
    /// Servers in it that are not deleted.
    pub members: Vec<ServerId>,
    /// When it was made.
    pub created_at: Time,
}
