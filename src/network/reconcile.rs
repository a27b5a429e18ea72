//! Nodes, and OVN's northbound database, get what they shall have, whatever went wrong before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::ops::{self, DesiredRows};
use crate::context::Context;
use crate::error::Result;

/// How long a round waits for those that it tells.
const ROUND: Duration = Duration::from_secs(1);
/// Where at least this many nodes have to be told, everything is read once for all of them, if they are one in so many of the
/// cloud: that costs about as much as reading for each by itself.
const MANY: usize = 8;
const SHARE: usize = 32;

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
    let up: BTreeSet<&str> = hosts
        .iter()
        .filter(|host| host.up)
        .map(|host| host.name.as_str())
        .collect();
    let reachable: Vec<String> = due
        .into_iter()
        .filter(|name| up.contains(name.as_str()))
        .collect();
    let rows = match reachable.len() >= MANY && reachable.len() * SHARE >= hosts.len() {
        true => Some(Arc::new(DesiredRows::of_all(cx).await?)),
        false => None,
    };
    let told = reachable.into_iter().map(|host| {
        let (cx, rows) = (cx.clone(), rows.clone());
        tokio::spawn(async move {
            let told = ops::host_network_catch_up(&cx, &host, rows.as_deref());
            if let Err(error) = told.await {
                tracing::warn!(host, %error, "a node's network is not as it shall be");
            }
        })
    });
    // Who is slower than this goes on by itself.
    let _ = tokio::time::timeout(ROUND, join_all(told)).await;
    Ok(())
}
