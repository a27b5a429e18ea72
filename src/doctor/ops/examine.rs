//! All hosts, asked at once what they find.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::judge::{Host, judge};
use crate::compute;
use crate::context::Context;
use crate::doctor::model::{Finding, Severity};
use crate::doctor::rpc::HostExamine;
use crate::error::Result;
use crate::ids::ServerId;
use crate::network;

/// How long a host may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Hosts that are asked at a time.
const AT_ONCE: usize = 32;

/// What is not as it should be on any host, the worst first.
pub async fn examine(cx: &Context) -> Result<Vec<Finding>> {
    let hosts = compute::ops::host_list(cx).await?;
    let told: BTreeMap<String, _> = network::ops::host_network_list(cx)
        .await?
        .into_iter()
        .map(|state| (state.host.clone(), state))
        .collect();
    let looks = hosts.iter().map(|host| {
        let told = told.get(&host.name);
        async move { look(cx, &host.name, host.up, told).await }
    });
    let looks: Vec<_> = looks.collect();
    let mut answers = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut findings = Vec::new();
    while let Some(found) = answers.next().await {
        findings.extend(found?);
    }
    findings.extend(northbound(cx).await?);
    findings.sort_by(|a, b| {
        let key = |one: &Finding| (one.severity, one.at);
        key(b)
            .cmp(&key(a))
            .then_with(|| (&a.host, &a.found, &a.advice).cmp(&(&b.host, &b.found, &b.advice)))
    });
    Ok(findings)
}

/// What keeps OVN from being told, where OVN carries networks.
async fn northbound(cx: &Context) -> Result<Option<Finding>> {
    let trouble = network::ops::northbound_trouble(cx).await?;
    Ok(trouble.map(|trouble| Finding {
        host: "ovn-northbound".into(),
        severity: Severity::Error,
        found: format!("OVN is not told of changes: {trouble}"),
        advice: "it is told again every second: see that its server runs where network.ovn_northbound says".into(),
        remedy: None,
        at: None,
    }))
}

/// What is not as it should be on one host.
pub(super) async fn examine_host(cx: &Context, name: &str) -> Result<Vec<Finding>> {
    let host = compute::ops::host_show(cx, name).await?;
    let told = network::ops::host_network_list(cx).await?;
    let told = told.iter().find(|state| state.host == name);
    look(cx, name, host.up, told).await
}

async fn look(
    cx: &Context,
    name: &str,
    up: bool,
    told: Option<&network::ops::HostNetworkState>,
) -> Result<Vec<Finding>> {
    let examined = if up {
        let answer = cx.bus.call(name, None, &HostExamine {}, PATIENCE).await;
        answer.map_err(|error| error.to_string())
    } else {
        Err("its agent does not report".to_owned())
    };
    let mut servers = BTreeMap::new();
    if let Ok(examined) = &examined {
        let files = examined.files.iter().map(|remains| remains.server);
        let ids: Vec<ServerId> = examined.guests.iter().copied().chain(files).collect();
        servers = compute::ops::server_standings(cx, name, &ids).await?;
    }
    let host = Host {
        name,
        trouble: told.and_then(|told| told.trouble.as_deref()),
        examined: examined.as_ref().map_err(String::as_str),
        servers: &servers,
    };
    Ok(judge(&host))
}
