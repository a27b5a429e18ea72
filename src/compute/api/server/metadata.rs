//! `/servers/{id}/metadata`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::Metadata;
use crate::api::{Body, Routes, parse_id};
use crate::compute::ops::{
    server_metadata_delete, server_metadata_replace, server_metadata_show, server_metadata_update,
};
use crate::compute::wire::{MetaBody, MetadataBody};
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    const ALL: &str = "/v2.1/servers/{id}/metadata";
    const ONE: &str = "/v2.1/servers/{id}/metadata/{key}";
    routes
        .get(ALL, "compute:server:show", show)
        .post(ALL, "compute:server:update", update)
        .put(ALL, "compute:server:update", replace)
        .get(ONE, "compute:server:show", show_one)
        .put(ONE, "compute:server:update", set_one)
        .delete(ONE, "compute:server:update", delete_one)
}

fn body(metadata: Metadata) -> Json<MetadataBody> {
    Json(MetadataBody { metadata })
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<MetadataBody>> {
    Ok(body(
        server_metadata_show(&cx, parse_id("server", &id)?).await?,
    ))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(MetadataBody { metadata }): Body<MetadataBody>,
) -> Result<Json<MetadataBody>> {
    Ok(body(
        server_metadata_update(&cx, parse_id("server", &id)?, metadata).await?,
    ))
}

async fn replace(
    cx: Context,
    Path(id): Path<String>,
    Body(MetadataBody { metadata }): Body<MetadataBody>,
) -> Result<Json<MetadataBody>> {
    Ok(body(
        server_metadata_replace(&cx, parse_id("server", &id)?, metadata).await?,
    ))
}

async fn show_one(cx: Context, Path((id, key)): Path<(String, String)>) -> Result<Json<MetaBody>> {
    let all = server_metadata_show(&cx, parse_id("server", &id)?).await?;
    one(all, key)
}

async fn set_one(
    cx: Context,
    Path((id, key)): Path<(String, String)>,
    Body(MetaBody { meta }): Body<MetaBody>,
) -> Result<Json<MetaBody>> {
    if meta.len() != 1 || !meta.contains_key(&key) {
        return Err(Error::invalid(
            "meta",
            format!("one pair is expected, and its key is that of the address: {key}"),
        ));
    }
    let all = server_metadata_update(&cx, parse_id("server", &id)?, meta).await?;
    one(all, key)
}

fn one(mut all: Metadata, key: String) -> Result<Json<MetaBody>> {
    let value = all
        .remove(&key)
        .ok_or_else(|| Error::not_found("metadata item", &key))?;
    Ok(Json(MetaBody {
        meta: Metadata::from([(key, value)]),
    }))
}

async fn delete_one(cx: Context, Path((id, key)): Path<(String, String)>) -> Result<StatusCode> {
    server_metadata_delete(&cx, parse_id("server", &id)?, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
