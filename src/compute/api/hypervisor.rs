//! `/os-hypervisors`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::Path;
use serde_json::json;

use super::links::{Links, page};
use crate::api::wire::{Microversion, parse_bool};
use crate::api::{Params, Routes, Version};
use crate::compute::model::{Host, instance_name};
use crate::compute::ops::{self, HostRoom};
use crate::compute::wire::microversion::{hypervisor_at, since};
use crate::compute::wire::{
    Hypervisor, HypervisorBody, HypervisorList, HypervisorServer, HypervisorService,
    HypervisorStatistics, HypervisorStatisticsBody, NumberOrUuid,
};
use crate::context::Context;
use crate::error::{Error, Result};

const LIST: &str = "compute:hypervisor:list";
const SHOW: &str = "compute:hypervisor:show";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-hypervisors", LIST, list)
        .get("/v2.1/os-hypervisors/detail", LIST, list_detail)
        .get("/v2.1/os-hypervisors/statistics", LIST, statistics)
        .get("/v2.1/os-hypervisors/{id}", SHOW, show)
        .get("/v2.1/os-hypervisors/{id}/uptime", SHOW, uptime)
        .get("/v2.1/os-hypervisors/{pattern}/search", LIST, search)
        .get("/v2.1/os-hypervisors/{pattern}/servers", LIST, servers)
}

/// A page of hypervisors, and how many there may be on it.
async fn selected(
    cx: &Context,
    version: Microversion,
    params: &Params,
) -> Result<(Vec<HostRoom>, u64)> {
    let mut rooms = ops::host_rooms(cx).await?;
    if let Some(pattern) = params
        .get("hypervisor_hostname_pattern")
        .filter(|_| since(version, 53))
    {
        rooms = matching(rooms, pattern)?;
    }
    if let Some(marker) = params.get("marker") {
        let at = rooms
            .iter()
            .position(|room| id(&room.host, version).to_string() == marker)
            .ok_or_else(|| Error::BadRequest(format!("marker {marker} could not be found")))?;
        rooms.drain(..=at);
    }
    let limit = page(params)?;
    rooms.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok((rooms, limit))
}

fn matching(mut rooms: Vec<HostRoom>, pattern: &str) -> Result<Vec<HostRoom>> {
    rooms.retain(|room| room.host.name.contains(pattern));
    if rooms.is_empty() {
        return Err(Error::not_found(
            "hypervisor",
            format!("matching {pattern}"),
        ));
    }
    Ok(rooms)
}

async fn list(
    cx: Context,
    links: Links,
    version: Version,
    params: Params,
) -> Result<Json<HypervisorList>> {
    let (rooms, limit) = selected(&cx, version.0, &params).await?;
    let mut hypervisors: Vec<Hypervisor> = rooms
        .iter()
        .map(|room| brief(&room.host, version.0))
        .collect();
    if with_servers(version.0, &params) {
        add_servers(&cx, &mut hypervisors).await?;
    }
    Ok(Json(answer(&links, version.0, limit, hypervisors)))
}

async fn list_detail(
    cx: Context,
    links: Links,
    version: Version,
    params: Params,
) -> Result<Json<HypervisorList>> {
    let (rooms, limit) = selected(&cx, version.0, &params).await?;
    let mut hypervisors: Vec<Hypervisor> = rooms
        .iter()
        .map(|room| hypervisor_at(to_wire(&cx, room, version.0), version.0))
        .collect();
    if with_servers(version.0, &params) {
        add_servers(&cx, &mut hypervisors).await?;
    }
    Ok(Json(answer(&links, version.0, limit, hypervisors)))
}

fn answer(
    links: &Links,
    version: Microversion,
    limit: u64,
    hypervisors: Vec<Hypervisor>,
) -> HypervisorList {
    let last = hypervisors.last().map(|last| last.id.to_string());
    HypervisorList {
        hypervisors_links: if since(version, 33) {
            links.next(hypervisors.len(), limit, last.as_deref())
        } else {
            Vec::new()
        },
        hypervisors,
    }
}

async fn show(
    cx: Context,
    version: Version,
    params: Params,
    Path(id): Path<String>,
) -> Result<Json<HypervisorBody>> {
    let room = find(&cx, &id).await?;
    let mut found = vec![hypervisor_at(to_wire(&cx, &room, version.0), version.0)];
    if with_servers(version.0, &params) {
        add_servers(&cx, &mut found).await?;
    }
    let hypervisor = found.pop().unwrap_or_default();
    Ok(Json(HypervisorBody { hypervisor }))
}

async fn find(cx: &Context, id: &str) -> Result<HostRoom> {
    let host = ops::host_find(cx, id)
        .await
        .map_err(|_| Error::not_found("hypervisor", id))?;
    ops::host_rooms(cx)
        .await?
        .into_iter()
        .find(|room| room.host.name == host.name)
        .ok_or_else(|| Error::not_found("hypervisor", id))
}

/// Before 2.88, where it became a part of the hypervisor itself.
async fn uptime(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
) -> Result<Json<HypervisorBody>> {
    if since(version.0, 88) {
        return Err(Error::not_found("path", "from version 2.88 on"));
    }
    let host = find(&cx, &id).await?.host;
    let Some(said) = host.uptime.clone().filter(|_| host.up) else {
        return Err(Error::BadRequest(format!(
            "hypervisor {} is down: how long it is up is not known",
            host.name
        )));
    };
    let hypervisor = Hypervisor {
        uptime: Some(Some(said)),
        ..brief(&host, version.0)
    };
    Ok(Json(HypervisorBody { hypervisor }))
}

async fn statistics(cx: Context, version: Version) -> Result<Json<HypervisorStatisticsBody>> {
    if since(version.0, 88) {
        return Err(Error::not_found("path", "from version 2.88 on"));
    }
    let rooms = ops::host_rooms(&cx).await?;
    let mut sum = HypervisorStatistics::default();
    for room in rooms.iter().filter(|room| room.host.enabled) {
        let one = to_wire(&cx, room, version.0);
        let part = |value: Option<i64>| value.unwrap_or(0);
        sum.count += 1;
        sum.vcpus += part(one.vcpus);
        sum.vcpus_used += part(one.vcpus_used);
        sum.memory_mb += part(one.memory_mb);
        sum.memory_mb_used += part(one.memory_mb_used);
        sum.free_ram_mb += part(one.free_ram_mb);
        sum.local_gb += part(one.local_gb);
        sum.local_gb_used += part(one.local_gb_used);
        sum.free_disk_gb += part(one.free_disk_gb);
        sum.disk_available_least += part(one.disk_available_least.flatten());
        sum.running_vms += part(one.running_vms);
        sum.current_workload += part(one.current_workload);
    }
    Ok(Json(HypervisorStatisticsBody {
        hypervisor_statistics: sum,
    }))
}

async fn search(
    cx: Context,
    version: Version,
    Path(pattern): Path<String>,
) -> Result<Json<HypervisorList>> {
    old_only(version.0)?;
    let rooms = matching(ops::host_rooms(&cx).await?, &pattern)?;
    Ok(Json(HypervisorList {
        hypervisors: rooms
            .iter()
            .map(|room| brief(&room.host, version.0))
            .collect(),
        hypervisors_links: Vec::new(),
    }))
}

async fn servers(
    cx: Context,
    version: Version,
    Path(pattern): Path<String>,
) -> Result<Json<HypervisorList>> {
    old_only(version.0)?;
    let rooms = matching(ops::host_rooms(&cx).await?, &pattern)?;
    let mut hypervisors = rooms
        .iter()
        .map(|room| brief(&room.host, version.0))
        .collect::<Vec<_>>();
    add_servers(&cx, &mut hypervisors).await?;
    Ok(Json(HypervisorList {
        hypervisors,
        hypervisors_links: Vec::new(),
    }))
}

fn old_only(version: Microversion) -> Result<()> {
    if since(version, 53) {
        return Err(Error::not_found(
            "path",
            "from version 2.53 on; use hypervisor_hostname_pattern and with_servers",
        ));
    }
    Ok(())
}

fn with_servers(version: Microversion, params: &Params) -> bool {
    since(version, 53) && params.get("with_servers").and_then(parse_bool) == Some(true)
}

/// Adds the servers with claims on each hypervisor.
async fn add_servers(cx: &Context, hypervisors: &mut [Hypervisor]) -> Result<()> {
    let mut by_host: HashMap<String, Vec<HypervisorServer>> = HashMap::new();
    for hypervisor in hypervisors.iter() {
        let host = &hypervisor.hypervisor_hostname;
        let mut servers: Vec<_> = ops::claims_of_host(cx, host)
            .await?
            .into_iter()
            .map(|claim| claim.server)
            .collect();
        servers.sort_unstable();
        servers.dedup();
        let servers = servers.into_iter().map(|id| HypervisorServer {
            name: instance_name(id),
            uuid: id.to_string(),
        });
        by_host.insert(host.clone(), servers.collect());
    }
    for hypervisor in hypervisors {
        let servers = by_host.remove(&hypervisor.hypervisor_hostname);
        hypervisor.servers = servers.filter(|servers| !servers.is_empty());
    }
    Ok(())
}

fn id(host: &Host, version: Microversion) -> NumberOrUuid {
    if since(version, 53) {
        NumberOrUuid::Uuid(host.id.to_string())
    } else {
        NumberOrUuid::Number(host.number)
    }
}

fn brief(host: &Host, version: Microversion) -> Hypervisor {
    let works = host.up && host.trouble.is_none();
    Hypervisor {
        id: id(host, version),
        hypervisor_hostname: host.name.clone(),
        state: if works { "up" } else { "down" }.into(),
        status: if host.enabled { "enabled" } else { "disabled" }.into(),
        ..Hypervisor::default()
    }
}

/// The newest shape, with the sizes that older versions have. As Nova does, what is kept back counts as used.
fn to_wire(cx: &Context, room: &HostRoom, version: Microversion) -> Hypervisor {
    let host = &room.host;
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let used = room.used.plus(ops::allocation_ratios(cx).reserved);
    let left = host.total.minus(used);
    Hypervisor {
        service: Some(HypervisorService {
            id: id(host, version),
            host: host.name.clone(),
            disabled_reason: host.disabled_reason.clone(),
        }),
        hypervisor_type: Some(host.hypervisor_type.clone()),
        hypervisor_version: Some(host.hypervisor_version),
        uptime: Some(host.uptime.clone().filter(|_| host.up)),
        host_ip: host.address.map(|address| address.to_string()),
        vcpus: Some(signed(host.total.vcpus)),
        vcpus_used: Some(signed(room.used.vcpus)),
        memory_mb: Some(signed(host.total.memory_mb)),
        memory_mb_used: Some(signed(used.memory_mb)),
        free_ram_mb: Some(signed(left.memory_mb)),
        local_gb: Some(signed(host.total.disk_gb)),
        local_gb_used: Some(signed(used.disk_gb)),
        free_disk_gb: Some(signed(left.disk_gb)),
        disk_available_least: Some(Some(signed(host.disk_free_gb))),
        running_vms: Some(room.servers.into()),
        current_workload: Some(room.busy.into()),
        cpu_info: Some(json!({
            "arch": host.arch,
            "model": host.cpu_model,
            "features": host.cpu_features[..],
            "topology": {"cpus": host.total.vcpus},
        })),
        ..brief(host, version)
    }
}
