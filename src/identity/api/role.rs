//! `/v3/roles`, and which of them imply which.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::{Links, needed};
use crate::api::{Body, Params, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Role, RoleChange, RoleGraph, RoleNew};
use crate::identity::ops;
use crate::identity::wire::{
    Inference, InferenceBody, InferenceList, InferenceRole, Inferences, InferencesBody, Options,
    Role as WireRole, RoleBody, RoleList, RoleRequest,
};
use crate::ids::RoleId;

pub(super) fn routes(routes: Routes) -> Routes {
    let implied = "/v3/roles/{prior}/implies/{implied}";
    routes
        .get("/v3/roles", "identity:role:list", list)
        .post("/v3/roles", "identity:role:create", create)
        .get("/v3/roles/{id}", "identity:role:show", show)
        .patch("/v3/roles/{id}", "identity:role:update", update)
        .delete("/v3/roles/{id}", "identity:role:delete", delete)
        .get(
            "/v3/roles/{id}/implies",
            "identity:implied_role:list",
            implied_list,
        )
        .put(implied, "identity:implied_role:create", implied_add)
        .get(implied, "identity:implied_role:show", implied_show)
        .delete(implied, "identity:implied_role:delete", implied_remove)
        .get(
            "/v3/role_inferences",
            "identity:implied_role:list",
            inferences,
        )
}

async fn list(cx: Context, links: Links, params: Params) -> Result<Json<RoleList>> {
    let mut roles = ops::role_list(&cx).await?;
    roles.retain(|role| params.get("name").is_none_or(|name| name == role.name));
    // Roles of a domain's own are not served: none has one.
    if params.get("domain_id").is_some() {
        roles.clear();
    }
    Ok(Json(list_body(&roles, &links)))
}

async fn create(
    cx: Context,
    links: Links,
    Body(request): Body<RoleRequest>,
) -> Result<(StatusCode, Json<RoleBody>)> {
    let fields = request.role;
    if fields.domain_id.is_some() {
        return Err(Error::invalid(
            "role.domain_id",
            "roles are for all domains; leave it out",
        ));
    }
    let new = RoleNew {
        name: needed("role.name", fields.name)?,
        description: fields.description.flatten(),
    };
    let role = ops::role_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&role, &links)))
}

async fn show(cx: Context, links: Links, Path(id): Path<String>) -> Result<Json<RoleBody>> {
    let role = ops::role_show(&cx, parse_id("role", &id)?).await?;
    Ok(body(&role, &links))
}

async fn update(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
    Body(request): Body<RoleRequest>,
) -> Result<Json<RoleBody>> {
    let wanted = RoleChange {
        name: request.role.name,
        description: request.role.description,
    };
    let role = ops::role_update(&cx, parse_id("role", &id)?, wanted).await?;
    Ok(body(&role, &links))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::role_delete(&cx, parse_id("role", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn implied_list(
    cx: Context,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<InferencesBody>> {
    let role = ops::role_show(&cx, parse_id("role", &id)?).await?;
    let graph = ops::role_graph(&cx).await?;
    Ok(Json(InferencesBody {
        role_inference: implied_by(&graph, &role, &links),
        links: links.list(),
    }))
}

async fn inferences(cx: Context, links: Links) -> Result<Json<InferenceList>> {
    let graph = ops::role_graph(&cx).await?;
    let role_inferences = graph
        .roles
        .values()
        .map(|role| implied_by(&graph, role, &links))
        .filter(|found| !found.implies.is_empty());
    Ok(Json(InferenceList {
        role_inferences: role_inferences.collect(),
        links: links.list(),
    }))
}

async fn implied_add(
    cx: Context,
    links: Links,
    Path(pair): Path<(String, String)>,
) -> Result<(StatusCode, Json<InferenceBody>)> {
    let (prior, implied) = ids(&pair)?;
    ops::role_implied_add(&cx, prior, implied).await?;
    let body = inference(&cx, &links, prior, implied).await?;
    Ok((StatusCode::CREATED, body))
}

async fn implied_show(
    cx: Context,
    links: Links,
    Path(pair): Path<(String, String)>,
) -> Result<Json<InferenceBody>> {
    let (prior, implied) = ids(&pair)?;
    inference(&cx, &links, prior, implied).await
}

async fn implied_remove(cx: Context, Path(pair): Path<(String, String)>) -> Result<StatusCode> {
    let (prior, implied) = ids(&pair)?;
    ops::role_implied_remove(&cx, prior, implied).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn inference(
    cx: &Context,
    links: &Links,
    prior: RoleId,
    implied: RoleId,
) -> Result<Json<InferenceBody>> {
    let (prior, implied) = ops::role_implied_check(cx, prior, implied).await?;
    Ok(Json(InferenceBody {
        role_inference: Inference {
            prior_role: side(&prior, links),
            implies: side(&implied, links),
        },
    }))
}

fn ids((prior, implied): &(String, String)) -> Result<(RoleId, RoleId)> {
    Ok((parse_id("role", prior)?, parse_id("role", implied)?))
}

fn implied_by(graph: &RoleGraph, role: &Role, links: &Links) -> Inferences {
    let implied = graph.implied.get(&role.id).into_iter().flatten();
    Inferences {
        prior_role: side(role, links),
        implies: implied
            .filter_map(|id| graph.roles.get(id))
            .map(|role| side(role, links))
            .collect(),
    }
}

fn side(role: &Role, links: &Links) -> InferenceRole {
    InferenceRole {
        id: role.id.to_string(),
        name: role.name.clone(),
        description: role.description.clone(),
        links: links.item("roles", role.id),
    }
}

pub(super) fn list_body(roles: &[Role], links: &Links) -> RoleList {
    RoleList {
        roles: roles.iter().map(|role| to_wire(role, links)).collect(),
        links: links.list(),
    }
}

fn body(role: &Role, links: &Links) -> Json<RoleBody> {
    Json(RoleBody {
        role: to_wire(role, links),
    })
}

fn to_wire(role: &Role, links: &Links) -> WireRole {
    WireRole {
        id: role.id.to_string(),
        name: role.name.clone(),
        domain_id: None,
        description: role.description.clone(),
        options: Options {
            immutable: role.is_built_in().then_some(true),
        },
        links: links.item("roles", role.id),
    }
}
