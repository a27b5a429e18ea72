//! `/skydeck/v1/doctor`.

use axum::Json;
use axum::http::StatusCode;

use super::model::{self, Remedy, Severity};
use super::ops;
use super::wire::{Finding, FindingList, Treat};
use crate::api::skydeck::PREFIX;
use crate::api::wire::ErrorStyle;
use crate::api::{Body, Routes};
use crate::context::Context;
use crate::error::Result;

/// All of them.
pub fn routes() -> Vec<Routes> {
    vec![
        Routes::new(PREFIX, ErrorStyle::Skydeck)
            .get("/doctor", "doctor:finding:list", list)
            .post("/doctor/treat", "doctor:finding:treat", treat),
    ]
}

async fn list(cx: Context) -> Result<Json<FindingList>> {
    let findings = ops::examine(&cx).await?;
    Ok(Json(FindingList {
        findings: findings.iter().map(finding).collect(),
    }))
}

async fn treat(cx: Context, Body(wanted): Body<Treat>) -> Result<StatusCode> {
    ops::treat(&cx, &wanted.host, &wanted.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn finding(finding: &model::Finding) -> Finding {
    let (remedy, server) = match finding.remedy {
        None => (None, None),
        Some(Remedy::Repair) => (Some("repair"), None),
        Some(Remedy::Remove(server)) => (Some("remove"), Some(server)),
    };
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Mended => "mended",
    };
    Finding {
        id: finding.id(),
        host: finding.host.clone(),
        severity: severity.into(),
        found: finding.found.clone(),
        advice: finding.advice.clone(),
        remedy: remedy.map(str::to_owned),
        safe: finding.remedy.is_some_and(Remedy::is_safe),
        server_id: server.map(|id| id.to_string()),
        at: finding.at,
    }
}
