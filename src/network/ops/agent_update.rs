//! What administrators say of agents: where nothing may be placed.

use uuid::Uuid;

use super::agent_list::agent_show;
use super::check;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{AgentDecision, AgentKind, NetworkAgent};
use crate::network::store;

/// Changes an agent. What is on one that is switched off moves within seconds, if another host can have it.
pub async fn agent_update(
    cx: &Context,
    id: Uuid,
    admin_state_up: Option<bool>,
    description: Option<String>,
) -> Result<NetworkAgent> {
    let agent = agent_show(cx, id).await?;
    if let Some(description) = &description {
        check::text("description", description)?;
    }
    if agent.kind == AgentKind::Bridge && admin_state_up == Some(false) {
        return Err(Error::BadRequest(format!(
            "what plugs guests in is not switched off by itself: disable the compute service of {} (openstack compute service set --disable {} nova-compute)",
            agent.host, agent.host
        )));
    }
    let new = AgentDecision {
        host: agent.host.clone(),
        kind: agent.kind,
        admin_state_up: admin_state_up.unwrap_or(agent.admin_state_up),
        description: description.unwrap_or(agent.description),
    };
    let mut tx = cx.db.begin().await?;
    store::agent::set(&mut tx, &new).await?;
    tx.commit().await?;
    agent_show(cx, id).await
}
