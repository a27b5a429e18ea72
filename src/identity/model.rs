//! The nouns of identity, and how roles include each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::ids::{
    AppCredentialId, AuditId, DomainId, GroupId, OperationId, ProjectId, RoleId, Time, UserId,
};

/// Names of the roles that the program itself knows, from the highest.
pub const BUILT_IN_ROLES: [&str; 3] = ["admin", "member", "reader"];

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

/// Which projects to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery {
    /// In this domain.
    pub domain_id: Option<DomainId>,
    /// Directly below this project.
    pub parent_id: Option<ProjectId>,
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

/// How something that is in the audit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOutcome {
    /// Done, or accepted.
    Success,
    /// Refused for lack of rights or proof.
    Denied,
    /// Failed for another reason.
    Failure,
}

impl AuditOutcome {
    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AuditOutcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Success, Self::Denied, Self::Failure]
            .into_iter()
            .find(|outcome| outcome.name() == text)
            .ok_or(())
    }
}

/// An entry of the audit.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Id; rises with time.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// Who; `None` for the control plane itself and for whoever was not let in.
    pub user_id: Option<UserId>,
    /// Who by name; what was claimed, for whoever was not let in.
    pub user_name: String,
    /// The project of the token.
    pub project_id: Option<ProjectId>,
    /// Resource first: `user_create`, `token_create`, `server_reboot`.
    pub action: String,
    /// Kind of the thing it was done to.
    pub resource_type: Option<String>,
    /// Id of that thing.
    pub resource_id: Option<String>,
    /// Its name.
    pub resource_name: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, if it did not succeed.
    pub reason: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
    /// The request.
    pub request_id: String,
    /// The operation that it began.
    pub operation_id: Option<OperationId>,
}

/// Which entries of the audit to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// By this user.
    pub user_id: Option<UserId>,
    /// About this thing.
    pub resource_id: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Not before.
    pub since: Option<Time>,
    /// Older than this one (paging, newest first).
    pub before: Option<AuditId>,
    /// At most so many.
    pub limit: u32,
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
