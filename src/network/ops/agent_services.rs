//! What is on an agent, and moving it by hand: networks whose DHCP it answers, routers that it has.
//!
//! Only administrators come here. What was moved by hand stays where it is like everything else: until it must move.

use uuid::Uuid;

use super::agent_list::{agent_list, agent_show};
use super::dhcp_service::dhcp_port_on_conn;
use super::service_place::{check_usable, elsewhere, move_to};
use crate::config::Engine;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, RouterId};
use crate::network::model::{AgentKind, Network, NetworkAgent, NetworkKind, NetworkQuery, Router};
use crate::network::refusal;
use crate::network::store;

/// Networks whose DHCP an agent answers.
pub async fn agent_networks(cx: &Context, id: Uuid) -> Result<Vec<Network>> {
    let agent = of_kind(cx, id, AgentKind::Dhcp).await?;
    let mut conn = cx.db.read().await?;
    let here: Vec<NetworkId> = store::port::dhcp_places(&mut conn)
        .await?
        .into_iter()
        .filter(|(.., host)| host.as_deref() == Some(agent.host.as_str()))
        .map(|(network, ..)| network)
        .collect();
    let all = store::network::list(&mut conn, &NetworkQuery::default()).await?;
    Ok(all
        .into_iter()
        .filter(|network| here.contains(&network.id))
        .collect())
}

/// Routers that an agent has.
pub async fn agent_routers(cx: &Context, id: Uuid) -> Result<Vec<Router>> {
    let agent = of_kind(cx, id, AgentKind::Router).await?;
    let mut conn = cx.db.read().await?;
    Ok(store::router::of_host(&mut conn, &agent.host).await?)
}

/// The agent that answers a network's DHCP.
pub async fn network_agents(cx: &Context, id: NetworkId) -> Result<Vec<NetworkAgent>> {
    let mut conn = cx.db.read().await?;
    super::network_show_on_conn(&mut conn, cx, id).await?;
    let port = dhcp_port_on_conn(&mut conn, id).await?;
    drop(conn);
    at(cx, AgentKind::Dhcp, port.and_then(|port| port.host)).await
}

/// The agent that has a router.
pub async fn router_agents(cx: &Context, id: RouterId) -> Result<Vec<NetworkAgent>> {
    let router = super::router_show(cx, id).await?;
    at(cx, AgentKind::Router, router.host).await
}

async fn at(cx: &Context, kind: AgentKind, host: Option<String>) -> Result<Vec<NetworkAgent>> {
    let agents = agent_list(cx).await?;
    Ok(agents
        .into_iter()
        .filter(|agent| agent.kind == kind && Some(&agent.host) == host.as_ref())
        .collect())
}

/// Lets an agent answer a network's DHCP.
pub async fn agent_network_add(cx: &Context, id: Uuid, network: NetworkId) -> Result<()> {
    let agent = of_kind(cx, id, AgentKind::Dhcp).await?;
    let found = super::network_show(cx, network).await?;
    if found.kind == NetworkKind::Local {
        return Err(refusal::bad_request(format!(
            "network {network} is local: each node answers its own DHCP"
        )));
    }
    if cx.config.network.engine == Engine::Ovn {
        return Err(refusal::bad_request(
            "OVN answers DHCP by itself, on every host: there is nothing to place".to_owned(),
        ));
    }
    place(cx, &agent, network.uuid()).await
}

/// Lets another agent answer a network's DHCP than this one.
pub async fn agent_network_remove(cx: &Context, id: Uuid, network: NetworkId) -> Result<()> {
    let agent = of_kind(cx, id, AgentKind::Dhcp).await?;
    let mut conn = cx.db.read().await?;
    let port = dhcp_port_on_conn(&mut conn, network).await?;
    drop(conn);
    match port.and_then(|port| port.host) {
        Some(host) if host == agent.host => displace(cx, &agent, network.uuid()).await,
        _ => Err(refusal::not_hosted(
            "NetworkNotHostedByDhcpAgent",
            format!("The network {network} is not hosted by the DHCP agent {id}."),
        )),
    }
}

/// Lets an agent have a router.
pub async fn agent_router_add(cx: &Context, id: Uuid, router: RouterId) -> Result<()> {
    let agent = of_kind(cx, id, AgentKind::Router).await?;
    let mut conn = cx.db.read().await?;
    super::router_list::router_show_on_conn(&mut conn, cx, router).await?;
    if super::router_list::router_interfaces_on_conn(&mut conn, router)
        .await?
        .is_empty()
    {
        return Err(refusal::bad_request(format!(
            "router {router} has no interface and is nowhere: add a subnet first"
        )));
    }
    drop(conn);
    place(cx, &agent, router.uuid()).await
}

/// Lets another agent have a router than this one.
pub async fn agent_router_remove(cx: &Context, id: Uuid, router: RouterId) -> Result<()> {
    let agent = of_kind(cx, id, AgentKind::Router).await?;
    let found = super::router_show(cx, router).await?;
    if found.host.as_ref() != Some(&agent.host) {
        return Err(refusal::not_hosted(
            "RouterNotHostedByL3Agent",
            format!("The router {router} is not hosted by L3 agent {id}."),
        ));
    }
    displace(cx, &agent, router.uuid()).await
}

async fn place(cx: &Context, agent: &NetworkAgent, what: Uuid) -> Result<()> {
    let mut conn = cx.db.read().await?;
    check_usable(&mut conn, cx, agent.kind, what, &agent.host).await?;
    drop(conn);
    move_to(cx, agent.kind, what, &agent.host).await
}

async fn displace(cx: &Context, agent: &NetworkAgent, what: Uuid) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let host = elsewhere(&mut conn, cx, agent.kind, what, &agent.host).await?;
    drop(conn);
    move_to(cx, agent.kind, what, &host).await
}

async fn of_kind(cx: &Context, id: Uuid, kind: AgentKind) -> Result<NetworkAgent> {
    let agent = agent_show(cx, id).await?;
    if agent.kind == kind {
        return Ok(agent);
    }
    Err(Error::Conflict(format!(
        "Agent {id} is a {}, not a {}",
        agent.kind.title(),
        kind.title()
    )))
}
