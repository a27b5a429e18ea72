//! Nodes, and OVN's northbound database, get what they shall have, whatever went wrong before.

use futures::future::join_all;

use super::ops;
use crate::context::Context;
use crate::error::Result;

/// One round: tells every node that has to be told and whose compute service is up. To be called every second or so. A
/// node that fails is told again in the next round; the others do not wait for it beyond this one.
pub async fn round(cx: &Context) -> Result<()> {
    if let Err(error) = ops::northbound_repair(cx).await {
        tracing::warn!(%error, "OVN's northbound database is not as it shall be");
    }
    let due = ops::host_network_due(cx).await?;
    if due.is_empty() {
        return Ok(());
    }
    let hosts = crate::compute::ops::host_list(cx).await?;
    let reachable = due
        .iter()
        .filter(|name| hosts.iter().any(|host| host.up && host.name == **name));
    join_all(reachable.map(|host| async move {
        if let Err(error) = ops::host_network_tell(cx, host).await {
            tracing::warn!(host, %error, "a node's network is not as it shall be");
        }
    }))
    .await;
    Ok(())
}
