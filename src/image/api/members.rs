//! `/v2/images/{id}/members`: projects that an image is shared with.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::{images, write};
use crate::api::{Body, Routes, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::image::ops::{member_add, member_list, member_remove, member_set, member_show};
use crate::image::wire::{ImageMember, ImageMemberAdd, ImageMemberList, ImageMemberSet};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2/images/{id}/members", "image:member:list", list)
        .post("/v2/images/{id}/members", "image:member:add", add)
        .get(
            "/v2/images/{id}/members/{member}",
            "image:member:list",
            show,
        )
        .put("/v2/images/{id}/members/{member}", "image:member:set", set)
        .delete(
            "/v2/images/{id}/members/{member}",
            "image:member:remove",
            remove,
        )
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<ImageMemberList>> {
    let found = member_list(&cx, parse_id("image", &id)?).await?;
    Ok(Json(ImageMemberList {
        members: found.iter().map(write::member).collect(),
        schema: "/v2/schemas/members".to_owned(),
    }))
}

async fn add(
    cx: Context,
    Path(id): Path<String>,
    Body(body): Body<ImageMemberAdd>,
) -> Result<Json<ImageMember>> {
    let project = images::project("member", &body.member)?;
    let member = member_add(&cx, parse_id("image", &id)?, project).await?;
    Ok(Json(write::member(&member)))
}

async fn show(
    cx: Context,
    Path((id, member)): Path<(String, String)>,
) -> Result<Json<ImageMember>> {
    let project = parse_id("member", &member)?;
    let member = member_show(&cx, parse_id("image", &id)?, project).await?;
    Ok(Json(write::member(&member)))
}

async fn set(
    cx: Context,
    Path((id, member)): Path<(String, String)>,
    Body(body): Body<ImageMemberSet>,
) -> Result<Json<ImageMember>> {
    let status = body.status.parse().map_err(|()| {
        Error::invalid(
            "status",
            format!("{:?} is none of pending, accepted, rejected", body.status),
        )
    })?;
    let project = parse_id("member", &member)?;
    let member = member_set(&cx, parse_id("image", &id)?, project, status).await?;
    Ok(Json(write::member(&member)))
}

async fn remove(cx: Context, Path((id, member)): Path<(String, String)>) -> Result<StatusCode> {
    let project = parse_id("member", &member)?;
    member_remove(&cx, parse_id("image", &id)?, project).await?;
    Ok(StatusCode::NO_CONTENT)
}
