//! Domains, projects, users, roles and assignments.
//!
//! Every resource is served at `/v3/<plural>` and `/v3/<plural>/{id}`; create is `POST` (201), update `PATCH` (200), delete
//! 204. A role is given by `PUT /v3/projects/{project}/users/{user}/roles/{role}` (204), or `/v3/domains/…`, or
//! `/v3/system/users/…`; `HEAD` asks, `DELETE` takes it away.

use serde::{Deserialize, Serialize};

use super::NamedRef;
use crate::api::wire::{Secret, null_default, present};

/// `{"self": …}` of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelfLink {
    /// Its address.
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    pub this: Option<String>,
}

/// Links of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectionLinks {
    /// Next page; Skydeck and most of Keystone never page.
    pub next: Option<String>,
    /// The list's address.
    #[serde(rename = "self")]
    pub this: Option<String>,
    /// Page before.
    pub previous: Option<String>,
}

/// A domain: a name space for projects and users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Domain {
    /// Id; the first one is `default`.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Whether its users may authenticate.
    pub enabled: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// `immutable`.
    pub options: Options,
    /// Its address.
    pub links: SelfLink,
}

/// Resource options that Keystone writes on everything; absent ones are off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Whether update and delete are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
}

/// `{"domain": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainBody {
    /// The domain.
    pub domain: Domain,
}

/// `{"domains": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainList {
    /// The domains.
    pub domains: Vec<Domain>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a domain to create (`name` needed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainFields {
    /// Unique name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether its users may authenticate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// `{"domain": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRequest {
    /// The fields.
    pub domain: DomainFields,
}

/// A project (tenant): the owner of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Id.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
    /// Its domain.
    #[serde(deserialize_with = "null_default")]
    pub domain_id: String,
    /// The project above it, or the domain.
    pub parent_id: Option<String>,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Whether tokens for it are issued.
    pub enabled: bool,
    /// Whether it acts as a domain.
    pub is_domain: bool,
    /// Labels.
    pub tags: Vec<String>,
    /// `immutable`.
    pub options: Options,
    /// Its address.
    pub links: SelfLink,
}

/// `{"project": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectBody {
    /// The project.
    pub project: Project,
}

/// `{"projects": […]}`; also `GET /v3/auth/projects` and `/v3/users/{id}/projects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectList {
    /// The projects.
    pub projects: Vec<Project>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a project to create (`name` needed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domain; the token's when absent. Can not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// The project above it. Can not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether tokens for it are issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it acts as a domain; only false is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_domain: Option<bool>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// `{"project": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRequest {
    /// The fields.
    pub project: ProjectFields,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name, unique in its domain.
    pub name: String,
    /// Its domain.
    pub domain_id: String,
    /// Whether it may authenticate.
    pub enabled: bool,
    /// Project of a token that is asked for without a scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_project_id: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When the password must be changed, if ever.
    pub password_expires_at: Option<String>,
    /// `immutable` and the like.
    pub options: Options,
    /// Its address.
    pub links: SelfLink,
}

/// `{"user": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserBody {
    /// The user.
    pub user: User,
}

/// `{"users": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserList {
    /// The users.
    pub users: Vec<User>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a user to create (`name` needed) or change. `null` clears what may be cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its domain; the token's when absent. Can not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// Password; a user without one can not authenticate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Whether it may authenticate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Project of a token that is asked for without a scope.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub default_project_id: Option<Option<String>>,
    /// For people.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// E-mail address.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
}

/// `{"user": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRequest {
    /// The fields.
    pub user: UserFields,
}

/// `{"user": {…}}`, body of `POST /v3/users/{id}/password` (204): a user changes their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChangeRequest {
    /// Both passwords.
    pub user: PasswordChange,
}

/// Old and new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChange {
    /// The one that shall hold.
    pub password: Secret,
    /// The one that holds.
    pub original_password: Secret,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    /// Id.
    pub id: String,
    /// `admin`, `member`, `reader`, or one's own.
    pub name: String,
    /// The domain it is for, if not for all.
    pub domain_id: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `immutable`.
    pub options: Options,
    /// Its address.
    pub links: SelfLink,
}

/// `{"role": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleBody {
    /// The role.
    pub role: Role,
}

/// `{"roles": […]}`; also the roles of a user on a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleList {
    /// The roles.
    pub roles: Vec<Role>,
    /// Links.
    pub links: CollectionLinks,
}

/// Fields of a role to create (`name` needed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The domain it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// For people.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
}

/// `{"role": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRequest {
    /// The fields.
    pub role: RoleFields,
}

/// Who has which role where. Names are there if `?include_names` was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleAssignment {
    /// The role.
    pub role: AssignmentRef,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<AssignmentRef>,
    /// Or which group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<AssignmentRef>,
    /// Where.
    pub scope: AssignmentScope,
    /// `assignment`: where it is made and unmade.
    pub links: AssignmentLinks,
}

/// Link of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssignmentLinks {
    /// Where it is made and unmade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<String>,
}

/// A side of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssignmentRef {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Domain, for users, groups and projects with names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<NamedRef>,
}

/// Where an assignment holds: one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssignmentScope {
    /// On a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<AssignmentRef>,
    /// On a domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<AssignmentRef>,
    /// On the whole cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<super::SystemScope>,
}

/// `{"role_assignments": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleAssignmentList {
    /// The assignments.
    pub role_assignments: Vec<RoleAssignment>,
    /// Links.
    pub links: CollectionLinks,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cleared_differs_from_one_left_alone() {
        let request: UserRequest =
            serde_json::from_str(r#"{"user":{"email":null,"password":"s3cret"}}"#).unwrap();
        assert_eq!(request.user.email, Some(None));
        assert_eq!(request.user.description, None);
        assert!(!format!("{request:?}").contains("s3cret"));
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"user":{"password":"s3cret","email":null}}"#
        );
    }

    #[test]
    fn assignments_with_names_and_without() {
        let text = r#"{"role_assignments":[{"links":{"assignment":"http://i/v3/projects/p/users/u/roles/r"},
            "role":{"id":"r","name":"admin"},"scope":{"project":{"domain":{"id":"default","name":"Default"},"id":"p","name":"demo"}},
            "user":{"domain":{"id":"default","name":"Default"},"id":"u","name":"admin"}},
            {"links":{},"role":{"id":"r"},"scope":{"system":{"all":true}},"user":{"id":"u"}}],
            "links":{"next":null,"previous":null,"self":"http://i/v3/role_assignments"}}"#;
        let list: RoleAssignmentList = serde_json::from_str(text).unwrap();
        assert_eq!(list.role_assignments.len(), 2);
        let again = serde_json::to_value(&list).unwrap();
        assert_eq!(
            again,
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn null_descriptions_of_other_clouds_are_read() {
        let text = r#"{"projects":[{"id":"p","name":"n","description":null,"domain_id":"default","enabled":true,"extra":1}]}"#;
        let list: ProjectList = serde_json::from_str(text).unwrap();
        assert_eq!(list.projects[0].description, "");
    }
}
