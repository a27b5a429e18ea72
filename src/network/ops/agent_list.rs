//! What nodes do for networks, as Neutron shows it: one agent per host and kind.

use std::collections::HashMap;

use uuid::Uuid;

use crate::compute::ops::host_list;
use crate::config::Engine;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{AgentKind, NetworkAgent};
use crate::network::store;

/// All agents, by host.
pub async fn agent_list(cx: &Context) -> Result<Vec<NetworkAgent>> {
    let hosts = host_list(cx).await?;
    let mut conn = cx.db.read().await?;
    let mut said: HashMap<(String, AgentKind), _> = store::agent::list(&mut conn)
        .await?
        .into_iter()
        .map(|said| ((said.host.clone(), said.kind), said))
        .collect();
    let mut states: HashMap<String, _> = store::host::list(&mut conn)
        .await?
        .into_iter()
        .map(|state| (state.host.clone(), state))
        .collect();
    let mut agents = Vec::with_capacity(hosts.len() * AgentKind::ALL.len());
    for host in hosts {
        let state = states.remove(&host.name);
        for kind in AgentKind::ALL {
            let said = said.remove(&(host.name.clone(), kind));
            agents.push(NetworkAgent {
                kind,
                title: title(cx.config.network.engine, kind),
                host: host.name.clone(),
                alive: host.up,
                admin_state_up: said.as_ref().is_none_or(|said| said.admin_state_up),
                description: said.map(|said| said.description).unwrap_or_default(),
                created_at: host.created_at,
                started_at: host.started_at,
                heartbeat_at: host.reported_at,
                physical_networks: host.physical_networks.clone(),
                is_current: state
                    .as_ref()
                    .is_none_or(|state| state.applied >= state.wanted),
                trouble: state.as_ref().and_then(|state| state.trouble.clone()),
            });
        }
    }
    Ok(agents)
}

fn title(engine: Engine, kind: AgentKind) -> &'static str {
    match (engine, kind) {
        (Engine::Bridge, kind) => kind.title(),
        (Engine::Ovn, AgentKind::Bridge) => "OVN Controller agent",
        (Engine::Ovn, AgentKind::Dhcp) => "OVN Metadata agent",
        (Engine::Ovn, AgentKind::Router) => "OVN Controller Gateway agent",
    }
}

/// The agent with this id.
pub async fn agent_show(cx: &Context, id: Uuid) -> Result<NetworkAgent> {
    agent_list(cx)
        .await?
        .into_iter()
        .find(|agent| agent.kind.id(&agent.host) == id)
        .ok_or_else(|| Error::not_found("agent", id))
}
