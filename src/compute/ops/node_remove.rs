//! Forgetting a node that is to go.

use super::host_delete::host_delete;
use super::host_list::host_show;
use super::host_update::{HostDecision, host_update};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::volume::ops::volumes_on_host;

/// Things that are named before the rest is counted.
const NAMED: usize = 10;

/// Forgets a node without servers and volumes. It is disabled first, so that nothing new comes to it; while it is up it
/// stays at that.
pub async fn node_remove(cx: &Context, name: &str) -> Result<()> {
    let host = host_show(cx, name).await?;
    let mut conn = cx.db.read().await?;
    let mut servers = Vec::new();
    for claim in store::claim::of_host(&mut conn, name).await? {
        let server = store::server::show(&mut conn, claim.server).await?;
        let known = server.map_or_else(String::new, |server| server.name);
        servers.push((claim.server.to_string(), known));
    }
    servers.sort();
    servers.dedup();
    drop(conn);
    let volumes = volumes_on_host(cx, name).await?;
    let volumes: Vec<_> = volumes
        .into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect();
    let left: Vec<String> = [("servers", &servers), ("volumes", &volumes)]
        .into_iter()
        .filter(|(_, things)| !things.is_empty())
        .map(|(kind, things)| format!("{} {kind} ({})", things.len(), named(things)))
        .collect();
    if !left.is_empty() {
        return Err(Error::conflict(format!(
            "node {name} has {}; move or delete them first",
            left.join(" and ")
        )));
    }
    if host.enabled {
        let decision = HostDecision {
            enabled: Some(false),
            disabled_reason: Some("being removed".into()),
            forced_down: None,
        };
        host_update(cx, name, &decision).await?;
    }
    if host.up {
        return Err(Error::conflict(format!(
            "node {name} takes no more servers now, but it is up and would come back: run `skydeck node leave` on it, and this again {} s later",
            cx.config.agent.down_after
        )));
    }
    host_delete(cx, name).await
}

fn named(things: &[(String, String)]) -> String {
    let mut text: Vec<String> = things
        .iter()
        .take(NAMED)
        .map(|(id, name)| {
            if name.is_empty() {
                id.clone()
            } else {
                name.clone()
            }
        })
        .collect();
    if things.len() > NAMED {
        text.push("…".into());
    }
    text.join(", ")
}
