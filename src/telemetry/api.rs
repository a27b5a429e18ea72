//! Routes of samples, below `/skydeck/v1`.

use axum::Json;
use axum::extract::Path;
use serde::Deserialize;

use super::meters::{host_key, server_key};
use super::ops;
use super::wire::{
    SampleBatch, SeriesBody, SeriesQuery, StatisticsBody, StatisticsQuery, TopBody, TopQuery,
};
use crate::api::skydeck::PREFIX;
use crate::api::wire::ErrorStyle;
use crate::api::{Query, Routes, parse_id};
use crate::compute;
use crate::context::Context;
use crate::error::Result;

/// Servers of a top list when the request does not say.
const TOP: u32 = 10;

/// All of them.
pub fn routes() -> Vec<Routes> {
    vec![
        Routes::new(PREFIX, ErrorStyle::Skydeck)
            .get("/samples/latest", "telemetry:sample:list", latest)
            .get("/servers/{id}/samples", "telemetry:sample:list", server)
            .get("/hosts/{name}/samples", "telemetry:host:show", host)
            .get("/statistics", "telemetry:sample:list", statistics)
            .get("/top", "telemetry:sample:list", top),
    ]
}

#[derive(Deserialize)]
struct Scope {
    #[serde(default)]
    all_projects: bool,
}

async fn latest(cx: Context, Query(scope): Query<Scope>) -> Result<Json<SampleBatch>> {
    Ok(Json(ops::latest(&cx, scope.all_projects).await?))
}

async fn server(
    cx: Context,
    Path(id): Path<String>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<SeriesBody>> {
    let id = parse_id("server", &id)?;
    // Found only if the caller may see it.
    compute::ops::server_show(&cx, id).await?;
    Ok(Json(SeriesBody {
        series: ops::series(&cx, &server_key(id), &query).await?,
    }))
}

async fn host(
    cx: Context,
    Path(name): Path<String>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<SeriesBody>> {
    Ok(Json(SeriesBody {
        series: ops::series(&cx, &host_key(&name), &query).await?,
    }))
}

async fn statistics(
    cx: Context,
    Query(query): Query<StatisticsQuery>,
) -> Result<Json<StatisticsBody>> {
    Ok(Json(ops::statistics(&cx, &query).await?))
}

async fn top(cx: Context, Query(query): Query<TopQuery>) -> Result<Json<TopBody>> {
    let count = usize::try_from(query.count.unwrap_or(TOP).clamp(1, 1000)).unwrap_or(10);
    Ok(Json(TopBody {
        meter: query.meter,
        top: ops::top(&cx, query.meter, count, query.all_projects).await?,
    }))
}
