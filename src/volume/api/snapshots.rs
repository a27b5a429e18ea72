//! `/snapshots`.

use axum::Json;
use axum::extract::RawQuery;
use axum::http::StatusCode;

use super::place::Place;
use super::{Both, write};
use crate::api::wire::parse_bool;
use crate::api::{Body, Params};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::volume::model::SnapshotQuery;
use crate::volume::ops::{
    NewSnapshot, snapshot_create, snapshot_delete, snapshot_list, snapshot_show, snapshot_update,
};
use crate::volume::wire::{
    VolumeMetadata, VolumeSnapshotBody, VolumeSnapshotCreateRequest, VolumeSnapshotList,
    VolumeSnapshotUpdateRequest,
};

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/snapshots", "volume:snapshot:list", list)
        .get("/snapshots/detail", "volume:snapshot:list", list)
        .post("/snapshots", "volume:snapshot:create", create)
        .get("/snapshots/{id}", "volume:snapshot:show", show)
        .put("/snapshots/{id}", "volume:snapshot:update", update)
        .delete("/snapshots/{id}", "volume:snapshot:delete", delete)
        .get("/snapshots/{id}/metadata", "volume:snapshot:show", metadata)
        .post(
            "/snapshots/{id}/metadata",
            "volume:snapshot:update",
            metadata_add,
        )
}

async fn list(
    cx: Context,
    place: Place,
    params: Params,
    RawQuery(raw): RawQuery,
) -> Result<Json<VolumeSnapshotList>> {
    let everywhere = params
        .get("all_tenants")
        .is_some_and(|text| parse_bool(text) != Some(false))
        && cx.actor.is_admin();
    let limit = params.parse("limit")?.unwrap_or(1000).min(1000);
    let status = params.get("status").map(|text| {
        text.parse()
            .map_err(|()| Error::invalid("status", format!("{text:?} is not known")))
    });
    let query = SnapshotQuery {
        project: if everywhere {
            params.parse("project_id")?
        } else {
            Some(cx.project()?.id)
        },
        name: params
            .get("name")
            .or_else(|| params.get("display_name"))
            .map(str::to_owned),
        status: status.transpose()?,
        volume: params.parse("volume_id")?,
        marker: params.parse("marker")?,
        limit,
    };
    let found = snapshot_list(&cx, query).await?;
    let full = found.len() == limit as usize && limit > 0;
    let links = found.last().filter(|_| full).map(|last| {
        let path = match place.text("project_id") {
            "" => "snapshots/detail".to_owned(),
            project => format!("{project}/snapshots/detail"),
        };
        place.next(&path, raw.as_deref(), last.id)
    });
    Ok(Json(VolumeSnapshotList {
        snapshots: found.iter().map(write::snapshot).collect(),
        snapshots_links: links.into_iter().collect(),
    }))
}

async fn create(
    cx: Context,
    _: Place,
    Body(body): Body<VolumeSnapshotCreateRequest>,
) -> Result<(StatusCode, Json<VolumeSnapshotBody>)> {
    let asked = body.snapshot;
    let volume = asked.volume_id.parse().map_err(|_| {
        Error::invalid(
            "snapshot.volume_id",
            format!("{:?} is no UUID", asked.volume_id),
        )
    })?;
    let new = NewSnapshot {
        name: asked.name.unwrap_or_default(),
        description: asked.description,
        metadata: asked.metadata,
    };
    let snapshot = snapshot_create(&cx, volume, new).await?;
    let body = VolumeSnapshotBody {
        snapshot: write::snapshot(&snapshot),
    };
    Ok((StatusCode::ACCEPTED, Json(body)))
}

async fn show(cx: Context, place: Place) -> Result<Json<VolumeSnapshotBody>> {
    let snapshot = snapshot_show(&cx, place.id("snapshot")?).await?;
    Ok(Json(VolumeSnapshotBody {
        snapshot: write::snapshot(&snapshot),
    }))
}

async fn update(
    cx: Context,
    place: Place,
    Body(body): Body<VolumeSnapshotUpdateRequest>,
) -> Result<Json<VolumeSnapshotBody>> {
    let fields = body.snapshot;
    let id = place.id("snapshot")?;
    let snapshot = snapshot_update(&cx, id, fields.name, fields.description, None).await?;
    Ok(Json(VolumeSnapshotBody {
        snapshot: write::snapshot(&snapshot),
    }))
}

async fn delete(cx: Context, place: Place) -> Result<StatusCode> {
    snapshot_delete(&cx, place.id("snapshot")?).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn metadata(cx: Context, place: Place) -> Result<Json<VolumeMetadata>> {
    let snapshot = snapshot_show(&cx, place.id("snapshot")?).await?;
    Ok(Json(VolumeMetadata {
        metadata: snapshot.metadata,
    }))
}

async fn metadata_add(
    cx: Context,
    place: Place,
    Body(body): Body<VolumeMetadata>,
) -> Result<Json<VolumeMetadata>> {
    let id = place.id("snapshot")?;
    let mut pairs = snapshot_show(&cx, id).await?.metadata;
    pairs.extend(body.metadata);
    let snapshot = snapshot_update(&cx, id, None, None, Some(pairs)).await?;
    Ok(Json(VolumeMetadata {
        metadata: snapshot.metadata,
    }))
}
