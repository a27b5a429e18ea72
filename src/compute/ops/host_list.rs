//! Hosts, control processes, and what is left of hosts.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::compute::model::{AllocationRatios, ControlProcess, Host, HostSite, Resources};
use crate::compute::scheduler::{Condition, Isolation, Rules};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{HostId, Time};

/// A host and what is claimed of it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRoom {
    /// The host.
    pub host: Host,
    /// What may be claimed of it.
    pub capacity: Resources,
    /// What is claimed.
    pub used: Resources,
    /// Servers with claims on it.
    pub servers: u32,
    /// Those of them that something is done to.
    pub busy: u32,
    /// Those of them whose disks are being made, copied or moved.
    pub io_ops: u32,
}

/// Microseconds without a report after which a host is down.
pub(super) fn down_us(cx: &Context) -> i64 {
    i64::try_from(cx.config.agent.down_after)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000)
}

/// Since when this process hears hosts: since its start, or since the broker was last found again. Not before then has it
/// anything to say about one that is silent.
pub(super) fn listening_since(cx: &Context) -> Time {
    cx.bus
        .hears_since()
        .map_or_else(Time::now, |since| since.max(cx.started))
}

/// Whether this process has listened for so long that a host that is not up can be held for silent.
pub fn hosts_are_heard(cx: &Context) -> bool {
    Time::now().0 - listening_since(cx).0 >= down_us(cx)
}

/// How much of hosts' resources may be promised, from the settings.
pub fn allocation_ratios(cx: &Context) -> AllocationRatios {
    let compute = &cx.config.compute;
    AllocationRatios {
        vcpus: compute.cpu_allocation_ratio,
        memory: compute.ram_allocation_ratio,
        disk: compute.disk_allocation_ratio,
        reserved: Resources::new(
            0,
            compute.reserved_host_memory_mb,
            compute.reserved_host_disk_gb,
        ),
    }
}

/// The scheduler's rules from the settings. A mistake in them is told at start, see
/// [`compute_start`](super::compute_start).
pub(super) fn scheduler_rules(cx: &Context) -> Result<Rules> {
    let compute = &cx.config.compute;
    let wrong = |error: &dyn std::error::Error| Error::Internal(error.to_string());
    let bound = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let conditions = compute
        .conditions
        .iter()
        .map(|(name, text)| Condition::new(name, text).map_err(|error| wrong(&error)))
        .collect::<Result<_>>()?;
    let rules = Rules::new(&compute.filters, &compute.weighers).map_err(|error| wrong(&error))?;
    Ok(Rules {
        max_instances: bound(compute.max_instances_per_host),
        max_io_ops: bound(compute.max_io_ops_per_host),
        isolation: Isolation {
            hosts: compute.isolated_hosts.clone(),
            images: compute.isolated_images.clone(),
            hosts_for_images_only: compute.restrict_isolated_hosts_to_isolated_images,
        },
        metrics: compute.metrics.clone(),
        conditions,
        ..rules
    })
}

/// All hosts by name.
pub async fn host_list(cx: &Context) -> Result<Vec<Host>> {
    let mut conn = cx.db.read().await?;
    Ok(store::host::list(&mut conn, down_us(cx)).await?)
}

/// The host of this name.
pub async fn host_show(cx: &Context, name: &str) -> Result<Host> {
    let mut conn = cx.db.read().await?;
    store::host::by_name(&mut conn, name, down_us(cx))
        .await?
        .ok_or_else(|| Error::not_found("host", name))
}

/// Where these hosts are in the network, as far as it is known.
pub async fn host_addresses_on_conn(
    conn: &mut Conn,
    names: &[&str],
) -> Result<HashMap<String, IpAddr>> {
    let found = store::host::addresses(conn, names).await?;
    Ok(found.into_iter().collect())
}

/// Networks that a host is plugged into.
pub async fn host_physical_networks_on_conn(conn: &mut Conn, name: &str) -> Result<Vec<String>> {
    Ok(store::host::physical_networks(conn, name).await?)
}

/// All hosts by name, as places for services of networks.
pub async fn host_sites_on_conn(conn: &mut Conn, cx: &Context) -> Result<Vec<HostSite>> {
    Ok(store::host::sites(conn, down_us(cx)).await?)
}

/// Whether the host has reported lately. One that is not known has not.
pub async fn host_is_up(cx: &Context, name: &str) -> Result<bool> {
    match host_show(cx, name).await {
        Err(Error::NotFound { .. }) => Ok(false),
        host => Ok(host?.up),
    }
}

/// Whether the host is dead for sure: an operator, or a fencing command, has said so. One that is not known is.
pub async fn host_is_fenced(cx: &Context, name: &str) -> Result<bool> {
    match host_show(cx, name).await {
        Err(Error::NotFound { .. }) => Ok(true),
        host => Ok(host?.forced_down),
    }
}

/// Succeeds if the host is dead for sure. Silence alone never suffices: a guest that runs twice writes its disk twice.
pub(super) async fn check_fenced(cx: &Context, name: &str) -> Result<()> {
    if host_is_fenced(cx, name).await? {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "{name} is not known to be dead: if its power is off for sure, say so first (openstack compute service set --down {name} nova-compute)"
    )))
}

/// The host that goes by this id: a UUID, or the number of API versions before 2.53.
pub async fn host_find(cx: &Context, id: &str) -> Result<Host> {
    let mut conn = cx.db.read().await?;
    let down = down_us(cx);
    let found = if let Ok(id) = id.parse::<HostId>() {
        store::host::by_id(&mut conn, id, down).await?
    } else if let Ok(number) = id.parse::<i64>() {
        store::host::by_number(&mut conn, number, down).await?
    } else {
        None
    };
    found.ok_or_else(|| Error::not_found("host", id))
}

/// All hosts with what is claimed of them, by name.
pub async fn host_rooms(cx: &Context) -> Result<Vec<HostRoom>> {
    let mut conn = cx.db.read().await?;
    host_rooms_on_conn(&mut conn, cx).await
}

pub(super) async fn host_rooms_on_conn(conn: &mut Conn, cx: &Context) -> Result<Vec<HostRoom>> {
    let ratios = allocation_ratios(cx);
    let mut used = store::claim::used_by_host(conn).await?;
    let mut work: HashMap<String, (u32, u32)> = HashMap::new();
    for (host, vm, task, count) in store::server_page::busy_by_host(conn).await? {
        let (busy, io_ops) = work.entry(host).or_default();
        *busy += count;
        if task.is_some_and(|task| task.is_io_heavy(vm)) {
            *io_ops += count;
        }
    }
    let hosts = store::host::list(conn, down_us(cx)).await?;
    Ok(hosts
        .into_iter()
        .map(|host| {
            let (used, servers) = used.remove(&host.name).unwrap_or_default();
            let (busy, io_ops) = work.remove(&host.name).unwrap_or_default();
            HostRoom {
                capacity: ratios.capacity(host.total),
                used,
                servers,
                busy,
                io_ops,
                host,
            }
        })
        .collect())
}

/// All control processes by host.
pub async fn control_list(cx: &Context) -> Result<Vec<ControlProcess>> {
    let mut conn = cx.db.read().await?;
    Ok(store::host::control_list(&mut conn, down_us(cx)).await?)
}
