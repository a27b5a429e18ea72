//! `/v3/users`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, flag, needed, optional, unchanged};
use crate::api::wire::Secret;
use crate::api::{Body, Params, Routes, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{User, UserChange, UserNew, UserQuery};
use crate::identity::ops;
use crate::identity::wire::{
    Options, PasswordChangeRequest, User as WireUser, UserBody, UserList, UserRequest,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v3/users", "identity:user:list", list)
        .post("/v3/users", "identity:user:create", create)
        .get("/v3/users/{id}", "identity:user:show", show)
        .patch("/v3/users/{id}", "identity:user:update", update)
        .delete("/v3/users/{id}", "identity:user:delete", delete)
        .post(
            "/v3/users/{id}/password",
            "identity:user:password",
            password,
        )
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<UserList>> {
    let query = UserQuery {
        domain_id: optional("domain", params.get("domain_id"))?,
        name: params.get("name").map(str::to_owned),
        enabled: flag(&params, "enabled")?,
    };
    let users = ops::user_list(&cx, &query).await?;
    Ok(Json(list_body(&users, &links)))
}

async fn create(
    cx: Context,
    links: Links,
    Body(request): Body<UserRequest>,
) -> Result<(StatusCode, Json<UserBody>)> {
    let fields = request.user;
    let project = fields.default_project_id.flatten();
    let new = UserNew {
        name: needed("user.name", fields.name)?,
        domain_id: optional("domain", fields.domain_id.as_deref())?,
        password: fields.password.as_ref().map(expose),
        enabled: fields.enabled.unwrap_or(true),
        default_project_id: optional("project", project.as_deref())?,
        description: fields.description.flatten(),
        email: fields.email.flatten(),
    };
    let user = ops::user_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&user, &links)))
}

async fn show(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<UserBody>> {
    let user = ops::user_show(&cx, parse_id("user", &id)?).await?;
    Ok(body(&user, &links))
}

async fn update(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(request): Body<UserRequest>,
) -> Result<Json<UserBody>> {
    let (id, fields) = (parse_id("user", &id)?, request.user);
    let present = ops::user_show(&cx, id).await?;
    unchanged(
        "user.domain_id",
        fields.domain_id.as_deref(),
        &present.domain_id.to_string(),
    )?;
    let project = match &fields.default_project_id {
        Some(project) => Some(optional("project", project.as_deref())?),
        None => None,
    };
    let wanted = UserChange {
        name: fields.name,
        password: fields.password.as_ref().map(expose),
        enabled: fields.enabled,
        default_project_id: project,
        description: fields.description,
        email: fields.email,
    };
    let user = ops::user_update(&cx, id, wanted).await?;
    Ok(body(&user, &links))
}

async fn password(
    cx: Context,
    Path(id): Path<String>,
    Body(request): Body<PasswordChangeRequest>,
) -> Result<StatusCode> {
    let (old, new) = (&request.user.original_password, &request.user.password);
    ops::user_password_change(&cx, parse_id("user", &id)?, old.expose(), new.expose()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::user_delete(&cx, parse_id("user", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn expose(secret: &Secret) -> String {
    secret.expose().to_owned()
}

pub(super) fn list_body(users: &[User], links: &Links) -> UserList {
    UserList {
        users: users.iter().map(|user| to_wire(user, links)).collect(),
        links: links.list(),
    }
}

fn body(user: &User, links: &Links) -> Json<UserBody> {
    Json(UserBody {
        user: to_wire(user, links),
    })
}

fn to_wire(user: &User, links: &Links) -> WireUser {
    WireUser {
        id: user.id.to_string(),
        name: user.name.clone(),
        domain_id: user.domain_id.to_string(),
        enabled: user.enabled,
        default_project_id: user.default_project_id.map(|id| id.to_string()),
        description: user.description.clone(),
        email: user.email.clone(),
        password_expires_at: None,
        options: Options::default(),
        links: links.item("users", user.id),
    }
}
