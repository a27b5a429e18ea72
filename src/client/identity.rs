//! Tokens, catalog, domains, projects, users and roles.

use super::{Client, ListQuery, Result, Service};
use crate::api::wire::{SUBJECT_TOKEN_HEADER, Secret};
use crate::identity::wire::{
    CatalogService, Domain, DomainBody, DomainFields, DomainList, DomainRequest, Endpoint,
    EndpointList, PasswordChange, PasswordChangeRequest, Project, ProjectBody, ProjectFields,
    ProjectList, ProjectRequest, Region, RegionList, Role, RoleAssignment, RoleAssignmentList,
    RoleBody, RoleFields, RoleList, RoleRequest, Service as RegisteredService, ServiceList, Token,
    User, UserBody, UserFields, UserList, UserRequest,
};

const IDENTITY: Service = Service::Identity;

/// Where a role holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleTarget<'a> {
    /// On a project, by id.
    Project(&'a str),
    /// On a domain, by id.
    Domain(&'a str),
}

impl Client {
    /// A token, and what it says. The client's own is issued if it is still good.
    pub async fn token_issue(&self) -> Result<(Secret, Token)> {
        let session = self.session().await?;
        Ok((session.token(), session.info.clone()))
    }

    /// Makes a token worthless.
    pub async fn token_revoke(&self, token: &Secret) -> Result<()> {
        let call = self.delete(IDENTITY, &["auth", "tokens"]);
        let call = call.header(SUBJECT_TOKEN_HEADER, token.expose());
        call.accept().await.map(drop)
    }

    /// The services of the cloud and where they are.
    pub async fn catalog_list(&self) -> Result<Vec<CatalogService>> {
        Ok(self.session().await?.catalog.services().to_vec())
    }

    /// Projects the user has a role on: those one can change to.
    pub async fn own_project_list(&self) -> Result<Vec<Project>> {
        let call = self.get(IDENTITY, &["auth", "projects"]);
        Ok(call.parse::<ProjectList>().await?.projects)
    }

    /// Domains; filters `name`, `enabled`.
    pub async fn domain_list(&self, query: &ListQuery) -> Result<Vec<Domain>> {
        let call = self
            .get(IDENTITY, &["domains"])
            .query(query.filters.clone());
        Ok(call.parse::<DomainList>().await?.domains)
    }

    /// One domain.
    pub async fn domain_show(&self, id: &str) -> Result<Domain> {
        let call = self.get(IDENTITY, &["domains", id]);
        Ok(call.parse::<DomainBody>().await?.domain)
    }

    /// Makes a domain.
    pub async fn domain_create(&self, fields: DomainFields) -> Result<Domain> {
        let body = DomainRequest { domain: fields };
        let call = self.post(IDENTITY, &["domains"]).json(&body);
        Ok(call.parse::<DomainBody>().await?.domain)
    }

    /// Changes a domain.
    pub async fn domain_update(&self, id: &str, fields: DomainFields) -> Result<Domain> {
        let body = DomainRequest { domain: fields };
        let call = self.patch(IDENTITY, &["domains", id]).json(&body);
        Ok(call.parse::<DomainBody>().await?.domain)
    }

    /// Deletes a domain; it must be disabled.
    pub async fn domain_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(IDENTITY, &["domains", id]);
        call.accept().await.map(drop)
    }

    /// Projects; filters `name`, `domain_id`, `enabled`.
    pub async fn project_list(&self, query: &ListQuery) -> Result<Vec<Project>> {
        let call = self
            .get(IDENTITY, &["projects"])
            .query(query.filters.clone());
        Ok(call.parse::<ProjectList>().await?.projects)
    }

    /// One project.
    pub async fn project_show(&self, id: &str) -> Result<Project> {
        let call = self.get(IDENTITY, &["projects", id]);
        Ok(call.parse::<ProjectBody>().await?.project)
    }

    /// Makes a project.
    pub async fn project_create(&self, fields: ProjectFields) -> Result<Project> {
        let body = ProjectRequest { project: fields };
        let call = self.post(IDENTITY, &["projects"]).json(&body);
        Ok(call.parse::<ProjectBody>().await?.project)
    }

    /// Changes a project.
    pub async fn project_update(&self, id: &str, fields: ProjectFields) -> Result<Project> {
        let body = ProjectRequest { project: fields };
        let call = self.patch(IDENTITY, &["projects", id]).json(&body);
        Ok(call.parse::<ProjectBody>().await?.project)
    }

    /// Deletes a project.
    pub async fn project_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(IDENTITY, &["projects", id]);
        call.accept().await.map(drop)
    }

    /// Users; filters `name`, `domain_id`, `enabled`.
    pub async fn user_list(&self, query: &ListQuery) -> Result<Vec<User>> {
        let call = self.get(IDENTITY, &["users"]).query(query.filters.clone());
        Ok(call.parse::<UserList>().await?.users)
    }

    /// One user.
    pub async fn user_show(&self, id: &str) -> Result<User> {
        let call = self.get(IDENTITY, &["users", id]);
        Ok(call.parse::<UserBody>().await?.user)
    }

    /// Makes a user.
    pub async fn user_create(&self, fields: UserFields) -> Result<User> {
        let body = UserRequest { user: fields };
        let call = self.post(IDENTITY, &["users"]).json(&body);
        Ok(call.parse::<UserBody>().await?.user)
    }

    /// Changes a user, also the password.
    pub async fn user_update(&self, id: &str, fields: UserFields) -> Result<User> {
        let body = UserRequest { user: fields };
        let call = self.patch(IDENTITY, &["users", id]).json(&body);
        Ok(call.parse::<UserBody>().await?.user)
    }

    /// Changes one's own password.
    pub async fn user_password_set(&self, id: &str, old: Secret, new: Secret) -> Result<()> {
        let user = PasswordChange {
            password: new,
            original_password: old,
        };
        let call = self.post(IDENTITY, &["users", id, "password"]);
        let call = call.json(&PasswordChangeRequest { user });
        call.accept().await.map(drop)
    }

    /// Deletes a user.
    pub async fn user_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(IDENTITY, &["users", id]);
        call.accept().await.map(drop)
    }

    /// Roles; filters `name`, `domain_id`.
    pub async fn role_list(&self, query: &ListQuery) -> Result<Vec<Role>> {
        let call = self.get(IDENTITY, &["roles"]).query(query.filters.clone());
        Ok(call.parse::<RoleList>().await?.roles)
    }

    /// One role.
    pub async fn role_show(&self, id: &str) -> Result<Role> {
        let call = self.get(IDENTITY, &["roles", id]);
        Ok(call.parse::<RoleBody>().await?.role)
    }

    /// Makes a role.
    pub async fn role_create(&self, fields: RoleFields) -> Result<Role> {
        let call = self.post(IDENTITY, &["roles"]);
        let answer = call.json(&RoleRequest { role: fields }).parse::<RoleBody>();
        Ok(answer.await?.role)
    }

    /// Changes a role.
    pub async fn role_update(&self, id: &str, fields: RoleFields) -> Result<Role> {
        let call = self.patch(IDENTITY, &["roles", id]);
        let answer = call.json(&RoleRequest { role: fields }).parse::<RoleBody>();
        Ok(answer.await?.role)
    }

    /// Deletes a role.
    pub async fn role_delete(&self, id: &str) -> Result<()> {
        let call = self.delete(IDENTITY, &["roles", id]);
        call.accept().await.map(drop)
    }

    /// Gives a user a role.
    pub async fn role_add(&self, target: RoleTarget<'_>, user: &str, role: &str) -> Result<()> {
        let call = self.put(IDENTITY, &role_path(target, user, role));
        call.accept().await.map(drop)
    }

    /// Takes a role from a user.
    pub async fn role_remove(&self, target: RoleTarget<'_>, user: &str, role: &str) -> Result<()> {
        let call = self.delete(IDENTITY, &role_path(target, user, role));
        call.accept().await.map(drop)
    }

    /// Who has which role where, with names; filters `user.id`, `role.id`, `scope.project.id`, `scope.domain.id`.
    pub async fn role_assignment_list(&self, query: &ListQuery) -> Result<Vec<RoleAssignment>> {
        let call = self.get(IDENTITY, &["role_assignments"]);
        let call = call
            .query(query.filters.clone())
            .query([("include_names", "true")]);
        Ok(call.parse::<RoleAssignmentList>().await?.role_assignments)
    }

    /// Services that are registered.
    pub async fn service_list(&self) -> Result<Vec<RegisteredService>> {
        let call = self.get(IDENTITY, &["services"]);
        Ok(call.parse::<ServiceList>().await?.services)
    }

    /// Their addresses.
    pub async fn endpoint_list(&self) -> Result<Vec<Endpoint>> {
        let call = self.get(IDENTITY, &["endpoints"]);
        Ok(call.parse::<EndpointList>().await?.endpoints)
    }

    /// Regions.
    pub async fn region_list(&self) -> Result<Vec<Region>> {
        let call = self.get(IDENTITY, &["regions"]);
        Ok(call.parse::<RegionList>().await?.regions)
    }
}

fn role_path<'a>(target: RoleTarget<'a>, user: &'a str, role: &'a str) -> [&'a str; 6] {
    let (plural, id) = match target {
        RoleTarget::Project(id) => ("projects", id),
        RoleTarget::Domain(id) => ("domains", id),
    };
    [plural, id, "users", user, "roles", role]
}
