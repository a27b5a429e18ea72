//! `/os-simple-tenant-usage`: what projects had in a period.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::list::read_time;
use crate::api::{Params, Routes, parse_id};
use crate::compute::ops::{ServerUsage, server_usage};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, Time};

/// Seconds of the period that is meant if none is said: four weeks.
const FOUR_WEEKS: i64 = 28 * 86_400;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-simple-tenant-usage", "compute:usage:list", list)
        .get(
            "/v2.1/os-simple-tenant-usage/{project}",
            "compute:usage:show",
            show,
        )
}

struct Period {
    start: Time,
    end: Time,
}

fn period(params: &Params) -> Result<Period> {
    let of = |name: &str| {
        params
            .get(name)
            .map(|text| {
                read_time(text).ok_or_else(|| Error::invalid(name, format!("{text:?} is no time")))
            })
            .transpose()
    };
    let end = of("end")?.unwrap_or_else(Time::now);
    let start = of("start")?.unwrap_or_else(|| end.plus_seconds(-FOUR_WEEKS));
    if start > end {
        return Err(Error::invalid("start", "it is later than the end"));
    }
    Ok(Period { start, end })
}

async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let period = period(&params)?;
    let detailed = params.get("detailed") == Some("1");
    let servers = server_usage(&cx, None, period.start, period.end).await?;
    let mut by_project: BTreeMap<ProjectId, Vec<ServerUsage>> = BTreeMap::new();
    for server in servers {
        by_project.entry(server.project).or_default().push(server);
    }
    let usages: Vec<Value> = by_project
        .iter()
        .map(|(project, servers)| usage(*project, &period, servers, detailed))
        .collect();
    Ok(Json(json!({"tenant_usages": usages})))
}

async fn show(cx: Context, params: Params, Path(project): Path<String>) -> Result<Json<Value>> {
    let project: ProjectId = parse_id("project", &project)?;
    cx.check_owner(project, "project", project)?;
    let period = period(&params)?;
    let servers = server_usage(&cx, Some(project), period.start, period.end).await?;
    let answer = if servers.is_empty() {
        json!({})
    } else {
        usage(project, &period, &servers, true)
    };
    Ok(Json(json!({"tenant_usage": answer})))
}

#[expect(clippy::cast_precision_loss, reason = "sums for people")]
fn usage(project: ProjectId, period: &Period, servers: &[ServerUsage], detailed: bool) -> Value {
    let sum = |of: fn(&ServerUsage) -> u64| -> f64 {
        servers
            .iter()
            .map(|server| server.hours * of(server) as f64)
            .sum()
    };
    let mut answer = json!({
        "tenant_id": project,
        "start": period.start.to_micros_text(),
        "stop": period.end.to_micros_text(),
        "total_hours": sum(|_| 1),
        "total_vcpus_usage": sum(|server| server.flavor.vcpus.into()),
        "total_memory_mb_usage": sum(|server| server.flavor.memory_mb),
        "total_local_gb_usage": sum(|server| server.flavor.disk_gb),
    });
    if detailed {
        answer["server_usages"] = servers.iter().map(one).collect();
    }
    answer
}

fn one(server: &ServerUsage) -> Value {
    let end = server.ended.unwrap_or_else(Time::now);
    json!({
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project,
        "flavor": server.flavor.name,
        "vcpus": server.flavor.vcpus,
        "memory_mb": server.flavor.memory_mb,
        "local_gb": server.flavor.disk_gb,
        "hours": server.hours,
        "state": server.status.name().to_lowercase(),
        "started_at": server.started.to_micros_text(),
        "ended_at": server.ended.map(Time::to_micros_text),
        "uptime": (end.0 - server.started.0).max(0) / 1_000_000,
    })
}
