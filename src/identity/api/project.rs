//! `/v3/projects`, and the projects of a user.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, flag, needed, optional, unchanged};
use crate::api::{Body, Params, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Project, ProjectChange, ProjectNew, ProjectQuery};
use crate::identity::ops;
use crate::identity::wire::{
    Options, Project as WireProject, ProjectBody, ProjectList, ProjectRequest,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v3/projects", "identity:project:list", list)
        .post("/v3/projects", "identity:project:create", create)
        .get("/v3/projects/{id}", "identity:project:show", show)
        .patch("/v3/projects/{id}", "identity:project:update", update)
        .delete("/v3/projects/{id}", "identity:project:delete", delete)
        .get(
            "/v3/users/{id}/projects",
            "identity:user_project:list",
            list_of_user,
        )
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<ProjectList>> {
    let projects = ops::project_list(&cx, &query(&params)?).await?;
    Ok(Json(filtered(&projects, &links, &params)?))
}

async fn list_of_user(
    cx: Context,
    links: Links,
    params: Params,
    Path(id): Path<String>,
) -> Result<Json<ProjectList>> {
    let user = parse_id("user", &id)?;
    let projects = ops::project_list_of_user(&cx, user, query(&params)?).await?;
    Ok(Json(filtered(&projects, &links, &params)?))
}

fn query(params: &Params) -> Result<ProjectQuery> {
    Ok(ProjectQuery {
        domain_id: optional("domain", params.get("domain_id"))?,
        name: params.get("name").map(str::to_owned),
        enabled: flag(params, "enabled")?,
        ids: None,
    })
}

/// What is only known of the answer: the parent, which may be the domain; and no project acts as a domain.
fn filtered(projects: &[Project], links: &Links, params: &Params) -> Result<ProjectList> {
    let mut body = list_body(projects, links);
    if let Some(parent) = params.get("parent_id") {
        body.projects
            .retain(|project| project.parent_id.as_deref() == Some(parent));
    }
    if flag(params, "is_domain")? == Some(true) {
        body.projects.clear();
    }
    Ok(body)
}

async fn create(
    cx: Context,
    links: Links,
    Body(request): Body<ProjectRequest>,
) -> Result<(StatusCode, Json<ProjectBody>)> {
    let fields = request.project;
    refuse_domain(fields.is_domain)?;
    let new = ProjectNew {
        name: needed("project.name", fields.name)?,
        domain_id: optional("domain", fields.domain_id.as_deref())?,
        parent: fields.parent_id,
        description: fields.description.unwrap_or_default(),
        enabled: fields.enabled.unwrap_or(true),
        tags: fields.tags.unwrap_or_default(),
    };
    let project = ops::project_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&project, &links)))
}

async fn show(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<ProjectBody>> {
    let project = ops::project_show(&cx, parse_id("project", &id)?).await?;
    Ok(body(&project, &links))
}

async fn update(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(request): Body<ProjectRequest>,
) -> Result<Json<ProjectBody>> {
    let (id, fields) = (parse_id("project", &id)?, request.project);
    refuse_domain(fields.is_domain)?;
    let present = to_wire(&ops::project_show(&cx, id).await?, &links);
    unchanged(
        "project.domain_id",
        fields.domain_id.as_deref(),
        &present.domain_id,
    )?;
    unchanged(
        "project.parent_id",
        fields.parent_id.as_deref(),
        present.parent_id.as_deref().unwrap_or_default(),
    )?;
    let wanted = ProjectChange {
        name: fields.name,
        description: fields.description,
        enabled: fields.enabled,
        tags: fields.tags,
    };
    let project = ops::project_update(&cx, id, wanted).await?;
    Ok(body(&project, &links))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::project_delete(&cx, parse_id("project", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refuse_domain(is_domain: Option<bool>) -> Result<()> {
    if is_domain == Some(true) {
        return Err(Error::invalid(
            "project.is_domain",
            "projects do not act as domains; create a domain at /v3/domains",
        ));
    }
    Ok(())
}

pub(super) fn list_body(projects: &[Project], links: &Links) -> ProjectList {
    ProjectList {
        projects: projects
            .iter()
            .map(|project| to_wire(project, links))
            .collect(),
        links: links.list(),
    }
}

fn body(project: &Project, links: &Links) -> Json<ProjectBody> {
    Json(ProjectBody {
        project: to_wire(project, links),
    })
}

fn to_wire(project: &Project, links: &Links) -> WireProject {
    let domain_id = project.domain_id.to_string();
    let parent = project.parent_id.map(|id| id.to_string());
    WireProject {
        id: project.id.to_string(),
        name: project.name.clone(),
        parent_id: Some(parent.unwrap_or_else(|| domain_id.clone())),
        domain_id,
        description: project.description.clone(),
        enabled: project.enabled,
        is_domain: false,
        tags: project.tags.clone(),
        options: Options::default(),
        links: links.item("projects", project.id),
    }
}
