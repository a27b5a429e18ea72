//! `/os-services`: nodes as `nova-compute`, control processes as `nova-conductor` and `nova-scheduler`; and
//! `/skydeck/v1/services`, where each is what it is, with version, start and clock.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use uuid::Uuid;

use crate::api::wire::{Microversion, ServiceDetail, ServiceDetailList};
use crate::api::{Body, Params, Routes, Version};
use crate::compute::model::{ControlProcess, Host, zone_of_host};
use crate::compute::ops::{self, HostDecision};
use crate::compute::wire::microversion::{service_at, since};
use crate::compute::wire::{
    ComputeService, ComputeServiceBody, ComputeServiceList, ComputeServiceUpdate, NumberOrUuid,
};
use crate::context::Context;
use crate::error::{Error, Result};

/// Binary of nodes.
const COMPUTE: &str = "nova-compute";
/// Binaries of a control process.
const CONTROL: [&str; 2] = ["nova-conductor", "nova-scheduler"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/v2.1/os-services", "compute:service:list", list)
        .put("/v2.1/os-services/{id}", "compute:service:update", update)
        .delete("/v2.1/os-services/{id}", "compute:service:delete", delete)
}

/// The routes below `/skydeck/v1`.
pub(super) fn skydeck_routes(routes: Routes) -> Routes {
    routes.get("/services", "compute:service:list", details)
}

async fn list(cx: Context, version: Version, params: Params) -> Result<Json<ComputeServiceList>> {
    let mut services = all(&cx, version.0).await?;
    let fits = |name: &str, value: &str| params.get(name).is_none_or(|wanted| wanted == value);
    services.retain(|service| fits("host", &service.host) && fits("binary", &service.binary));
    Ok(Json(ComputeServiceList { services }))
}

/// Every service, by host.
async fn all(cx: &Context, version: Microversion) -> Result<Vec<ComputeService>> {
    let hosts = ops::host_list(cx).await?;
    let control = ops::control_list(cx).await?;
    let mut services: Vec<ComputeService> = control
        .iter()
        .flat_map(|process| control_services(process, version))
        .collect();
    let aggregates = ops::aggregate_list(cx).await?;
    let zone = |host: &Host| zone_of_host(&aggregates, &host.name).to_owned();
    services.extend(hosts.iter().map(|host| to_wire(host, zone(host), version)));
    Ok(services)
}

/// From 2.53 on by id; before that the path names what to do and the body where.
async fn update(
    cx: Context,
    version: Version,
    Path(id): Path<String>,
    Body(fields): Body<ComputeServiceUpdate>,
) -> Result<Json<ComputeServiceBody>> {
    let (host, decision) = if since(version.0, 53) {
        (node_by_id(&cx, version.0, &id).await?, decision(&fields)?)
    } else {
        let host = fields
            .host
            .clone()
            .ok_or_else(|| Error::invalid("host", "it is needed"))?;
        if fields
            .binary
            .as_deref()
            .is_some_and(|binary| binary != COMPUTE)
        {
            return Err(not_a_node(fields.binary.as_deref().unwrap_or_default()));
        }
        (host, old_decision(version.0, &id, &fields)?)
    };
    let host = ops::host_update(&cx, &host, &decision).await?;
    Ok(Json(ComputeServiceBody {
        service: to_wire(&host, ops::host_zone(&cx, &host.name).await?, version.0),
    }))
}

fn decision(fields: &ComputeServiceUpdate) -> Result<HostDecision> {
    let enabled = match fields.status.as_deref() {
        None => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        Some(other) => {
            return Err(Error::invalid(
                "status",
                format!("{other:?} is neither enabled nor disabled"),
            ));
        }
    };
    if enabled.is_none() && fields.disabled_reason.is_none() && fields.forced_down.is_none() {
        return Err(Error::BadRequest(
            "nothing to change: status, disabled_reason or forced_down is needed".into(),
        ));
    }
    Ok(HostDecision {
        enabled,
        disabled_reason: fields.disabled_reason.clone(),
        forced_down: fields.forced_down,
    })
}

fn old_decision(
    version: Microversion,
    verb: &str,
    fields: &ComputeServiceUpdate,
) -> Result<HostDecision> {
    let enabled = |enabled: bool| HostDecision {
        enabled: Some(enabled),
        ..HostDecision::default()
    };
    match verb {
        "enable" => Ok(enabled(true)),
        "disable" => Ok(enabled(false)),
        "disable-log-reason" => Ok(HostDecision {
            disabled_reason: Some(
                fields
                    .disabled_reason
                    .clone()
                    .ok_or_else(|| Error::invalid("disabled_reason", "it is needed"))?,
            ),
            ..enabled(false)
        }),
        "force-down" if since(version, 11) => Ok(HostDecision {
            forced_down: Some(
                fields
                    .forced_down
                    .ok_or_else(|| Error::invalid("forced_down", "it is needed"))?,
            ),
            ..HostDecision::default()
        }),
        other => Err(Error::not_found("action", other)),
    }
}

/// The host of the `nova-compute` with this id.
async fn node_by_id(cx: &Context, version: Microversion, id: &str) -> Result<String> {
    let service = by_id(cx, version, id).await?;
    if service.binary == COMPUTE {
        Ok(service.host)
    } else {
        Err(not_a_node(&service.binary))
    }
}

async fn by_id(cx: &Context, version: Microversion, id: &str) -> Result<ComputeService> {
    let services = all(cx, version).await?;
    services
        .into_iter()
        .find(|service| service.id.to_string() == id)
        .ok_or_else(|| Error::not_found("service", id))
}

fn not_a_node(binary: &str) -> Error {
    Error::BadRequest(format!(
        "Updating a {binary} service is not supported. Only nova-compute services can be updated."
    ))
}

async fn delete(cx: Context, version: Version, Path(id): Path<String>) -> Result<StatusCode> {
    let service = by_id(&cx, version.0, &id).await?;
    if service.binary == COMPUTE {
        ops::host_delete(&cx, &service.host).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    for process in ops::control_list(&cx).await? {
        let its = control_services(&process, version.0);
        if its.iter().any(|of| of.id.to_string() == id) {
            ops::control_delete(&cx, &process.place).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn to_wire(host: &Host, zone: String, version: Microversion) -> ComputeService {
    let newest = ComputeService {
        id: if since(version, 53) {
            NumberOrUuid::Uuid(host.id.to_string())
        } else {
            NumberOrUuid::Number(host.number)
        },
        binary: COMPUTE.into(),
        host: host.name.clone(),
        zone,
        status: if host.enabled { "enabled" } else { "disabled" }.into(),
        state: if host.up { "up" } else { "down" }.into(),
        updated_at: Some(host.reported_at.to_micros_text()),
        disabled_reason: host.disabled_reason.clone(),
        forced_down: Some(host.forced_down),
    };
    service_at(newest, version)
}

/// A control process is its machine's conductor and its scheduler. Their ids are made of what it is, so that they stay when
/// it starts again.
fn control_services(process: &ControlProcess, version: Microversion) -> Vec<ComputeService> {
    let service = |(binary, number): (&str, i64)| {
        let name = format!("{binary}@{}", process.place);
        let newest = ComputeService {
            id: if since(version, 53) {
                NumberOrUuid::Uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string())
            } else {
                NumberOrUuid::Number(number)
            },
            binary: binary.into(),
            host: process.host.clone(),
            zone: ops::INTERNAL_ZONE.into(),
            status: "enabled".into(),
            state: if process.up { "up" } else { "down" }.into(),
            updated_at: Some(process.reported_at.to_micros_text()),
            disabled_reason: None,
            forced_down: Some(false),
        };
        service_at(newest, version)
    };
    CONTROL
        .into_iter()
        .zip(process.number..)
        .map(service)
        .collect()
}

async fn details(cx: Context) -> Result<Json<ServiceDetailList>> {
    let control = ops::control_list(&cx)
        .await?
        .into_iter()
        .map(|process| ServiceDetail {
            kind: "control".into(),
            id: process.id.to_string(),
            host: process.host,
            zone: ops::INTERNAL_ZONE.into(),
            up: process.up,
            enabled: true,
            version: process.version,
            started_at: process.started_at,
            reported_at: process.reported_at,
            skew_us: process.skew_us,
            ..ServiceDetail::default()
        });
    let aggregates = ops::aggregate_list(&cx).await?;
    let agents = ops::host_list(&cx)
        .await?
        .into_iter()
        .map(|host| ServiceDetail {
            kind: "agent".into(),
            id: host.id.to_string(),
            zone: zone_of_host(&aggregates, &host.name).to_owned(),
            host: host.name,
            up: host.up,
            enabled: host.enabled,
            disabled_reason: host.disabled_reason,
            forced_down: host.forced_down,
            trouble: host.trouble,
            version: host.version,
            started_at: host.started_at,
            reported_at: host.reported_at,
            skew_us: Some(host.skew_us),
        });
    Ok(Json(ServiceDetailList {
        services: control.chain(agents).collect(),
    }))
}
