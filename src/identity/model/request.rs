//! What somebody wants made or changed. In a change `None` leaves alone, and `Some(None)` clears. Whatever holds a password
//! has no `Debug`.

use crate::ids::{DomainId, ProjectId, Time};

/// A domain to make.
#[derive(Clone, Debug, Default)]
pub struct DomainNew {
    /// Unique name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it may be used at once.
    pub enabled: bool,
}

/// What shall be different of a domain.
#[derive(Clone, Debug, Default)]
pub struct DomainChange {
    /// Unique name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
}

/// A project to make.
#[derive(Clone, Debug, Default)]
pub struct ProjectNew {
    /// Name, unique in the domain.
    pub name: String,
    /// Its domain; that of the project above, or of the caller, when absent.
    pub domain_id: Option<DomainId>,
    /// Id of the project above it, or of the domain.
    pub parent: Option<String>,
    /// For people.
    pub description: String,
    /// Whether it may be used at once.
    pub enabled: bool,
    /// Labels.
    pub tags: Vec<String>,
}

/// What shall be different of a project.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// Name, unique in the domain.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// Labels.
    pub tags: Option<Vec<String>>,
}

/// A user to make.
#[derive(Clone, Default)]
pub struct UserNew {
    /// Name, unique in the domain.
    pub name: String,
    /// Its domain; the caller's when absent.
    pub domain_id: Option<DomainId>,
    /// Password; without one nobody can log in as this user.
    pub password: Option<String>,
    /// Whether it may log in at once.
    pub enabled: bool,
    /// Project of a token that is asked for without a scope.
    pub default_project_id: Option<ProjectId>,
    /// For people.
    pub description: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
}

/// What shall be different of a user.
#[derive(Clone, Default)]
pub struct UserChange {
    /// Name, unique in the domain.
    pub name: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
    /// Project of a token that is asked for without a scope.
    pub default_project_id: Option<Option<ProjectId>>,
    /// For people.
    pub description: Option<Option<String>>,
    /// E-mail address.
    pub email: Option<Option<String>>,
}

/// A group to make.
#[derive(Clone, Debug, Default)]
pub struct GroupNew {
    /// Name, unique in the domain.
    pub name: String,
    /// Its domain; the caller's when absent.
    pub domain_id: Option<DomainId>,
    /// For people.
    pub description: String,
}

/// What shall be different of a group.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// Name, unique in the domain.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
}

/// A role to make.
#[derive(Clone, Debug, Default)]
pub struct RoleNew {
    /// Unique name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

/// What shall be different of a role.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// Unique name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<Option<String>>,
}

/// An application credential to make.
#[derive(Clone, Default)]
pub struct AppCredentialNew {
    /// Name, unique for the user.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// The secret; one is made when absent.
    pub secret: Option<String>,
    /// Ids or names of roles that it passes on; all that the user holds when absent.
    pub roles: Option<Vec<String>>,
    /// Whether its tokens may make and delete application credentials.
    pub unrestricted: bool,
    /// When it ends, if ever.
    pub expires_at: Option<Time>,
}
