//! `/skydeck/v1/operations`: what is going on, what went wrong, and what may be done about it.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::{
    Operation as WireOperation, OperationBody, OperationError, OperationList, OperationStatus,
    OperationStep, OperationVerb, Progress, ResourceRef, StepStatus,
};
use crate::api::{Params, parse_id};
use crate::context::Context;
use crate::error::Result;
use crate::ids::OperationId;
use crate::saga::{self, Operation, OperationEvent, OperationQuery, Status};

/// Entries of a page when the request does not say.
const PAGE: u32 = 100;

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<OperationList>> {
    let limit = params.parse::<u32>("limit")?.unwrap_or(PAGE).clamp(1, 1000);
    let own = if params
        .get("all_projects")
        .is_some_and(|value| value != "false")
        && cx.actor.is_admin()
    {
        None
    } else {
        cx.actor.project.as_ref().map(|scope| scope.id)
    };
    let query = OperationQuery {
        project: own,
        resource: params.get("resource_id").map(str::to_owned),
        request_id: params.get("request_id").map(str::to_owned),
        kind: params.get("kind").map(str::to_owned),
        active: params.get("status") == Some("active"),
        before: params.parse::<OperationId>("marker")?,
        limit,
    };
    let found = saga::operation_list(&cx, query).await?;
    let next = (found.len() == limit as usize)
        .then(|| found.last().map(|operation| operation.id.to_string()))
        .flatten();
    Ok(Json(OperationList {
        operations: found
            .iter()
            .map(|operation| to_wire(operation, &[]))
            .collect(),
        next,
    }))
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<OperationBody>> {
    body(&cx, parse_id("operation", &id)?).await
}

pub(super) async fn abort(
    cx: Context,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<OperationBody>)> {
    let id = parse_id("operation", &id)?;
    saga::operation_abort(&cx, id).await?;
    Ok((StatusCode::ACCEPTED, body(&cx, id).await?))
}

pub(super) async fn retry(
    cx: Context,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<OperationBody>)> {
    let id = parse_id("operation", &id)?;
    saga::operation_retry(&cx, id).await?;
    Ok((StatusCode::ACCEPTED, body(&cx, id).await?))
}

pub(super) async fn abandon(
    cx: Context,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<OperationBody>)> {
    let id = parse_id("operation", &id)?;
    saga::operation_abandon(&cx, id).await?;
    Ok((StatusCode::ACCEPTED, body(&cx, id).await?))
}

async fn body(cx: &Context, id: OperationId) -> Result<Json<OperationBody>> {
    Ok(Json(OperationBody {
        operation: with_steps(cx, id).await?,
    }))
}

/// An operation with all that happened to it.
pub(super) async fn with_steps(cx: &Context, id: OperationId) -> Result<WireOperation> {
    let operation = saga::operation_show(cx, id).await?;
    let events = saga::operation_events(cx, id).await?;
    Ok(to_wire(&operation, &events))
}

fn to_wire(operation: &Operation, events: &[OperationEvent]) -> WireOperation {
    let user_name = serde_json::from_str::<crate::context::Actor>(&operation.actor)
        .ok()
        .map(|actor| actor.user_name);
    WireOperation {
        id: operation.id.to_string(),
        kind: operation.kind.clone(),
        resource: ResourceRef {
            kind: operation.resource_type.clone(),
            id: operation.resource_id.clone(),
            name: Some(operation.resource_name.clone()),
        },
        project_id: operation
            .project
            .map(|id| id.to_string())
            .unwrap_or_default(),
        user_id: operation.user.map(|id| id.to_string()).unwrap_or_default(),
        user_name,
        request_id: operation.request_id.clone(),
        status: status(operation.status),
        step: (!operation.status.is_finished()).then(|| operation.step_name.clone()),
        steps: steps(operation, events),
        progress: operation.progress.as_ref().map(|progress| Progress {
            what: progress.what.clone(),
            done: progress.done,
            total: progress.total,
            unit: progress.unit.clone(),
            rate: (progress.rate > 0.0).then_some(progress.rate),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole seconds of an estimate"
            )]
            eta: progress.eta.map(|seconds| seconds as u64),
            at: progress.at,
        }),
        error: operation.error.as_ref().map(|failure| OperationError {
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        }),
        host: operation.host.clone(),
        can: verbs(operation.status),
        created: operation.created_at,
        updated: operation.updated_at,
        finished: operation.finished_at,
    }
}

/// The word for where an operation is in its life.
pub fn status(status: Status) -> OperationStatus {
    match status {
        Status::Pending => OperationStatus::Waiting,
        Status::Running => OperationStatus::Running,
        Status::Unwinding => OperationStatus::Undoing,
        Status::Done => OperationStatus::Done,
        Status::Undone => OperationStatus::Failed,
        Status::Stuck => OperationStatus::Stuck,
        Status::Abandoned => OperationStatus::Abandoned,
    }
}

fn verbs(status: Status) -> Vec<OperationVerb> {
    match status {
        Status::Pending | Status::Running => vec![OperationVerb::Abort],
        Status::Stuck => vec![OperationVerb::Retry, OperationVerb::Abandon],
        Status::Unwinding | Status::Done | Status::Undone | Status::Abandoned => vec![],
    }
}

/// One entry per step that was touched, in order of first touch, with the newest of what happened to it.
fn steps(operation: &Operation, events: &[OperationEvent]) -> Vec<OperationStep> {
    let mut steps: Vec<OperationStep> = Vec::new();
    for event in events {
        let at = steps
            .iter()
            .position(|step| step.name == event.step)
            .unwrap_or_else(|| {
                steps.push(OperationStep {
                    name: event.step.clone(),
                    ..OperationStep::default()
                });
                steps.len() - 1
            });
        let step = &mut steps[at];
        step.attempts += 1;
        step.started = step
            .started
            .or(Some(crate::ids::Time(event.at.0 - event.duration_us)));
        step.finished = Some(event.at);
        step.error = event.message.clone();
        step.status = match (event.phase.as_str(), event.outcome.as_str()) {
            ("undo", "done") => StepStatus::Undone,
            ("undo", _) => StepStatus::Undoing,
            (_, "done") => StepStatus::Done,
            (_, "failed") => StepStatus::Failed,
            _ => StepStatus::Running,
        };
    }
    if operation.status == Status::Running
        && !steps.iter().any(|step| step.status == StepStatus::Running)
    {
        steps.push(OperationStep {
            name: operation.step_name.clone(),
            status: StepStatus::Running,
            ..OperationStep::default()
        });
    }
    steps
}
