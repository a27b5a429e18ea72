//! `/servers/{id}`: one server, and what of it can be changed.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use sha2::{Digest, Sha224};

use crate::api::wire::{IntOrText, Link, Microversion};
use crate::api::{Body, Routes, Version, parse_id};
use crate::compute::api::links::Links;
use crate::compute::model::{FlavorCopy, Lock, Server, ServerView, Status};
use crate::compute::ops::{self, ServerChanges, server_delete, server_show, server_update};
use crate::compute::wire::microversion::{server_at, since};
use crate::compute::wire::{self, ServerBody, ServerUpdateRequest};
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/servers/{id}", "compute:server:show", show)
        .put("/v2.1/servers/{id}", "compute:server:update", update)
        .delete("/v2.1/servers/{id}", "compute:server:delete", delete)
        .get("/v2.1/servers/{id}/ips", "compute:server:show", ips)
        .get(
            "/v2.1/servers/{id}/ips/{network}",
            "compute:server:show",
            ips_of,
        )
}

async fn show(
    cx: Context,
    Version(version): Version,
    links: Links,
    Path(id): Path<String>,
) -> Result<Json<ServerBody>> {
    let view = server_show(&cx, parse_id("server", &id)?).await?;
    body(&cx, version, &links, view).await
}

async fn update(
    cx: Context,
    Version(version): Version,
    links: Links,
    Path(id): Path<String>,
    Body(ServerUpdateRequest { server: fields }): Body<ServerUpdateRequest>,
) -> Result<Json<ServerBody>> {
    let changes = ServerChanges {
        name: fields.name,
        description: fields.description,
        access_ipv4: fields.access_ipv4,
        access_ipv6: fields.access_ipv6,
        disk_config: fields.disk_config,
        hostname: fields.hostname,
    };
    let view = server_update(&cx, parse_id("server", &id)?, changes).await?;
    body(&cx, version, &links, view).await
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    server_delete(&cx, parse_id("server", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ips(cx: Context, Path(id): Path<String>) -> Result<Json<wire::AddressesBody>> {
    let view = server_show(&cx, parse_id("server", &id)?).await?;
    Ok(Json(wire::AddressesBody {
        addresses: addresses(&view),
    }))
}

async fn ips_of(
    cx: Context,
    Path((id, network)): Path<(String, String)>,
) -> Result<Json<BTreeMap<String, Vec<wire::ServerAddress>>>> {
    let view = server_show(&cx, parse_id("server", &id)?).await?;
    let mut all = addresses(&view);
    all.remove(&network)
        .map(|found| Json(BTreeMap::from([(network.clone(), found)])))
        .ok_or_else(|| crate::error::Error::not_found("network", network))
}

/// The server in full, as an answer.
pub(super) async fn body(
    cx: &Context,
    version: Microversion,
    links: &Links,
    view: ServerView,
) -> Result<Json<ServerBody>> {
    let hosts = HostStatuses::read(cx, version).await?;
    let group = match since(version, 71) {
        true => ops::server_group_of(cx, view.server.id).await?,
        false => None,
    };
    let full = wire::Server {
        server_groups: Some(group.iter().map(ToString::to_string).collect()),
        ..to_wire(cx, links, &hosts, view)
    };
    let server = server_at(full, version, false);
    Ok(Json(ServerBody { server }))
}

/// Whether hosts are up, for administrators from 2.16 on.
#[derive(Default)]
pub(super) struct HostStatuses(HashMap<String, &'static str>);

impl HostStatuses {
    /// Reads them, if they will be shown.
    pub async fn read(cx: &Context, version: Microversion) -> Result<Self> {
        if !cx.actor.is_admin() || !since(version, 16) {
            return Ok(Self::default());
        }
        let hosts = ops::host_list(cx).await?;
        let status = |up: bool, enabled: bool| match (up, enabled) {
            (false, _) => "DOWN",
            (true, false) => "MAINTENANCE",
            (true, true) => "UP",
        };
        Ok(Self(
            hosts
                .into_iter()
                .map(|host| (host.name, status(host.up, host.enabled)))
                .collect(),
        ))
    }
}

/// The server in the newest and fullest shape.
pub(super) fn to_wire(
    cx: &Context,
    links: &Links,
    hosts: &HostStatuses,
    view: ServerView,
) -> wire::Server {
    let addresses = addresses(&view);
    let ServerView {
        server,
        tags,
        volumes,
        groups: has,
        ..
    } = view;
    let admin = cx.actor.is_admin();
    let for_admin = |value: String| admin.then_some(value);
    let (fault, instance_name) = (fault(&server), for_admin(server.instance_name()));
    let (status, progress, host_id) = (server.status(), server.progress(), host_id(&server));
    let detail = server.detail;
    let host = server.host.unwrap_or_default();
    wire::Server {
        id: server.id.to_string(),
        name: server.name,
        status: status.name().to_owned(),
        tenant_id: server.project.to_string(),
        user_id: server.user.map(|user| user.to_string()).unwrap_or_default(),
        metadata: detail.metadata,
        host_id,
        image: server.image.map(|image| wire::ServerImage {
            id: image.to_string(),
            links: bookmark(links, "images", &image.to_string()),
        }),
        flavor: flavor(server.flavor, links),
        created: server.created_at.to_seconds_text(),
        updated: server.updated_at.to_seconds_text(),
        addresses,
        access_ipv4: detail.access_ipv4,
        access_ipv6: detail.access_ipv6,
        links: links.item("servers", &server.id.to_string()),
        disk_config: detail.disk_config,
        progress,
        availability_zone: server.availability_zone.unwrap_or_default(),
        config_drive: if detail.config_drive { "True" } else { "" }.to_owned(),
        key_name: detail.key_name,
        launched_at: server.launched_at.map(Time::to_micros_text),
        terminated_at: server.deleted_at.map(Time::to_micros_text),
        vm_state: server.vm_state.name().to_owned(),
        task_state: server.task_state.map(|task| task.name().to_owned()),
        power_state: server.power_state.number(),
        volumes_attached: volumes
            .iter()
            .map(|volume| wire::AttachedVolume {
                id: volume.volume.to_string(),
                delete_on_termination: Some(volume.delete_on_termination),
            })
            .collect(),
        // As it was asked for, until its ports are there.
        security_groups: groups(if has.is_empty() {
            &detail.security_groups
        } else {
            &has
        }),
        fault,
        host_status: hosts.0.get(&host).map(|status| (*status).to_owned()),
        hypervisor_hostname: for_admin(host.clone()),
        host: for_admin(host),
        instance_name,
        reservation_id: for_admin(server.reservation_id),
        launch_index: admin.then_some(detail.launch_index),
        hostname: Some(detail.hostname),
        root_device_name: for_admin("/dev/vda".to_owned()),
        user_data: server.user_data.filter(|_| admin),
        kernel_id: for_admin(String::new()),
        ramdisk_id: for_admin(String::new()),
        locked: Some(server.locked != Lock::None),
        locked_reason: Some(detail.locked_reason),
        description: Some(detail.description),
        tags: Some(tags),
        trusted_image_certificates: Some(None),
        server_groups: Some(Vec::new()),
        admin_pass: None,
    }
}

/// The same for all servers of one project on one host, and no way back to the host's name.
pub(super) fn host_id(server: &Server) -> String {
    server.host.as_ref().map_or_else(String::new, |host| {
        hex::encode(Sha224::digest(format!("{}{host}", server.project)))
    })
}

fn bookmark(links: &Links, collection: &str, id: &str) -> Vec<Link> {
    links
        .item(collection, id)
        .into_iter()
        .filter(|link| link.rel == "bookmark")
        .collect()
}

fn flavor(flavor: FlavorCopy, links: &Links) -> wire::ServerFlavor {
    wire::ServerFlavor {
        links: bookmark(links, "flavors", &flavor.id),
        id: Some(flavor.id),
        original_name: Some(flavor.name),
        vcpus: Some(flavor.vcpus.into()),
        ram: Some(flavor.memory_mb),
        disk: Some(flavor.disk_gb),
        ephemeral: Some(flavor.ephemeral_gb),
        swap: Some(IntOrText::Int(flavor.swap_mb)),
        extra_specs: Some(flavor.extra_specs),
    }
}

fn addresses(view: &ServerView) -> BTreeMap<String, Vec<wire::ServerAddress>> {
    let mut all: BTreeMap<String, Vec<wire::ServerAddress>> = BTreeMap::new();
    for found in &view.addresses {
        all.entry(found.network.clone())
            .or_default()
            .push(wire::ServerAddress {
                version: if found.address.is_ipv4() { 4 } else { 6 },
                addr: found.address.to_string(),
                kind: if found.is_floating {
                    "floating"
                } else {
                    "fixed"
                }
                .to_owned(),
                mac_addr: found.mac.clone(),
            });
    }
    all
}

pub(super) fn groups(names: &[String]) -> Option<Vec<wire::NameOnly>> {
    let groups: Vec<wire::NameOnly> = names
        .iter()
        .map(|name| wire::NameOnly { name: name.clone() })
        .collect();
    (!groups.is_empty()).then_some(groups)
}

/// Nova shows a fault only where the status says that there is one; a stopped guest's reason is worth as much.
fn fault(server: &Server) -> Option<wire::Fault> {
    let shown = matches!(
        server.status(),
        Status::Error | Status::Deleted | Status::Shutoff
    );
    let fault = server.fault.as_ref().filter(|_| shown)?;
    Some(wire::Fault {
        code: fault.code,
        created: fault.created.to_seconds_text(),
        message: fault.message.clone(),
        details: fault.details.clone(),
    })
}
