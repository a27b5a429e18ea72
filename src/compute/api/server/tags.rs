//! `/servers/{id}/tags`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::{Body, Routes, parse_id};
use crate::compute::ops::{server_tag_add, server_tag_list, server_tag_remove, server_tag_replace};
use crate::compute::wire::ServerTags;
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v2.1/servers/{id}/tags";
    const ONE: &str = "/v2.1/servers/{id}/tags/{tag}";
    routes
        .get(ALL, "compute:server:show", list)
        .put(ALL, "compute:server:update", replace)
        .delete(ALL, "compute:server:update", clear)
        .get(ONE, "compute:server:show", check)
        .put(ONE, "compute:server:update", add)
        .delete(ONE, "compute:server:update", remove)
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<ServerTags>> {
    let tags = server_tag_list(&cx, parse_id("server", &id)?).await?;
    Ok(Json(ServerTags { tags }))
}

async fn replace(
    cx: Context,
    Path(id): Path<String>,
    Body(ServerTags { tags }): Body<ServerTags>,
) -> Result<Json<ServerTags>> {
    let tags = server_tag_replace(&cx, parse_id("server", &id)?, tags).await?;
    Ok(Json(ServerTags { tags }))
}

async fn clear(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    server_tag_remove(&cx, parse_id("server", &id)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(cx: Context, Path((id, tag)): Path<(String, String)>) -> Result<StatusCode> {
    let tags = server_tag_list(&cx, parse_id("server", &id)?).await?;
    if tags.contains(&tag) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("tag", tag))
    }
}

async fn add(cx: Context, Path((id, tag)): Path<(String, String)>) -> Result<StatusCode> {
    let added = server_tag_add(&cx, parse_id("server", &id)?, &tag).await?;
    Ok(if added {
        StatusCode::CREATED
    } else {
        StatusCode::NO_CONTENT
    })
}

async fn remove(cx: Context, Path((id, tag)): Path<(String, String)>) -> Result<StatusCode> {
    server_tag_remove(&cx, parse_id("server", &id)?, Some(&tag)).await?;
    Ok(StatusCode::NO_CONTENT)
}
