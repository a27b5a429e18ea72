//! Proof of who one is, tokens, and application credentials.

use std::fmt;

use super::{Domain, Project, Role, User};
use crate::ids::{AppCredentialId, DomainId, ProjectId, RoleId, Time, UserId};

/// A domain as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainRef {
    /// By id, as written.
    Id(String),
    /// By name.
    Name(String),
}

/// A user or a project as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameRef {
    /// By id, as written.
    Id(String),
    /// By name in a domain.
    Name(String, DomainRef),
}

impl fmt::Display for DomainRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for NameRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Name(name, domain) => write!(f, "{name} (domain {domain})"),
        }
    }
}

/// How somebody proves who they are. It holds secrets, hence no `Debug`.
pub enum Proof {
    /// By password.
    Password {
        /// Who.
        user: NameRef,
        /// The password.
        password: String,
    },
    /// By a token they have.
    Token(String),
    /// By an application credential.
    AppCredential {
        /// Which.
        credential: AppCredentialRef,
        /// Its secret.
        secret: String,
    },
}

/// An application credential as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppCredentialRef {
    /// By id, as written.
    Id(String),
    /// By name, of a user.
    Name(String, NameRef),
}

impl fmt::Display for AppCredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Name(name, user) => write!(f, "{name} of {user}"),
        }
    }
}

/// What a token shall be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedScope {
    /// The user's default project if there is one, otherwise nothing.
    Default,
    /// Nothing.
    Unscoped,
    /// A project.
    Project(NameRef),
    /// A domain.
    Domain(DomainRef),
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// Asking for scoped tokens.
    Unscoped,
    /// A project, with the name of its domain.
    Project(Project, String),
    /// A domain.
    Domain(Domain),
}

/// A token as it is stored: everything but the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// SHA-256 of the token in hexadecimal digits.
    pub hash: String,
    /// Whose it is.
    pub user_id: UserId,
    /// Generation of the user for which it is good.
    pub user_generation: i64,
    /// Project that it is for, if it is for one.
    pub project_id: Option<ProjectId>,
    /// Generation of that project for which it is good.
    pub project_generation: Option<i64>,
    /// Domain that it is for, if it is for one.
    pub domain_id: Option<DomainId>,
    /// The application credential by which it was obtained.
    pub app_credential_id: Option<AppCredentialId>,
    /// How it was obtained: `password`, `token`, `application_credential`.
    pub methods: Vec<String>,
    /// A name for it that is no secret.
    pub audit_id: String,
    /// That of the first token of the chain, if this one was made from another.
    pub parent_audit_id: Option<String>,
    /// When it was made.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// A valid token with everything that it says.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token's record.
    pub record: TokenRecord,
    /// Whose it is.
    pub user: User,
    /// Name of the user's domain.
    pub user_domain_name: String,
    /// What it is good for.
    pub scope: TokenScope,
    /// Roles held there, implied ones included, in order of name.
    pub roles: Vec<Role>,
    /// The application credential by which it was obtained, and whether that may manage credentials.
    pub app_credential: Option<AppCredential>,
}

/// A credential that a user made for a program, with roles of the user's on one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCredential {
    /// Id.
    pub id: AppCredentialId,
    /// Whose it is.
    pub user_id: UserId,
    /// The project it is good for.
    pub project_id: ProjectId,
    /// Name, unique for the user.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Hash of the secret.
    pub secret_hash: String,
    /// Whether its tokens may make and delete application credentials.
    pub unrestricted: bool,
    /// Roles that it passes on, as far as the user still has them.
    pub roles: Vec<RoleId>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends, if ever.
    pub expires_at: Option<Time>,
}
