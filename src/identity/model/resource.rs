//! Domains, projects, users, groups, and what the catalog is made of.

use crate::ids::{DomainId, GroupId, ProjectId, UserId};

/// A name space for projects, users and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Id.
    pub id: DomainId,
    /// Unique name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether its users and projects may be used.
    pub enabled: bool,
}

/// The owner of resources; a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Id.
    pub id: ProjectId,
    /// Its domain.
    pub domain_id: DomainId,
    /// The project above it; `None` directly below the domain.
    pub parent_id: Option<ProjectId>,
    /// Name, unique in the domain.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether tokens for it are issued and good.
    pub enabled: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises when all tokens for it become void.
    pub generation: i64,
}

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Its domain.
    pub domain_id: DomainId,
    /// Name, unique in the domain.
    pub name: String,
    /// Whether it may log in and its tokens are good.
    pub enabled: bool,
    /// Project of a token that is asked for without a scope.
    pub default_project_id: Option<ProjectId>,
    /// For people.
    pub description: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Rises when all its tokens become void.
    pub generation: i64,
}

/// Users that are given roles together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Id.
    pub id: GroupId,
    /// Its domain.
    pub domain_id: DomainId,
    /// Name, unique in the domain.
    pub name: String,
    /// For people.
    pub description: String,
}

/// Which projects to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery {
    /// In this domain.
    pub domain_id: Option<DomainId>,
    /// Of this name.
    pub name: Option<String>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// Among these.
    pub ids: Option<Vec<ProjectId>>,
}

/// Which users to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// In this domain.
    pub domain_id: Option<DomainId>,
    /// Of this name.
    pub name: Option<String>,
    /// Enabled or not.
    pub enabled: Option<bool>,
}

/// Which groups to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct GroupQuery {
    /// In this domain.
    pub domain_id: Option<DomainId>,
    /// Of this name.
    pub name: Option<String>,
    /// With this member.
    pub member: Option<UserId>,
}

/// A service of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// `compute`, …
    pub kind: &'static str,
    /// `nova`, …
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Path below the base of the API; `{project_id}` stands for the project of the token.
    pub path: &'static str,
}
