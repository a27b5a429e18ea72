//! `/network/v2.0/ports`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use ipnet::IpNet;
use serde_json::Value;

use super::listing;
use super::security_rules::prefix;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{PortId, SecurityGroupId};
use crate::network::model::{
    self, AddressPair, AddressWish, Addresses, NewPort, PortChanges, PortQuery,
};
use crate::network::ops;
use crate::network::wire::{self, FixedIp, Port, PortBody, PortRequest};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::port_list(&cx, PortQuery::default()).await?;
    listing::list(
        "ports",
        found.iter().map(|port| to_wire(&cx, port)).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<PortBody>> {
    let port = ops::port_show(&cx, parse_id("port", &id)?).await?;
    Ok(Json(PortBody {
        port: to_wire(&cx, &port),
    }))
}

pub(super) async fn create(
    cx: Context,
    Body(PortRequest { port: fields }): Body<PortRequest>,
) -> Result<(StatusCode, Json<PortBody>)> {
    let network = fields
        .network_id
        .as_deref()
        .ok_or_else(|| Error::invalid("network_id", "it is needed"))?;
    let project = match &fields.project_id {
        Some(id) => id
            .parse()
            .map_err(|_| Error::invalid("project_id", "it is no id"))?,
        None => cx.project()?.id,
    };
    let mut new = NewPort::new(PortId::new(), parse_field("network_id", network)?, project);
    new.name = fields.name.unwrap_or_default();
    new.description = fields.description.unwrap_or_default();
    new.mac = fields.mac_address.filter(|mac| !mac.is_empty());
    if let Some(wishes) = fields.fixed_ips {
        new.addresses = Addresses::These(addresses("fixed_ips", &wishes)?);
    }
    new.device_id = fields.device_id.unwrap_or_default();
    new.device_owner = fields.device_owner.unwrap_or_default();
    new.admin_state_up = fields.admin_state_up.unwrap_or(true);
    new.port_security = fields.port_security_enabled;
    new.groups = groups(fields.security_groups)?;
    new.pairs = pairs(fields.allowed_address_pairs)?.unwrap_or_default();
    new.hostname = fields.dns_name.filter(|name| !name.is_empty());
    let port = ops::port_create(&cx, &new).await?;
    Ok((
        StatusCode::CREATED,
        Json(PortBody {
            port: to_wire(&cx, &port),
        }),
    ))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(PortRequest { port: fields }): Body<PortRequest>,
) -> Result<Json<PortBody>> {
    let changes = PortChanges {
        name: fields.name,
        description: fields.description,
        mac: fields.mac_address,
        addresses: fields
            .fixed_ips
            .map(|wishes| addresses("fixed_ips", &wishes))
            .transpose()?,
        device_id: fields.device_id,
        device_owner: fields.device_owner,
        admin_state_up: fields.admin_state_up,
        port_security: fields.port_security_enabled,
        hostname: fields.dns_name,
        pairs: pairs(fields.allowed_address_pairs)?,
        groups: groups(fields.security_groups)?,
        tags: None,
    };
    let port = ops::port_update(&cx, parse_id("port", &id)?, changes).await?;
    Ok(Json(PortBody {
        port: to_wire(&cx, &port),
    }))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::port_delete(&cx, parse_id("port", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn groups(ids: Option<Vec<String>>) -> Result<Option<Vec<SecurityGroupId>>> {
    let parsed = |ids: Vec<String>| {
        ids.iter()
            .map(|id| parse_field("security_groups", id))
            .collect()
    };
    ids.map(parsed).transpose()
}

fn pairs(pairs: Option<Vec<wire::AddressPair>>) -> Result<Option<Vec<AddressPair>>> {
    let parsed = |pairs: Vec<wire::AddressPair>| {
        pairs
            .into_iter()
            .map(|pair| {
                Ok(AddressPair {
                    prefix: prefix("allowed_address_pairs", &pair.ip_address)?,
                    mac: pair.mac_address.filter(|mac| !mac.is_empty()),
                })
            })
            .collect()
    };
    pairs.map(parsed).transpose()
}

/// A single address is written without the length of its prefix.
fn range(prefix: &IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

pub(super) fn addresses(field: &str, wishes: &[FixedIp]) -> Result<Vec<AddressWish>> {
    let wish = |wish: &FixedIp| {
        let subnet = wish
            .subnet_id
            .as_deref()
            .map(|id| parse_field(field, id))
            .transpose()?;
        let address = wish.ip_address.as_deref();
        let address = address
            .map(|text| {
                text.parse()
                    .map_err(|_| Error::invalid(field, format!("{text:?} is no address")))
            })
            .transpose()?;
        Ok(AddressWish { subnet, address })
    };
    wishes.iter().map(wish).collect()
}

fn to_wire(cx: &Context, port: &model::Port) -> Port {
    let project = port.project.to_string();
    let admin = cx.actor.is_admin();
    Port {
        id: port.id.to_string(),
        name: port.name.clone(),
        description: port.description.clone(),
        network_id: port.network.to_string(),
        tenant_id: project.clone(),
        project_id: project,
        mac_address: port.mac.clone(),
        fixed_ips: port
            .addresses
            .iter()
            .map(|at| FixedIp {
                subnet_id: Some(at.subnet.to_string()),
                ip_address: Some(at.address.to_string()),
            })
            .collect(),
        device_id: port.device_id.clone(),
        device_owner: port.device_owner.clone(),
        admin_state_up: port.admin_state_up,
        status: status(port).to_owned(),
        security_groups: port.groups.iter().map(ToString::to_string).collect(),
        // Neutron says the port's own address where a pair has none.
        allowed_address_pairs: port
            .pairs
            .iter()
            .map(|pair| wire::AddressPair {
                ip_address: range(&pair.prefix),
                mac_address: Some(pair.mac.clone().unwrap_or_else(|| port.mac.clone())),
            })
            .collect(),
        port_security_enabled: Some(port.port_security),
        vnic_type: Some("normal".to_owned()),
        host_id: admin.then(|| port.host.clone().unwrap_or_default()),
        vif_type: admin.then(|| {
            if port.host.is_some() {
                "bridge"
            } else {
                "unbound"
            }
            .to_owned()
        }),
        dns_name: port.hostname.clone(),
        tags: port.tags.clone(),
        revision_number: port.revision,
        created_at: port.created_at.to_seconds_text(),
        updated_at: port.updated_at.to_seconds_text(),
        ..Port::default()
    }
}

/// What holds a floating IP is nowhere, and so neither up nor down, as Neutron says it.
fn status(port: &model::Port) -> &'static str {
    if port.device_owner == model::FLOATING_OWNER {
        "N/A"
    } else {
        port.status.name()
    }
}
