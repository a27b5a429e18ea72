//! `/network/v2.0/agents`, and what is on them.
//!
//! A node has one process; what it does for networks is shown as Neutron's agents, one per kind.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{listing, networks, routers};
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{AgentKind, NetworkAgent};
use crate::network::ops;
use crate::network::wire::{AgentNetworkRequest, AgentRequest, AgentRouterRequest};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    many(&ops::agent_list(&cx).await?, &params)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Value>> {
    let agent = ops::agent_show(&cx, agent_id(&id)?).await?;
    Ok(Json(json!({ "agent": to_wire(&agent) })))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(AgentRequest { agent: fields }): Body<AgentRequest>,
) -> Result<Json<Value>> {
    let agent = ops::agent_update(
        &cx,
        agent_id(&id)?,
        fields.admin_state_up,
        fields.description,
    )
    .await?;
    Ok(Json(json!({ "agent": to_wire(&agent) })))
}

pub(super) async fn networks(
    cx: Context,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>> {
    let found = ops::agent_networks(&cx, agent_id(&id)?).await?;
    let found = found
        .iter()
        .map(|network| networks::to_wire(&cx, network))
        .collect();
    listing::list("networks", found, &params).map(Json)
}

pub(super) async fn network_add(
    cx: Context,
    Path(id): Path<String>,
    Body(AgentNetworkRequest { network_id }): Body<AgentNetworkRequest>,
) -> Result<(StatusCode, Json<Value>)> {
    let network = parse_field("network_id", &network_id)?;
    ops::agent_network_add(&cx, agent_id(&id)?, network).await?;
    Ok((StatusCode::CREATED, Json(Value::Null)))
}

pub(super) async fn network_remove(
    cx: Context,
    Path((id, network)): Path<(String, String)>,
) -> Result<StatusCode> {
    ops::agent_network_remove(&cx, agent_id(&id)?, parse_id("network", &network)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn routers(
    cx: Context,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>> {
    let found = ops::agent_routers(&cx, agent_id(&id)?).await?;
    let found = found
        .iter()
        .map(|router| routers::to_wire(&cx, router))
        .collect();
    listing::list("routers", found, &params).map(Json)
}

pub(super) async fn router_add(
    cx: Context,
    Path(id): Path<String>,
    Body(AgentRouterRequest { router_id }): Body<AgentRouterRequest>,
) -> Result<(StatusCode, Json<Value>)> {
    let router = parse_field("router_id", &router_id)?;
    ops::agent_router_add(&cx, agent_id(&id)?, router).await?;
    Ok((StatusCode::CREATED, Json(Value::Null)))
}

pub(super) async fn router_remove(
    cx: Context,
    Path((id, router)): Path<(String, String)>,
) -> Result<StatusCode> {
    ops::agent_router_remove(&cx, agent_id(&id)?, parse_id("router", &router)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn of_network(
    cx: Context,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>> {
    many(
        &ops::network_agents(&cx, parse_id("network", &id)?).await?,
        &params,
    )
}

pub(super) async fn of_router(
    cx: Context,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>> {
    many(
        &ops::router_agents(&cx, parse_id("router", &id)?).await?,
        &params,
    )
}

fn many(agents: &[NetworkAgent], params: &Params) -> Result<Json<Value>> {
    let agents = agents.iter().map(to_wire).collect();
    listing::list("agents", agents, params).map(Json)
}

fn agent_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::not_found("agent", text))
}

fn to_wire(agent: &NetworkAgent) -> Value {
    json!({
        "id": agent.kind.id(&agent.host),
        "agent_type": agent.title,
        "binary": "skydeck-agent",
        "host": agent.host,
        "topic": "N/A",
        "alive": agent.alive,
        "admin_state_up": agent.admin_state_up,
        "availability_zone": (agent.kind != AgentKind::Bridge).then_some("nova"),
        "description": agent.description,
        "created_at": agent.created_at.to_seconds_text(),
        "started_at": agent.started_at.to_seconds_text(),
        "heartbeat_timestamp": agent.heartbeat_at.to_seconds_text(),
        "configurations": {
            "current": agent.is_current,
            "trouble": agent.trouble,
            "physical_networks": agent.physical_networks,
        },
        "resources_synced": null,
    })
}
