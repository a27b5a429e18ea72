//! `/network/v2.0/quotas`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::{Body, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::identity;
use crate::ids::ProjectId;
use crate::network::ops::{self, Bounded};
use crate::network::wire::{NetworkQuota, NetworkQuotaBody, NetworkQuotaRequest, NetworkQuotaUse};

/// Bounds, or bounds with use, in the order of [`Bounded::ALL`].
fn quota<T>(parts: [T; Bounded::ALL.len()]) -> NetworkQuota<T> {
    let [
        network,
        subnet,
        port,
        group,
        rule,
        policy,
        router,
        floatingip,
    ] = parts;
    NetworkQuota {
        network,
        subnet,
        port,
        router: Some(router),
        floatingip: Some(floatingip),
        security_group: Some(group),
        security_group_rule: Some(rule),
        subnetpool: None,
        rbac_policy: Some(policy),
    }
}

pub(super) async fn show(
    cx: Context,
    Path(project): Path<String>,
) -> Result<Json<NetworkQuotaBody<i64>>> {
    let limits = uses(&cx, &project).await?.map(|part| part.limit);
    Ok(Json(NetworkQuotaBody {
        quota: quota(limits),
    }))
}

pub(super) async fn details(
    cx: Context,
    Path(project): Path<String>,
) -> Result<Json<NetworkQuotaBody<NetworkQuotaUse>>> {
    Ok(Json(NetworkQuotaBody {
        quota: quota(uses(&cx, &project).await?),
    }))
}

pub(super) async fn defaults(cx: Context, Path(_): Path<String>) -> Json<NetworkQuotaBody<i64>> {
    let limits =
        Bounded::ALL.map(|kind| cx.config.quota.get(kind.setting()).copied().unwrap_or(-1));
    Json(NetworkQuotaBody {
        quota: quota(limits),
    })
}

pub(super) async fn set(
    cx: Context,
    Path(project): Path<String>,
    Body(NetworkQuotaRequest { quota }): Body<NetworkQuotaRequest>,
) -> Result<Json<NetworkQuotaBody<i64>>> {
    let wanted = [
        quota.network,
        quota.subnet,
        quota.port,
        quota.security_group,
        quota.security_group_rule,
        quota.rbac_policy,
        quota.router,
        quota.floatingip,
    ];
    let limits: Vec<(&str, i64)> = Bounded::ALL
        .into_iter()
        .zip(wanted)
        .filter_map(|(kind, limit)| Some((kind.setting(), limit?)))
        .collect();
    identity::ops::quota_set(&cx, parse_id("project", &project)?, &limits).await?;
    show(cx, Path(project)).await
}

pub(super) async fn reset(cx: Context, Path(project): Path<String>) -> Result<StatusCode> {
    let settings = Bounded::ALL.map(Bounded::setting);
    identity::ops::quota_reset(&cx, parse_id("project", &project)?, &settings).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn uses(cx: &Context, project: &str) -> Result<[NetworkQuotaUse; Bounded::ALL.len()]> {
    let project: ProjectId = parse_id("project", project)?;
    cx.check_owner(project, "project", project)?;
    let uses = ops::network_quota(cx, project).await?;
    Ok(uses.map(|part| NetworkQuotaUse {
        limit: part.limit,
        used: part.used,
        reserved: 0,
    }))
}
