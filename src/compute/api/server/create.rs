//! `POST /servers`.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::show::groups;
use crate::api::{Body, Routes};
use crate::compute::api::links::Links;
use crate::compute::ops::{
    DiskRequest, DiskSource, NetworkChoice, NewServer, NicRequest, server_create,
};
use crate::compute::wire::{
    BlockDevice, CreatedServer, NetworkRequested, Networks, NetworksWord, ServerCreateRequest,
    ServerCreated,
};
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/v2.1/servers", "compute:server:create", create)
}

async fn create(
    cx: Context,
    links: Links,
    Body(body): Body<ServerCreateRequest>,
) -> Result<(StatusCode, HeaderMap, Json<ServerCreated>)> {
    let reservation = body.server.return_reservation_id == Some(true);
    let made = server_create(&cx, to_request(body)?).await?;
    let first = made
        .first()
        .ok_or_else(|| Error::Internal("no server was made".into()))?;
    let id = first.id.to_string();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&links.at(&format!("servers/{id}"))) {
        headers.insert(header::LOCATION, value);
    }
    let answer = if reservation {
        ServerCreated::Reservation {
            reservation_id: first.reservation_id.clone(),
        }
    } else {
        ServerCreated::Server {
            server: CreatedServer {
                links: links.item("servers", &id),
                id,
                disk_config: first.detail.disk_config.clone(),
                security_groups: groups(&first.detail.security_groups).unwrap_or_default(),
                admin_pass: None,
            },
        }
    };
    Ok((StatusCode::ACCEPTED, headers, Json(answer)))
}

/// The body in the terms of the operation.
pub(super) fn to_request(body: ServerCreateRequest) -> Result<NewServer> {
    let server = body.server;
    if server.personality.is_some_and(|files| !files.is_empty()) {
        return Err(Error::invalid(
            "personality",
            "files are not put into guests here; use user_data",
        ));
    }
    let image =
        match server.image_ref.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => Some(last_segment(text).parse().map_err(|_| {
                Error::invalid("imageRef", format!("{text:?} is no id of an image"))
            })?),
            None => None,
        };
    let least = server.min_count.unwrap_or(1);
    let mut tags = server.tags.unwrap_or_default();
    tags.sort_unstable();
    tags.dedup();
    Ok(NewServer {
        name: server.name,
        description: server.description,
        flavor: last_segment(&server.flavor_ref).to_owned(),
        image,
        networks: networks(server.networks)?,
        key_name: server.key_name,
        user_data: server.user_data.filter(|text| !text.is_empty()),
        metadata: server.metadata,
        tags,
        availability_zone: server.availability_zone,
        host: server.host.or(server.hypervisor_hostname),
        security_groups: server
            .security_groups
            .unwrap_or_default()
            .into_iter()
            .map(|group| group.name)
            .collect(),
        disks: server
            .block_device_mapping_v2
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(at, device)| disk(at, device))
            .collect::<Result<_>>()?,
        config_drive: server.config_drive,
        count: (least, server.max_count.unwrap_or(least)),
        access_ipv4: server.access_ipv4,
        access_ipv6: server.access_ipv6,
        disk_config: server.disk_config,
        hostname: server.hostname,
        hints: body.scheduler_hints.unwrap_or_default(),
    })
}

/// References may be whole addresses that end in the id.
fn last_segment(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

fn networks(networks: Option<Networks>) -> Result<NetworkChoice> {
    Ok(match networks {
        None => NetworkChoice::Any,
        Some(Networks::Word(NetworksWord::Auto)) => NetworkChoice::Auto,
        Some(Networks::Word(NetworksWord::None)) => NetworkChoice::Nothing,
        Some(Networks::List(list)) if list.is_empty() => NetworkChoice::Any,
        Some(Networks::List(list)) => NetworkChoice::These(
            list.into_iter()
                .enumerate()
                .map(|(at, nic)| self::nic(at, nic))
                .collect::<Result<_>>()?,
        ),
    })
}

fn nic(at: usize, nic: NetworkRequested) -> Result<NicRequest> {
    let field = |name: &str| format!("networks[{at}].{name}");
    Ok(NicRequest {
        network: parsed(&field("uuid"), nic.uuid)?,
        port: parsed(&field("port"), nic.port)?,
        fixed_ip: parsed(&field("fixed_ip"), nic.fixed_ip)?,
        tag: nic.tag,
    })
}

/// Text as a value of its own type; empty text is none.
pub(super) fn parsed<T: std::str::FromStr>(field: &str, text: Option<String>) -> Result<Option<T>> {
    text.filter(|text| !text.is_empty())
        .map(|text| {
            text.parse()
                .map_err(|_| Error::invalid(field, format!("{text:?} is not understood")))
        })
        .transpose()
}

fn disk(at: usize, device: BlockDevice) -> Result<DiskRequest> {
    let field = |name: &str| format!("block_device_mapping_v2[{at}].{name}");
    let needed = || Error::invalid(field("uuid"), "is missing");
    let source = match device.source_type.as_str() {
        "blank" => DiskSource::Blank,
        "image" => DiskSource::Image(parsed(&field("uuid"), device.uuid)?.ok_or_else(needed)?),
        "volume" => DiskSource::Volume(parsed(&field("uuid"), device.uuid)?.ok_or_else(needed)?),
        "snapshot" => {
            DiskSource::Snapshot(parsed(&field("uuid"), device.uuid)?.ok_or_else(needed)?)
        }
        other => {
            return Err(Error::invalid(
                field("source_type"),
                format!("{other:?} is none of blank, image, snapshot, volume"),
            ));
        }
    };
    let is_volume = match device.destination_type.as_deref() {
        Some("volume") => true,
        Some("local") => false,
        None => matches!(source, DiskSource::Volume(_) | DiskSource::Snapshot(_)),
        Some(other) => {
            return Err(Error::invalid(
                field("destination_type"),
                format!("{other:?} is neither local nor volume"),
            ));
        }
    };
    Ok(DiskRequest {
        source,
        is_volume,
        size_gb: device.volume_size,
        boot: device.boot_index == Some(0),
        delete_on_termination: device.delete_on_termination.unwrap_or(!is_volume),
        tag: device.tag,
    })
}
