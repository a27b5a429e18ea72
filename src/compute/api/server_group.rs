//! `/os-server-groups`: servers that should run together, or apart.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::links::page;
use crate::api::wire::{IntOrText, Microversion, parse_bool};
use crate::api::{Body, Params, Routes, Version, parse_id};
use crate::compute::model::{Affinity, ServerGroup};
use crate::compute::ops;
use crate::compute::wire::microversion::{server_group_at, since};
use crate::compute::wire::{
    ServerGroup as WireServerGroup, ServerGroupBody, ServerGroupCreate, ServerGroupList,
    ServerGroupRequest, ServerGroupRules,
};
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-server-groups", "compute:server_group:list", list)
        .post(
            "/v2.1/os-server-groups",
            "compute:server_group:create",
            create,
        )
        .get(
            "/v2.1/os-server-groups/{id}",
            "compute:server_group:show",
            show,
        )
        .delete(
            "/v2.1/os-server-groups/{id}",
            "compute:server_group:delete",
            delete,
        )
}

async fn list(cx: Context, version: Version, params: Params) -> Result<Json<ServerGroupList>> {
    let all = params
        .get("all_projects")
        .is_some_and(|text| text.is_empty() || parse_bool(text) == Some(true));
    let offset = params.parse("offset")?.unwrap_or(0);
    let found = ops::server_group_list(&cx, all, offset, page(&params)?).await?;
    Ok(Json(ServerGroupList {
        server_groups: found
            .iter()
            .map(|group| server_group_at(to_wire(group), version.0))
            .collect(),
    }))
}

async fn create(
    cx: Context,
    version: Version,
    Body(request): Body<ServerGroupRequest>,
) -> Result<Json<ServerGroupBody>> {
    let wanted = request.server_group;
    let policy = policy(&wanted, version.0)?;
    let most = wanted
        .rules
        .and_then(|rules| rules.max_server_per_host)
        .map(number)
        .transpose()?;
    let made = ops::server_group_create(&cx, &wanted.name, policy, most).await?;
    Ok(body(&made, version.0))
}

/// A list of one policy, or from 2.64 on the policy itself; rules only with the latter.
fn policy(wanted: &ServerGroupCreate, version: Microversion) -> Result<Affinity> {
    let new = since(version, 64);
    let (field, text) = if new {
        ("server_group.policy", wanted.policy.as_deref())
    } else {
        let policies = wanted.policies.as_deref().unwrap_or_default();
        let one = (policies.len() == 1).then(|| policies[0].as_str());
        ("server_group.policies", one)
    };
    let strange = match new {
        true => wanted.policies.is_some(),
        false => wanted.policy.is_some() || wanted.rules.is_some(),
    };
    if strange {
        return Err(Error::invalid(
            "server_group",
            "policies are of versions until 2.63, policy and rules of versions from 2.64 on",
        ));
    }
    let known = Affinity::ALL.map(Affinity::name).join(", ");
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::invalid(field, format!("one of {known} is needed")))
}

fn number(value: IntOrText) -> Result<u32> {
    let wrong = || {
        Error::invalid(
            "server_group.rules.max_server_per_host",
            "a number from 1 on is needed",
        )
    };
    match value {
        IntOrText::Int(number) => u32::try_from(number).map_err(|_| wrong()),
        IntOrText::Text(text) => text.parse().map_err(|_| wrong()),
    }
}

async fn show(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
) -> Result<Json<ServerGroupBody>> {
    let found = ops::server_group_show(&cx, parse_id("server group", &id)?).await?;
    Ok(body(&found, version.0))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::server_group_delete(&cx, parse_id("server group", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn body(group: &ServerGroup, version: Microversion) -> Json<ServerGroupBody> {
    Json(ServerGroupBody {
        server_group: server_group_at(to_wire(group), version),
    })
}

/// The newest shape, with what older versions have instead.
fn to_wire(group: &ServerGroup) -> WireServerGroup {
    let policy = group.policy.name().to_owned();
    let most = (group.policy == Affinity::Apart).then(|| IntOrText::Int(group.max_per_host.into()));
    WireServerGroup {
        id: group.id.to_string(),
        name: group.name.clone(),
        policies: Some(vec![policy.clone()]),
        policy: Some(policy),
        rules: Some(ServerGroupRules {
            max_server_per_host: most,
        }),
        members: group.members.iter().map(ToString::to_string).collect(),
        metadata: Some(std::collections::BTreeMap::new()),
        project_id: Some(group.project.to_string()),
        user_id: Some(group.user.to_string()),
    }
}
