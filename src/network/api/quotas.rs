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

/// Names of the quotas in the settings.
const SETTINGS: [&str; Bounded::ALL.len()] =
    ["networks", "subnets", "ports", "routers", "floatingips"];

pub(super) async fn show(
    cx: Context,
    Path(project): Path<String>,
) -> Result<Json<NetworkQuotaBody<i64>>> {
    let parts = uses(&cx, &project).await?.map(|part| part.limit);
    Ok(Json(quota_of(parts)))
}

pub(super) async fn details(
    cx: Context,
    Path(project): Path<String>,
) -> Result<Json<NetworkQuotaBody<NetworkQuotaUse>>> {
    let parts = uses(&cx, &project).await?;
    Ok(Json(quota_of(parts)))
}

pub(super) async fn defaults(cx: Context, Path(_): Path<String>) -> Json<NetworkQuotaBody<i64>> {
    let parts = Bounded::ALL.map(|kind| cx.config.quota.get(kind.setting()).copied().unwrap_or(-1));
    Json(quota_of(parts))
}

pub(super) async fn set(
    cx: Context,
    Path(project): Path<String>,
    Body(NetworkQuotaRequest { quota }): Body<NetworkQuotaRequest>,
) -> Result<Json<NetworkQuotaBody<i64>>> {
    let wanted = [
        ("networks", quota.network),
        ("subnets", quota.subnet),
        ("ports", quota.port),
        ("routers", quota.router),
        ("floatingips", quota.floatingip),
    ];
    let limits: Vec<(&str, i64)> = wanted
        .into_iter()
        .filter_map(|(name, limit)| Some((name, limit?)))
        .collect();
    identity::ops::quota_set(&cx, parse_id("project", &project)?, &limits).await?;
    show(cx, Path(project)).await
}

pub(super) async fn reset(cx: Context, Path(project): Path<String>) -> Result<StatusCode> {
    identity::ops::quota_reset(&cx, parse_id("project", &project)?, &SETTINGS).await?;
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

/// In the order of [`Bounded::ALL`].
fn quota_of<T: Default>(parts: [T; Bounded::ALL.len()]) -> NetworkQuotaBody<T> {
    let [network, subnet, port, router, floatingip] = parts;
    NetworkQuotaBody {
        quota: NetworkQuota {
            network,
            subnet,
            port,
            router: Some(router),
            floatingip: Some(floatingip),
            ..NetworkQuota::default()
        },
    }
}
