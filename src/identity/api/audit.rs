//! `GET /skydeck/v1/audit`.

use axum::Json;

use crate::api::wire::{
    AuditEntry as WireEntry, AuditList, AuditOutcome as WireOutcome, ErrorStyle, ResourceRef,
};
use crate::api::{Params, Routes, skydeck};
use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{AuditEntry, AuditOutcome, AuditQuery};
use crate::identity::ops;
use crate::ids::Time;

/// Entries of a page when the request does not say.
const PAGE: u32 = 100;

pub(super) fn routes() -> Routes {
    Routes::new(skydeck::PREFIX, ErrorStyle::Skydeck).get("/audit", "skydeck:audit:list", list)
}

async fn list(cx: Context, params: Params) -> Result<Json<AuditList>> {
    let limit = params.parse::<u32>("limit")?.unwrap_or(PAGE).clamp(1, 1000);
    let query = AuditQuery {
        user_id: params.parse("user_id")?,
        resource_id: params.get("resource_id").map(str::to_owned),
        outcome: params.parse("outcome")?,
        since: params.parse::<i64>("since")?.map(Time),
        before: params.parse("marker")?,
        limit,
    };
    let found = ops::audit_list(&cx, query).await?;
    let next = (found.len() == limit as usize)
        .then(|| found.last().map(|entry| entry.id.to_string()))
        .flatten();
    Ok(Json(AuditList {
        audit: found.iter().map(to_wire).collect(),
        next,
    }))
}

fn to_wire(entry: &AuditEntry) -> WireEntry {
    WireEntry {
        id: entry.id.to_string(),
        at: entry.at,
        user_id: entry.user_id.map(|id| id.to_string()).unwrap_or_default(),
        user_name: Some(entry.user_name.clone()),
        project_id: entry.project_id.map(|id| id.to_string()),
        action: entry.action.clone(),
        resource: entry.resource_type.as_ref().map(|kind| ResourceRef {
            kind: kind.clone(),
            id: entry.resource_id.clone().unwrap_or_default(),
            name: entry.resource_name.clone(),
        }),
        outcome: match entry.outcome {
            AuditOutcome::Success => WireOutcome::Success,
            AuditOutcome::Denied => WireOutcome::Denied,
            AuditOutcome::Failure => WireOutcome::Failure,
        },
        reason: entry.reason.clone(),
        status: entry.status,
        request_id: entry.request_id.clone(),
        operation_id: entry.operation_id.map(|id| id.to_string()),
        source: String::new(),
    }
}
