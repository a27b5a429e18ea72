//! `/skydeck/v1/moves`: hosts drained and filled again, and load spread or gathered; `/skydeck/v1/plans/moves` says what
//! that would do.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::server::explanation;
use crate::api::wire::{
    MovesPlan, MovesPlanBody, MovesRequest, MovesRun, MovesRunBody, MovesRunList, PlannedMove,
};
use crate::api::{Body, Routes, operation_status, parse_id};
use crate::compute::model::{Move, MoveState, MovesGoal};
use crate::compute::ops;
use crate::context::Context;
use crate::error::{Error, Result};

/// Moves at a time, if the caller does not say.
const AT_ONCE: u32 = 2;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .post("/plans/moves", "compute:moves:plan", plan)
        .get("/moves", "compute:moves:list", list)
        .post("/moves", "compute:moves:run", run)
        .get("/moves/{id}", "compute:moves:list", show)
        .post("/moves/{id}/pause", "compute:moves:run", pause)
        .post("/moves/{id}/resume", "compute:moves:run", resume)
        .post("/moves/{id}/retry", "compute:moves:run", retry)
        .post("/moves/{id}/roll_back", "compute:moves:run", roll_back)
}

fn goal(request: &MovesRequest) -> Result<MovesGoal> {
    let mut wishes = MovesGoal::WISHES.into_iter();
    wishes
        .find(|goal| goal.name() == request.goal)
        .ok_or_else(|| {
            let known = MovesGoal::WISHES.map(MovesGoal::name).join(", ");
            Error::invalid("goal", format!("{:?} is none of {known}", request.goal))
        })
}

async fn plan(cx: Context, Body(request): Body<MovesRequest>) -> Result<Json<MovesPlanBody>> {
    let found = ops::moves_plan(&cx, goal(&request)?, request.host.as_deref()).await?;
    let placed = |one: &Move| one.state.is_settled() || one.to.is_some();
    Ok(Json(MovesPlanBody {
        plan: MovesPlan {
            fits: found.refusals.is_empty() && found.moves.iter().all(placed),
            moves: found.moves.iter().map(to_wire).collect(),
            refusals: found
                .refusals
                .into_iter()
                .map(|(server, decision)| explanation(server, decision))
                .collect(),
        },
    }))
}

async fn run(
    cx: Context,
    Body(request): Body<MovesRequest>,
) -> Result<(StatusCode, Json<MovesRunBody>)> {
    let at_once = request.at_once.unwrap_or(AT_ONCE);
    let id = ops::moves_run(&cx, goal(&request)?, request.host.as_deref(), at_once).await?;
    answer(&cx, id).await
}

/// A run that has just begun.
async fn answer(
    cx: &Context,
    id: crate::ids::OperationId,
) -> Result<(StatusCode, Json<MovesRunBody>)> {
    let run = to_run(ops::moves_show(cx, id).await?);
    Ok((StatusCode::ACCEPTED, Json(MovesRunBody { run })))
}

async fn list(cx: Context) -> Result<Json<MovesRunList>> {
    let found = ops::moves_list(&cx).await?;
    Ok(Json(MovesRunList {
        runs: found.into_iter().map(to_run).collect(),
    }))
}

async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<MovesRunBody>> {
    let run = to_run(ops::moves_show(&cx, parse_id("run of moves", &id)?).await?);
    Ok(Json(MovesRunBody { run }))
}

async fn pause(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::moves_pause(&cx, parse_id("run of moves", &id)?, true).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn resume(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::moves_pause(&cx, parse_id("run of moves", &id)?, false).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn retry(cx: Context, Path(id): Path<String>) -> Result<(StatusCode, Json<MovesRunBody>)> {
    let id = ops::moves_retry(&cx, parse_id("run of moves", &id)?).await?;
    answer(&cx, id).await
}

async fn roll_back(
    cx: Context,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<MovesRunBody>)> {
    let id = ops::moves_roll_back(&cx, parse_id("run of moves", &id)?).await?;
    answer(&cx, id).await
}

fn to_wire(one: &Move) -> PlannedMove {
    let state = match one.state {
        MoveState::Waiting => "waiting",
        MoveState::Moving => "moving",
        MoveState::Moved => "moved",
        MoveState::Stays => "stays",
        MoveState::Failed => "failed",
    };
    PlannedMove {
        server_id: one.server.to_string(),
        name: one.name.clone(),
        from: one.from.clone(),
        to: one.to.clone(),
        state: state.to_owned(),
        operation_id: one.operation.map(|operation| operation.to_string()),
        reason: one.reason.clone(),
    }
}

fn to_run(found: ops::MovesRun) -> MovesRun {
    MovesRun {
        operation_id: found.operation.id.to_string(),
        status: operation_status(found.operation.status),
        goal: found.goal.name().to_owned(),
        host: found.host,
        paused: found.paused,
        moves: found.moves.iter().map(to_wire).collect(),
        created_at: found.operation.created_at,
        finished_at: found.operation.finished_at,
    }
}
