//! `/servers/{id}/os-volume_attachments` and `/servers/{id}/os-interface`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;

use super::create::parsed;
use crate::api::wire::Microversion;
use crate::api::{Body, Routes, Version, parse_id};
use crate::compute::ops::{
    AttachWish, NicRequest, VolumeUse, server_interface_attach, server_interface_detach,
    server_interface_list, server_interface_show, server_interface_wait, server_volume_attach,
    server_volume_detach, server_volume_list, server_volume_show, server_volume_update,
};
use crate::compute::wire::microversion::volume_attachment_at;
use crate::compute::wire::{
    InterfaceAddress, InterfaceAttachRequest, InterfaceAttachment, InterfaceAttachmentBody,
    InterfaceAttachmentList, VolumeAttachRequest, VolumeAttachment, VolumeAttachmentBody,
    VolumeAttachmentList,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;
use crate::network::model::Port;

pub(super) fn routes(routes: Routes) -> Routes {
    const VOLUMES: &str = "/v2.1/servers/{id}/os-volume_attachments";
    const VOLUME: &str = "/v2.1/servers/{id}/os-volume_attachments/{volume}";
    const PORTS: &str = "/v2.1/servers/{id}/os-interface";
    const PORT: &str = "/v2.1/servers/{id}/os-interface/{port}";
    routes
        .get(VOLUMES, "compute:server:show", volumes)
        .post(VOLUMES, "compute:server:attach", attach)
        .get(VOLUME, "compute:server:show", volume)
        .put(VOLUME, "compute:server:attach", keep)
        .delete(VOLUME, "compute:server:attach", detach)
        .get(PORTS, "compute:server:show", ports)
        .post(PORTS, "compute:server:attach", plug)
        .get(PORT, "compute:server:show", port)
        .delete(PORT, "compute:server:attach", unplug)
}

fn volume_to_wire(
    server: ServerId,
    version: Microversion,
    (row, found): VolumeUse,
) -> VolumeAttachment {
    let attachment = VolumeAttachment {
        id: None,
        server_id: server.to_string(),
        volume_id: row.volume.to_string(),
        device: row.device,
        tag: Some(row.tag),
        delete_on_termination: Some(row.delete_on_termination),
        attachment_id: found.as_ref().map(|found| found.id.to_string()),
        bdm_uuid: found.map(|found| found.id.to_string()),
    };
    volume_attachment_at(attachment, version)
}

async fn volumes(
    cx: Context,
    Version(version): Version,
    Path(id): Path<String>,
) -> Result<Json<VolumeAttachmentList>> {
    let id = parse_id("server", &id)?;
    let found = server_volume_list(&cx, id).await?;
    Ok(Json(VolumeAttachmentList {
        volume_attachments: found
            .into_iter()
            .map(|one| volume_to_wire(id, version, one))
            .collect(),
    }))
}

async fn volume(
    cx: Context,
    Version(version): Version,
    Path((id, volume)): Path<(String, String)>,
) -> Result<Json<VolumeAttachmentBody>> {
    let id = parse_id("server", &id)?;
    let volume = parse_id("volume_attachment", &volume)?;
    let found = server_volume_show(&cx, id, volume).await?;
    Ok(Json(VolumeAttachmentBody {
        volume_attachment: volume_to_wire(id, version, found),
    }))
}

async fn attach(
    cx: Context,
    Version(version): Version,
    Path(id): Path<String>,
    Body(VolumeAttachRequest {
        volume_attachment: wish,
    }): Body<VolumeAttachRequest>,
) -> Result<Json<VolumeAttachmentBody>> {
    let id = parse_id("server", &id)?;
    let volume = wish
        .volume_id
        .parse()
        .map_err(|_| Error::invalid("volumeAttachment.volumeId", "it is no id of a volume"))?;
    let how = AttachWish {
        tag: wish.tag,
        delete_on_termination: wish.delete_on_termination.unwrap_or(false),
    };
    let (found, _) = server_volume_attach(&cx, id, volume, how).await?;
    Ok(Json(VolumeAttachmentBody {
        volume_attachment: volume_to_wire(id, version, found),
    }))
}

async fn keep(
    cx: Context,
    Path((id, volume)): Path<(String, String)>,
    Body(VolumeAttachRequest {
        volume_attachment: wish,
    }): Body<VolumeAttachRequest>,
) -> Result<StatusCode> {
    let id = parse_id("server", &id)?;
    if !wish.volume_id.is_empty() && wish.volume_id != volume {
        return Err(Error::invalid(
            "volumeAttachment.volumeId",
            "one volume is not exchanged for another here; detach one and attach the other",
        ));
    }
    let volume = parse_id("volume_attachment", &volume)?;
    let goes = wish
        .delete_on_termination
        .ok_or_else(|| Error::invalid("volumeAttachment.delete_on_termination", "is missing"))?;
    server_volume_update(&cx, id, volume, goes).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn detach(cx: Context, Path((id, volume)): Path<(String, String)>) -> Result<StatusCode> {
    let id = parse_id("server", &id)?;
    let volume = parse_id("volume_attachment", &volume)?;
    server_volume_detach(&cx, id, volume).await?;
    Ok(StatusCode::ACCEPTED)
}

fn port_to_wire(port: &Port) -> InterfaceAttachment {
    InterfaceAttachment {
        port_state: port.status.name().to_owned(),
        port_id: port.id.to_string(),
        net_id: port.network.to_string(),
        mac_addr: port.mac.clone(),
        fixed_ips: port
            .addresses
            .iter()
            .map(|found| InterfaceAddress {
                ip_address: found.address.to_string(),
                subnet_id: found.subnet.to_string(),
            })
            .collect(),
        tag: None,
    }
}

async fn ports(cx: Context, Path(id): Path<String>) -> Result<Json<InterfaceAttachmentList>> {
    let found = server_interface_list(&cx, parse_id("server", &id)?).await?;
    Ok(Json(InterfaceAttachmentList {
        interface_attachments: found.iter().map(port_to_wire).collect(),
    }))
}

async fn port(
    cx: Context,
    Path((id, port)): Path<(String, String)>,
) -> Result<Json<InterfaceAttachmentBody>> {
    let port = parse_id("port", &port)?;
    let found = server_interface_show(&cx, parse_id("server", &id)?, port).await?;
    Ok(Json(InterfaceAttachmentBody {
        interface_attachment: port_to_wire(&found),
    }))
}

async fn plug(
    cx: Context,
    Path(id): Path<String>,
    Body(InterfaceAttachRequest {
        interface_attachment: wish,
    }): Body<InterfaceAttachRequest>,
) -> Result<Json<InterfaceAttachmentBody>> {
    let addresses = wish.fixed_ips.unwrap_or_default();
    if addresses.len() > 1 {
        return Err(Error::invalid(
            "interfaceAttachment.fixed_ips",
            "one address can be chosen; give the port more afterwards",
        ));
    }
    let address = addresses.into_iter().next().map(|one| one.ip_address);
    let nic = NicRequest {
        network: parsed("interfaceAttachment.net_id", wish.net_id)?,
        port: parsed("interfaceAttachment.port_id", wish.port_id)?,
        fixed_ip: parsed("interfaceAttachment.fixed_ips[0].ip_address", address)?,
        tag: wish.tag,
    };
    let (port, operation) = server_interface_attach(&cx, parse_id("server", &id)?, nic).await?;
    let made = server_interface_wait(&cx, port, operation).await?;
    Ok(Json(InterfaceAttachmentBody {
        interface_attachment: port_to_wire(&made),
    }))
}

async fn unplug(cx: Context, Path((id, port)): Path<(String, String)>) -> Result<StatusCode> {
    let port = parse_id("port", &port)?;
    server_interface_detach(&cx, parse_id("server", &id)?, port).await?;
    Ok(StatusCode::ACCEPTED)
}
