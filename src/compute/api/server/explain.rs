//! Why a server is where it is (`/skydeck/v1/servers/{id}/explanations`), what a launch would do
//! (`/skydeck/v1/plans/launch`), and where a server could be moved to (`/skydeck/v1/plans/migration`).

use axum::Json;
use axum::extract::Path;

use super::create::to_request;
use crate::api::wire::{
    Explanation, ExplanationList, FieldProblem, FilterVerdict, HostVerdict, LaunchPlan,
    LaunchPlanBody, MigrationPlanBody, MigrationPlanRequest, PlannedItem, PlannedUse, RefusedBy,
    Suggestion, Wanted, Weight,
};
use crate::api::{Body, Routes, parse_id};
use crate::compute::api::migration::forecast_to_wire;
use crate::compute::ops::{
    self, LiveMigrationWish, Outlook, PlanUse, decision_list, server_create_plan, server_show,
};
use crate::compute::scheduler::{self, Decision};
use crate::compute::wire::ServerCreateRequest;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{ServerId, Time};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get(
            "/servers/{id}/explanations",
            "compute:server:explain",
            explanations,
        )
        .post("/plans/launch", "compute:server:plan", plan)
        .post("/plans/migration", "compute:moves:plan", migration_plan)
}

async fn explanations(cx: Context, Path(id): Path<String>) -> Result<Json<ExplanationList>> {
    let id: ServerId = parse_id("server", &id)?;
    server_show(&cx, id).await?;
    let kept = decision_list(&cx, id).await?;
    Ok(Json(ExplanationList {
        explanations: kept
            .into_iter()
            .map(|record| Explanation {
                server_id: id.to_string(),
                at: record.at,
                operation_id: record.operation.map(|operation| operation.to_string()),
                ..to_wire(record.decision, 1)
            })
            .collect(),
    }))
}

async fn migration_plan(
    cx: Context,
    Body(request): Body<MigrationPlanRequest>,
) -> Result<Json<MigrationPlanBody>> {
    let id: ServerId = parse_id("server", &request.server_id)?;
    let wish = LiveMigrationWish {
        host: request.host,
        block: request.block_migration,
    };
    let plan = ops::server_migrate_plan(&cx, id, &wish).await?;
    let mut body = MigrationPlanBody {
        explanation: explanation(id, plan.decision),
        ..MigrationPlanBody::default()
    };
    match plan.outlook {
        Some(Outlook::Goes(forecast)) => body.forecast = Some(forecast_to_wire(forecast)),
        Some(Outlook::Refused(failure)) => {
            body.problems = std::iter::once(failure.message)
                .chain(failure.hint)
                .collect();
        }
        Some(Outlook::Unknown(why)) => body.unknown = Some(why),
        None => {}
    }
    Ok(Json(body))
}

async fn plan(cx: Context, Body(body): Body<ServerCreateRequest>) -> Result<Json<LaunchPlanBody>> {
    let request = to_request(body)?;
    let count = u64::from(request.count.1);
    let plan = server_create_plan(&cx, &request).await?;
    Ok(Json(LaunchPlanBody {
        plan: LaunchPlan {
            fits: plan.fits,
            makes: plan.makes.into_iter().map(item).collect(),
            quota: plan.quota.iter().map(used).collect(),
            host: plan.host,
            host_room: plan.host_room.iter().map(used).collect(),
            problems: plan
                .problems
                .into_iter()
                .map(|(field, message, hint)| FieldProblem {
                    field,
                    message,
                    hint,
                })
                .collect(),
            explanation: plan.decision.map(|decision| Explanation {
                at: Time::now(),
                ..to_wire(decision, count)
            }),
        },
    }))
}

fn item(item: ops::PlanItem) -> PlannedItem {
    PlannedItem {
        kind: item.kind.to_owned(),
        name: item.name,
        what: item.what,
        count: item.count,
    }
}

fn used(line: &PlanUse) -> PlannedUse {
    PlannedUse {
        resource: line.resource.to_owned(),
        unit: line.unit.to_owned(),
        limit: line.limit,
        used: line.used,
        adds: line.adds,
        left: line.left(),
    }
}

/// Why a server has a host, or has none, at this moment.
pub(in crate::compute::api) fn explanation(server: ServerId, decision: Decision) -> Explanation {
    Explanation {
        server_id: server.to_string(),
        at: Time::now(),
        ..to_wire(decision, 1)
    }
}

fn to_wire(decision: Decision, count: u64) -> Explanation {
    Explanation {
        server_id: String::new(),
        at: Time::default(),
        operation_id: None,
        wanted: Wanted {
            vcpus: decision.wanted.vcpus,
            memory_mb: decision.wanted.memory_mb,
            disk_gb: decision.wanted.disk_gb,
            availability_zone: decision.availability_zone,
            host: decision.host,
            count,
        },
        excluded: decision.excluded,
        considered: decision.considered,
        passed: decision.passed,
        refused: decision
            .refused
            .into_iter()
            .map(|by| RefusedBy {
                filter: by.filter,
                hosts: by.hosts,
            })
            .collect(),
        hosts: decision.hosts.into_iter().map(host).collect(),
        chosen: decision.chosen,
        alternates: decision.alternates,
        suggestion: decision.suggestion.map(|suggestion| Suggestion {
            message: suggestion.message,
            host: Some(suggestion.host),
            flavor: suggestion.flavor,
        }),
    }
}

#[expect(clippy::cast_precision_loss, reason = "amounts for people")]
fn host(verdict: scheduler::HostVerdict) -> HostVerdict {
    HostVerdict {
        host: verdict.host,
        passed: verdict.passed,
        filters: verdict
            .filters
            .into_iter()
            .map(|filter| FilterVerdict {
                filter: filter.filter,
                passed: filter.passed,
                reason: filter.reason,
                wanted: filter.wanted.map(|amount| amount as f64),
                available: filter.available.map(|amount| amount as f64),
                unit: filter.unit,
            })
            .collect(),
        weights: verdict
            .weights
            .into_iter()
            .map(|weight| Weight {
                weigher: weight.weigher,
                raw: weight.raw,
                normalized: weight.normalized,
                multiplier: weight.multiplier,
                score: weight.score,
            })
            .collect(),
        weight: verdict.weight,
        rank: verdict.rank,
    }
}
