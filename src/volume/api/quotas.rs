//! `/os-quota-sets/{project}` and `/limits`.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Both;
use super::place::Place;
use crate::api::wire::parse_bool;
use crate::api::{Body, Params};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::ops::{quota_defaults, quota_limits, quota_reset, quota_set};
use crate::ids::ProjectId;
use crate::volume::model::Usage;
use crate::volume::ops::quota_usage;
use crate::volume::wire::{
    VolumeAbsoluteLimits, VolumeLimits, VolumeLimitsBody, VolumeQuota, VolumeQuotaBody,
    VolumeQuotaRequest, VolumeQuotaUse,
};

/// The quotas that are about volumes.
const RESOURCES: [&str; 4] = ["volumes", "snapshots", "gigabytes", "per_volume_gigabytes"];

pub(super) fn routes(routes: Both) -> Both {
    routes
        .get("/os-quota-sets/{project}", "volume:quota:show", show)
        .get(
            "/os-quota-sets/{project}/defaults",
            "volume:quota:show",
            defaults,
        )
        .put("/os-quota-sets/{project}", "volume:quota:set", set)
        .delete("/os-quota-sets/{project}", "volume:quota:set", reset)
        .get(
            "/os-quota-class-sets/{class}",
            "volume:quota:set",
            class_show,
        )
        .get("/limits", "volume:limit:show", limits)
}

fn project(place: &Place) -> Result<ProjectId> {
    let text = place.text("project");
    text.parse().map_err(|_| Error::not_found("project", text))
}

fn bounds(id: &str, limits: &BTreeMap<String, i64>) -> VolumeQuota<i64> {
    let bound = |name: &str| limits.get(name).copied().unwrap_or(-1);
    VolumeQuota {
        id: id.to_owned(),
        volumes: bound("volumes"),
        snapshots: bound("snapshots"),
        gigabytes: bound("gigabytes"),
        per_volume_gigabytes: bound("per_volume_gigabytes"),
        // What there is none of.
        backups: 0,
        backup_gigabytes: 0,
        groups: 0,
    }
}

fn used(bounds: &VolumeQuota<i64>, usage: Usage) -> VolumeQuota<VolumeQuotaUse> {
    let of = |limit: i64, in_use: i64| VolumeQuotaUse {
        limit,
        in_use,
        ..VolumeQuotaUse::default()
    };
    VolumeQuota {
        id: bounds.id.clone(),
        volumes: of(bounds.volumes, usage.volumes),
        snapshots: of(bounds.snapshots, usage.snapshots),
        gigabytes: of(bounds.gigabytes, usage.gigabytes),
        per_volume_gigabytes: of(bounds.per_volume_gigabytes, 0),
        backups: of(0, 0),
        backup_gigabytes: of(0, 0),
        groups: of(0, 0),
    }
}

async fn show(cx: Context, place: Place, params: Params) -> Result<Response> {
    let project = project(&place)?;
    let limits = quota_limits(&cx, project).await?;
    let quota_set = bounds(place.text("project"), &limits);
    if params.get("usage").and_then(parse_bool) == Some(true) {
        let usage = quota_usage(&cx, project).await?;
        let quota_set = used(&quota_set, usage);
        return Ok(Json(VolumeQuotaBody { quota_set }).into_response());
    }
    Ok(Json(VolumeQuotaBody { quota_set }).into_response())
}

async fn defaults(cx: Context, place: Place) -> Json<VolumeQuotaBody<i64>> {
    Json(VolumeQuotaBody {
        quota_set: bounds(place.text("project"), &quota_defaults(&cx)),
    })
}

/// The defaults, whatever class is named; they are settings.
async fn class_show(cx: Context, place: Place) -> Json<Value> {
    let quota = bounds(place.text("class"), &quota_defaults(&cx));
    Json(json!({"quota_class_set": quota}))
}

async fn set(
    cx: Context,
    place: Place,
    Body(body): Body<VolumeQuotaRequest>,
) -> Result<Json<VolumeQuotaBody<i64>>> {
    let project = project(&place)?;
    let fields = body.quota_set;
    // Cinder's client names the project once more.
    if let Some(name) = fields.other.keys().find(|name| *name != "tenant_id") {
        return Err(Error::invalid(
            format!("quota_set.{name}"),
            format!("Additional properties are not allowed ('{name}' was unexpected)"),
        ));
    }
    let wanted: Vec<(&str, i64)> = [
        ("volumes", fields.volumes),
        ("snapshots", fields.snapshots),
        ("gigabytes", fields.gigabytes),
        ("per_volume_gigabytes", fields.per_volume_gigabytes),
    ]
    .into_iter()
    .filter_map(|(name, bound)| Some((name, bound?)))
    .collect();
    quota_set(&cx, project, &wanted).await?;
    let limits = quota_limits(&cx, project).await?;
    Ok(Json(VolumeQuotaBody {
        quota_set: bounds(place.text("project"), &limits),
    }))
}

async fn reset(cx: Context, place: Place) -> Result<StatusCode> {
    quota_reset(&cx, project(&place)?, &RESOURCES).await?;
    Ok(StatusCode::OK)
}

async fn limits(cx: Context, _: Place, params: Params) -> Result<Json<VolumeLimitsBody>> {
    let asked: Option<ProjectId> = params.parse("tenant_id")?;
    let project = match asked {
        Some(project) if cx.actor.is_admin() => project,
        _ => cx.project()?.id,
    };
    let quota = bounds("", &quota_limits(&cx, project).await?);
    let usage = quota_usage(&cx, project).await?;
    Ok(Json(VolumeLimitsBody {
        limits: VolumeLimits {
            rate: Vec::new(),
            absolute: VolumeAbsoluteLimits {
                max_total_volumes: quota.volumes,
                total_volumes_used: usage.volumes,
                max_total_volume_gigabytes: quota.gigabytes,
                total_gigabytes_used: usage.gigabytes,
                max_total_snapshots: quota.snapshots,
                total_snapshots_used: usage.snapshots,
                ..VolumeAbsoluteLimits::default()
            },
        },
    }))
}
