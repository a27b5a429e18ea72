//! `/volumes/{id}/metadata`: free pairs.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Both;
use super::place::Place;
use crate::api::Body;
use crate::api::wire::Metadata;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::volume::ops::{VolumeChange, volume_metadata_unset, volume_show, volume_update};
use crate::volume::wire::VolumeMetadata;

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/volumes/{id}/metadata", "volume:volume:show", list)
        .post("/volumes/{id}/metadata", "volume:volume:update", add)
        .put("/volumes/{id}/metadata", "volume:volume:update", replace)
        .get("/volumes/{id}/metadata/{key}", "volume:volume:show", show)
        .put("/volumes/{id}/metadata/{key}", "volume:volume:update", set)
        .delete(
            "/volumes/{id}/metadata/{key}",
            "volume:volume:update",
            delete,
        )
}

async fn list(cx: Context, place: Place) -> Result<Json<VolumeMetadata>> {
    let volume = volume_show(&cx, place.id("volume")?).await?;
    Ok(Json(VolumeMetadata {
        metadata: volume.metadata,
    }))
}

async fn change(
    cx: &Context,
    place: &Place,
    metadata: Metadata,
    metadata_whole: bool,
) -> Result<Json<VolumeMetadata>> {
    let change = VolumeChange {
        metadata: Some(metadata),
        metadata_whole,
        ..VolumeChange::default()
    };
    let volume = volume_update(cx, place.id("volume")?, change).await?;
    Ok(Json(VolumeMetadata {
        metadata: volume.metadata,
    }))
}

async fn add(
    cx: Context,
    place: Place,
    Body(body): Body<VolumeMetadata>,
) -> Result<Json<VolumeMetadata>> {
    change(&cx, &place, body.metadata, false).await
}

async fn replace(
    cx: Context,
    place: Place,
    Body(body): Body<VolumeMetadata>,
) -> Result<Json<VolumeMetadata>> {
    change(&cx, &place, body.metadata, true).await
}

async fn show(cx: Context, place: Place) -> Result<Json<Value>> {
    let volume = volume_show(&cx, place.id("volume")?).await?;
    let key = place.text("key");
    let value = volume
        .metadata
        .get(key)
        .ok_or_else(|| Error::not_found("metadata item", key))?;
    Ok(Json(json!({"meta": {key: value}})))
}

/// `{"meta": {"key": "value"}}`, the key that of the path.
async fn set(cx: Context, place: Place, Body(body): Body<Value>) -> Result<Json<Value>> {
    let key = place.text("key").to_owned();
    let value = body["meta"][&key]
        .as_str()
        .ok_or_else(|| Error::invalid(format!("meta.{key}"), "is missing, or no text"))?
        .to_owned();
    let _ = change(&cx, &place, Metadata::from([(key, value)]), false).await?;
    Ok(Json(body))
}

async fn delete(cx: Context, place: Place) -> Result<StatusCode> {
    volume_metadata_unset(&cx, place.id("volume")?, place.text("key")).await?;
    Ok(StatusCode::OK)
}
