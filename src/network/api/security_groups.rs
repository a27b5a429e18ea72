//! `/network/v2.0/security-groups`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;

use super::listing;
use super::security_rules;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, NewSecurityGroup, SecurityGroupChanges};
use crate::network::ops;
use crate::network::wire::{
    SecurityGroup, SecurityGroupBody, SecurityGroupFields, SecurityGroupRequest,
};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::security_group_list(&cx).await?;
    listing::list(
        "security_groups",
        found.iter().map(|group| to_wire(&cx, group)).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<SecurityGroupBody>> {
    let group = ops::security_group_show(&cx, parse_id("security group", &id)?).await?;
    Ok(answer(&cx, &group))
}

pub(super) async fn create(
    cx: Context,
    Body(SecurityGroupRequest {
        security_group: fields,
    }): Body<SecurityGroupRequest>,
) -> Result<(StatusCode, Json<SecurityGroupBody>)> {
    check(&fields)?;
    let new = NewSecurityGroup {
        project: fields
            .project_id
            .as_deref()
            .map(|id| parse_field("project_id", id))
            .transpose()?,
        name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
    };
    let group = ops::security_group_create(&cx, new).await?;
    Ok((StatusCode::CREATED, answer(&cx, &group)))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(SecurityGroupRequest {
        security_group: fields,
    }): Body<SecurityGroupRequest>,
) -> Result<Json<SecurityGroupBody>> {
    check(&fields)?;
    let changes = SecurityGroupChanges {
        name: fields.name,
        description: fields.description,
        tags: None,
    };
    let id = parse_id("security group", &id)?;
    let group = ops::security_group_update(&cx, id, changes).await?;
    Ok(answer(&cx, &group))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::security_group_delete(&cx, parse_id("security group", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is not to be had is refused rather than ignored.
fn check(fields: &SecurityGroupFields) -> Result<()> {
    if fields.stateful == Some(false) {
        return Err(Error::invalid(
            "stateful",
            "groups here let in the answers to what they let out; leave it out, or say true",
        ));
    }
    Ok(())
}

fn answer(cx: &Context, group: &model::SecurityGroup) -> Json<SecurityGroupBody> {
    Json(SecurityGroupBody {
        security_group: to_wire(cx, group),
    })
}

fn to_wire(cx: &Context, group: &model::SecurityGroup) -> SecurityGroup {
    let project = group.project.to_string();
    let own = cx.actor.project.as_ref().map(|scope| scope.id);
    SecurityGroup {
        id: group.id.to_string(),
        name: group.name.clone(),
        description: group.description.clone(),
        tenant_id: project.clone(),
        project_id: project,
        stateful: true,
        shared: own.is_some_and(|own| own != group.project) && !cx.actor.is_admin(),
        security_group_rules: group.rules.iter().map(security_rules::to_wire).collect(),
        tags: group.tags.clone(),
        revision_number: group.revision,
        created_at: group.created_at.to_seconds_text(),
        updated_at: group.updated_at.to_seconds_text(),
    }
}
