//! Nodes, and OVN's northbound database, get what they shall have, whatever went wrong before.

use std::time::Duration;

use futures::future::join_all;

use super::ops;
use crate::context::Context;
use crate::error::Result;

/// How long a round waits for those that it tells.
const ROUND: Duration = Duration::from_secs(1);

/// One round: tells every node that has to be told and whose compute service is up. To be called every second or so. A
/// node that fails is told again in the next round. One that does not answer, because it lost its power just now, keeps
/// nobody waiting: it is told on, and the next round tells the others.
pub async fn round(cx: &Context) -> Result<()> {
    ops::northbound_chassis(cx).await?;
    if let Err(error) = ops::northbound_repair(cx).await {
        tracing::warn!(%error, "OVN's northbound database is not as it shall be");
    }
    let due = ops::host_network_due(cx).await?;
    if due.is_empty() {
        return Ok(());
    }
    let hosts = crate::compute::ops::host_list(cx).await?;
    let reachable = due
        .into_iter()
        .filter(|name| hosts.iter().any(|host| host.up && host.name == *name));
    let told = reachable.map(|host| {
        let cx = cx.clone();
        tokio::spawn(async move {
            if let Err(error) = ops::host_network_catch_up(&cx, &host).await {
                tracing::warn!(host, %error, "a node's network is not as it shall be");
            }
        })
    });
    // Who is slower than this goes on by itself.
    let _ = tokio::time::timeout(ROUND, join_all(told)).await;
    Ok(())
}
