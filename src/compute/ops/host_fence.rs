//! Makes hosts dead for sure that are silent.
//!
//! Silence alone never moves a server. Where the operator has configured a command that cuts a host's power, it is run for a
//! host that has been down for a while; never for more than half of all hosts at a time, for then it is rather this
//! process that is cut off.

use super::host_list::{host_list, host_show, listening_since};
use crate::compute::model::Host;
use crate::compute::sagas::HostFence;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{OperationId, Time};
use crate::saga::{Busy, OperationQuery, Target, operation_list, start_on_conn};

/// Begins to fence a host because an operator wants it, whatever it reports.
pub async fn host_fence(cx: &Context, name: &str) -> Result<OperationId> {
    let host = host_show(cx, name).await?;
    if cx.config.compute.fencing_command.is_empty() {
        return Err(Error::conflict(format!(
            "there is no command that fences {name}: set compute.fencing_command, or cut its power yourself and say that it is down (openstack compute service set --down {name} nova-compute)"
        )));
    }
    begin(cx, &host.name, true).await
}

/// Begins to fence those that have been down for long enough.
pub async fn hosts_fence(cx: &Context) -> Result<()> {
    let compute = &cx.config.compute;
    if compute.fencing_command.is_empty() || !cx.bus.pulse().await.connected {
        return Ok(());
    }
    let seconds = |number: u64| i64::try_from(number).unwrap_or(i64::MAX / 2_000_000);
    let silent = seconds(cx.config.agent.down_after).saturating_add(seconds(compute.fencing_delay));
    let hosts = host_list(cx).await?;
    for name in silent_hosts(&hosts, Time::now(), listening_since(cx), silent) {
        if tried_lately(cx, &name).await? {
            continue;
        }
        match begin(cx, &name, false).await {
            // Another control process was faster, or it is under way.
            Ok(_) | Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Which hosts were not heard of for so many seconds, by a process that has listened for as long. None if that is more than
/// half of them.
fn silent_hosts(hosts: &[Host], now: Time, listening: Time, seconds: i64) -> Vec<String> {
    let before = now.plus_seconds(-seconds);
    let down = hosts.iter().filter(|host| !host.up).count();
    if down * 2 > hosts.len() || listening > before {
        return Vec::new();
    }
    hosts
        .iter()
        .filter(|host| !host.up && !host.forced_down && host.reported_at <= before)
        .map(|host| host.name.clone())
        .collect()
}

/// Whether a command that failed is too young to be run again: the pause is as long as the one before the first.
async fn tried_lately(cx: &Context, name: &str) -> Result<bool> {
    let query = OperationQuery {
        resource: Some(resource(name)),
        limit: 1,
        ..OperationQuery::default()
    };
    let last = operation_list(cx, query).await?;
    let delay = i64::try_from(cx.config.compute.fencing_delay).unwrap_or(i64::MAX);
    let lately = Time::now().plus_seconds(-delay.clamp(1, 3600));
    Ok(last.first().is_some_and(|last| last.updated_at > lately))
}

/// What the operation locks: not the host itself, which a drain may have.
fn resource(name: &str) -> String {
    format!("fencing of {name}")
}

async fn begin(cx: &Context, name: &str, asked: bool) -> Result<OperationId> {
    if name.starts_with('-') {
        return Err(Error::conflict(format!(
            "the command would take {name} for an option: fence it by hand"
        )));
    }
    let resource = resource(name);
    let target = Target {
        kind: "host",
        id: &resource,
        name,
        host: Some(name),
        project: None,
    };
    let mut tx = cx.db.begin().await?;
    let saga = HostFence::new(name, asked);
    let operation = start_on_conn(&mut tx, cx, &saga, target, Busy::Refuse).await?;
    tx.commit().await?;
    tracing::warn!(host = name, "fencing a host");
    cx.sagas.kick(operation);
    Ok(operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, up: bool, heard: i64) -> Host {
        Host {
            name: name.into(),
            up,
            reported_at: Time(0).plus_seconds(heard),
            ..Host::default()
        }
    }

    #[test]
    fn a_host_is_fenced_when_it_alone_was_silent_for_long() {
        let now = Time(0).plus_seconds(1000);
        let long_ago = Time(0);
        let fence = |hosts: &[Host], listening| silent_hosts(hosts, now, listening, 75);
        let mut hosts = vec![
            host("a", true, 999),
            host("b", false, 900),
            host("c", false, 960),
        ];
        // Two of three: it is rather this process that hears nothing.
        assert!(fence(&hosts, long_ago).is_empty());
        hosts.push(host("d", true, 999));
        assert_eq!(fence(&hosts, long_ago), ["b"]);
        // This process has just started, or found its broker again.
        assert!(fence(&hosts, Time(0).plus_seconds(950)).is_empty());
        hosts[1].forced_down = true;
        assert!(fence(&hosts, long_ago).is_empty());
    }
}
