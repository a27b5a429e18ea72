//! `/network/v2.0/floatingips`.

use std::net::Ipv4Addr;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;

use super::listing;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, FloatingIpChanges, NewFloatingIp, TargetWish};
use crate::network::ops;
use crate::network::wire::{FloatingIp, FloatingIpBody, FloatingIpFields, FloatingIpRequest};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::floating_list(&cx).await?;
    listing::list("floatingips", found.iter().map(to_wire).collect(), &params).map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<FloatingIpBody>> {
    let floating = ops::floating_show(&cx, parse_id("floatingip", &id)?).await?;
    Ok(body(&floating))
}

pub(super) async fn create(
    cx: Context,
    Body(FloatingIpRequest { floatingip: fields }): Body<FloatingIpRequest>,
) -> Result<(StatusCode, Json<FloatingIpBody>)> {
    let network = fields
        .floating_network_id
        .as_deref()
        .ok_or_else(|| Error::invalid("floating_network_id", "it is needed"))?;
    let new = NewFloatingIp {
        project: fields
            .project_id
            .as_deref()
            .map(|id| parse_field("project_id", id))
            .transpose()?,
        network: parse_field("floating_network_id", network)?,
        subnet: fields
            .subnet_id
            .as_deref()
            .map(|id| parse_field("subnet_id", id))
            .transpose()?,
        address: fields
            .floating_ip_address
            .as_deref()
            .map(|text| address("floating_ip_address", text))
            .transpose()?,
        target: target(&fields)?.flatten(),
        description: fields.description.unwrap_or_default(),
    };
    let floating = ops::floating_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&floating)))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(FloatingIpRequest { floatingip: fields }): Body<FloatingIpRequest>,
) -> Result<Json<FloatingIpBody>> {
    for (field, given) in [
        ("floating_network_id", fields.floating_network_id.is_some()),
        ("subnet_id", fields.subnet_id.is_some()),
        ("floating_ip_address", fields.floating_ip_address.is_some()),
        ("project_id", fields.project_id.is_some()),
    ] {
        if given {
            return Err(Error::invalid(
                field,
                "it can not be changed; allocate another floating IP",
            ));
        }
    }
    let changes = FloatingIpChanges {
        target: target(&fields)?,
        description: fields.description,
        tags: None,
    };
    let floating = ops::floating_update(&cx, parse_id("floatingip", &id)?, changes).await?;
    Ok(body(&floating))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::floating_delete(&cx, parse_id("floatingip", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Absent: as it is. `null` or empty: nowhere.
fn target(fields: &FloatingIpFields) -> Result<Option<Option<TargetWish>>> {
    let port = fields
        .port_id
        .as_ref()
        .map(|port| port.as_deref().filter(|id| !id.is_empty()));
    let fixed = fields
        .fixed_ip_address
        .as_deref()
        .map(|text| address("fixed_ip_address", text))
        .transpose()?;
    match port {
        Some(Some(id)) => Ok(Some(Some(TargetWish {
            port: parse_field("port_id", id)?,
            address: fixed,
        }))),
        _ if fixed.is_some() => Err(Error::BadRequest(
            "fixed_ip_address cannot be specified without a port_id".into(),
        )),
        Some(None) => Ok(Some(None)),
        None => Ok(None),
    }
}

fn address(field: &str, text: &str) -> Result<Ipv4Addr> {
    text.parse()
        .map_err(|_| Error::invalid(field, format!("{text:?} is no IPv4 address")))
}

fn body(floating: &model::FloatingIp) -> Json<FloatingIpBody> {
    Json(FloatingIpBody {
        floatingip: to_wire(floating),
    })
}

fn to_wire(floating: &model::FloatingIp) -> FloatingIp {
    let project = floating.project.to_string();
    FloatingIp {
        id: floating.id.to_string(),
        tenant_id: project.clone(),
        project_id: project,
        description: floating.description.clone(),
        floating_ip_address: floating.address.to_string(),
        floating_network_id: floating.network.to_string(),
        router_id: floating.target.map(|to| to.router.to_string()),
        port_id: floating.target.map(|to| to.port.to_string()),
        fixed_ip_address: floating.target.map(|to| to.address.to_string()),
        status: if floating.is_active { "ACTIVE" } else { "DOWN" }.to_owned(),
        tags: floating.tags.clone(),
        revision_number: floating.revision,
        created_at: floating.created_at.to_seconds_text(),
        updated_at: floating.updated_at.to_seconds_text(),
        ..FloatingIp::default()
    }
}
