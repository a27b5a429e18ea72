//! Roles, how they include each other, and who has which one where.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{DomainId, GroupId, ProjectId, RoleId, UserId};

/// Names of the roles that the program itself knows, from the highest.
pub const BUILT_IN_ROLES: [&str; 3] = ["admin", "member", "reader"];

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Id.
    pub id: RoleId,
    /// Unique name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

impl Role {
    /// Whether the program relies on it; such a role can not be renamed or deleted.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN_ROLES.contains(&self.name.as_str())
    }
}

/// All roles and which of them include which.
#[derive(Clone, Debug, Default)]
pub struct RoleGraph {
    /// Roles by id.
    pub roles: BTreeMap<RoleId, Role>,
    /// For each role those that it directly implies.
    pub implied: BTreeMap<RoleId, BTreeSet<RoleId>>,
}

impl RoleGraph {
    /// These roles and all that they imply, in order of name.
    pub fn expand(&self, direct: impl IntoIterator<Item = RoleId>) -> Vec<Role> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<RoleId> = direct.into_iter().collect();
        while let Some(id) = open.pop() {
            if seen.insert(id)
                && let Some(more) = self.implied.get(&id)
            {
                open.extend(more);
            }
        }
        let mut roles: Vec<Role> = seen
            .iter()
            .filter_map(|id| self.roles.get(id).cloned())
            .collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        roles
    }
}

/// Who has a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A user.
    User(UserId),
    /// All members of a group.
    Group(GroupId),
}

/// Where a role is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// On a project.
    Project(ProjectId),
    /// On a domain.
    Domain(DomainId),
}

impl Holder {
    /// `user` or `group`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// Its id as text.
    pub fn id(self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Group(id) => id.to_string(),
        }
    }
}

impl Target {
    /// `project` or `domain`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Domain(_) => "domain",
        }
    }

    /// Its id as text.
    pub fn id(self) -> String {
        match self {
            Self::Project(id) => id.to_string(),
            Self::Domain(id) => id.to_string(),
        }
    }
}

/// A role that somebody has somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// Where.
    pub target: Target,
    /// Who.
    pub holder: Holder,
    /// Which.
    pub role: RoleId,
}

/// An assignment with the names of its sides. What is gone meanwhile has its id for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAssignment {
    /// The assignment.
    pub assignment: Assignment,
    /// Name of the role.
    pub role_name: String,
    /// Name of the holder.
    pub holder_name: String,
    /// Id and name of the holder's domain.
    pub holder_domain: (DomainId, String),
    /// Name of the project or domain.
    pub target_name: String,
    /// Id and name of the project's domain; the domain itself, where that is the target.
    pub target_domain: (DomainId, String),
}

/// Which assignments to list; all that are set must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssignmentQuery {
    /// Of this holder.
    pub holder: Option<Holder>,
    /// There.
    pub target: Option<Target>,
    /// Of this role.
    pub role: Option<RoleId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_what_they_imply_also_in_a_circle() {
        let ids: Vec<RoleId> = (0..4).map(|_| RoleId::new()).collect();
        let graph = RoleGraph {
            roles: ids
                .iter()
                .zip(["d", "c", "b", "a"])
                .map(|(id, name)| {
                    let role = Role {
                        id: *id,
                        name: name.into(),
                        description: None,
                    };
                    (*id, role)
                })
                .collect(),
            implied: [
                (ids[0], [ids[1]].into()),
                (ids[1], [ids[2]].into()),
                (ids[2], [ids[0]].into()),
            ]
            .into(),
        };
        let names = |direct: &[RoleId]| -> Vec<String> {
            graph
                .expand(direct.iter().copied())
                .into_iter()
                .map(|role| role.name)
                .collect()
        };
        assert_eq!(names(&[ids[1]]), ["b", "c", "d"]);
        assert_eq!(names(&[ids[3], RoleId::new()]), ["a"]);
        assert!(names(&[]).is_empty());
    }
}
