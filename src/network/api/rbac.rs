//! `/network/v2.0/rbac-policies`.

use std::str::FromStr;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;

use super::listing;
use crate::api::{Body, Params, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, NewRbacPolicy};
use crate::network::ops;
use crate::network::wire::{RbacPolicy, RbacPolicyBody, RbacPolicyRequest};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::rbac_list(&cx).await?;
    listing::list(
        "rbac_policies",
        found.iter().map(to_wire).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<RbacPolicyBody>> {
    let policy = ops::rbac_show(&cx, parse_id("rbac policy", &id)?).await?;
    Ok(answer(&policy))
}

pub(super) async fn create(
    cx: Context,
    Body(RbacPolicyRequest {
        rbac_policy: fields,
    }): Body<RbacPolicyRequest>,
) -> Result<(StatusCode, Json<RbacPolicyBody>)> {
    let new = NewRbacPolicy {
        kind: word(
            "object_type",
            fields.object_type.as_deref(),
            "network or security_group",
        )?,
        object: fields
            .object_id
            .ok_or_else(|| Error::invalid("object_id", "it is needed"))?,
        action: word(
            "action",
            fields.action.as_deref(),
            "access_as_shared or access_as_external",
        )?,
        target: word(
            "target_tenant",
            fields.target_tenant.as_deref(),
            "the id of a project, or *",
        )?,
    };
    let policy = ops::rbac_create(&cx, new).await?;
    Ok((StatusCode::CREATED, answer(&policy)))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(RbacPolicyRequest {
        rbac_policy: fields,
    }): Body<RbacPolicyRequest>,
) -> Result<Json<RbacPolicyBody>> {
    for (field, value) in [
        ("object_type", &fields.object_type),
        ("object_id", &fields.object_id),
        ("action", &fields.action),
        ("project_id", &fields.project_id),
    ] {
        if value.is_some() {
            return Err(Error::invalid(
                field,
                "it can not be changed; only target_tenant can",
            ));
        }
    }
    let target = word(
        "target_tenant",
        fields.target_tenant.as_deref(),
        "the id of a project, or *",
    )?;
    let policy = ops::rbac_update(&cx, parse_id("rbac policy", &id)?, target).await?;
    Ok(answer(&policy))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::rbac_delete(&cx, parse_id("rbac policy", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn word<T: FromStr>(field: &str, text: Option<&str>, allowed: &str) -> Result<T> {
    let text = text.ok_or_else(|| Error::invalid(field, format!("{allowed} is needed")))?;
    text.parse()
        .map_err(|_| Error::invalid(field, format!("{text:?} is not {allowed}")))
}

fn answer(policy: &model::RbacPolicy) -> Json<RbacPolicyBody> {
    Json(RbacPolicyBody {
        rbac_policy: to_wire(policy),
    })
}

fn to_wire(policy: &model::RbacPolicy) -> RbacPolicy {
    let project = policy.project.to_string();
    RbacPolicy {
        id: policy.id.to_string(),
        object_type: policy.kind.name().to_owned(),
        object_id: policy.object.clone(),
        action: policy.action.name().to_owned(),
        target_tenant: policy.target.to_string(),
        tenant_id: project.clone(),
        project_id: project,
    }
}
