//! `GET /limits`: bounds of a project, and what is used of them.

use std::collections::BTreeMap;

use axum::Json;

use crate::api::{Params, Routes, Version};
use crate::compute::ops::project_used;
use crate::compute::wire::microversion::limits_at;
use crate::compute::wire::{AbsoluteLimits, Limits, LimitsBody};
use crate::context::Context;
use crate::error::Result;
use crate::identity::ops::quota_limits;
use crate::ids::ProjectId;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v2.1/limits", "compute:limits:show", show)
}

async fn show(cx: Context, Version(version): Version, params: Params) -> Result<Json<LimitsBody>> {
    let asked: Option<ProjectId> = params.parse("tenant_id")?;
    let project = match asked {
        Some(project) => project,
        None => cx.project()?.id,
    };
    let bounds: BTreeMap<String, i64> = quota_limits(&cx, project).await?;
    let bound = |name: &str| bounds.get(name).copied().unwrap_or(-1);
    let used = project_used(&cx, project).await?;
    let absolute = AbsoluteLimits {
        max_total_instances: bound("instances"),
        total_instances_used: used.instances,
        max_total_cores: bound("cores"),
        total_cores_used: used.cores,
        max_total_ram_size: bound("ram"),
        total_ram_used: used.ram,
        max_total_keypairs: bound("key_pairs"),
        max_server_meta: bound("metadata_items"),
        max_image_meta: Some(bound("metadata_items")),
        max_server_groups: bound("server_groups"),
        max_server_group_members: bound("server_group_members"),
        ..AbsoluteLimits::default()
    };
    Ok(Json(LimitsBody {
        limits: Limits {
            rate: Vec::new(),
            absolute: limits_at(absolute, version),
        },
    }))
}
