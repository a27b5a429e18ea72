//! `/network/v2.0/routers`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;

use super::listing;
use super::ports::addresses;
use super::subnets::routes_of;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, GatewayWish, InterfaceWish, NewRouter, RouterChanges};
use crate::network::ops;
use crate::network::wire::{
    FixedIp, GatewayInfo, HostRoute, InterfaceRequest, Router, RouterBody, RouterFields,
    RouterInterface, RouterRequest, RouterRoutesRequest,
};

/// Availability zone of everything.
const ZONE: &str = "nova";

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::router_list(&cx).await?;
    listing::list(
        "routers",
        found.iter().map(|router| to_wire(&cx, router)).collect(),
        &params,
    )
    .map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<RouterBody>> {
    let router = ops::router_show(&cx, parse_id("router", &id)?).await?;
    Ok(body(&cx, &router))
}

pub(super) async fn create(
    cx: Context,
    Body(RouterRequest { router: fields }): Body<RouterRequest>,
) -> Result<(StatusCode, Json<RouterBody>)> {
    check(&fields)?;
    if fields.routes.is_some() {
        return Err(Error::invalid(
            "routes",
            "a router gets them once it has interfaces; change it then",
        ));
    }
    let new = NewRouter {
        project: fields
            .project_id
            .as_deref()
            .map(|id| parse_field("project_id", id))
            .transpose()?,
        name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        admin_state_up: fields.admin_state_up,
        gateway: gateway(fields.external_gateway_info)?.flatten(),
    };
    let router = ops::router_create(&cx, new).await?;
    Ok((StatusCode::CREATED, body(&cx, &router)))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(RouterRequest { router: fields }): Body<RouterRequest>,
) -> Result<Json<RouterBody>> {
    check(&fields)?;
    let changes = RouterChanges {
        name: fields.name,
        description: fields.description,
        admin_state_up: fields.admin_state_up,
        gateway: gateway(fields.external_gateway_info)?,
        routes: fields
            .routes
            .map(|routes| routes_of("routes", &routes))
            .transpose()?,
        tags: None,
    };
    let router = ops::router_update(&cx, parse_id("router", &id)?, changes).await?;
    Ok(body(&cx, &router))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::router_delete(&cx, parse_id("router", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn interface_add(
    cx: Context,
    Path(id): Path<String>,
    Body(wanted): Body<InterfaceRequest>,
) -> Result<Json<RouterInterface>> {
    let wish = match (&wanted.subnet_id, &wanted.port_id) {
        (Some(subnet), None) => InterfaceWish::Subnet(parse_field("subnet_id", subnet)?),
        (None, Some(port)) => InterfaceWish::Port(parse_field("port_id", port)?),
        _ => {
            return Err(Error::BadRequest(
                "say either subnet_id or port_id, not both".into(),
            ));
        }
    };
    let told = ops::router_interface_add(&cx, parse_id("router", &id)?, wish).await?;
    Ok(Json(interface(&told)))
}

pub(super) async fn interface_remove(
    cx: Context,
    Path(id): Path<String>,
    Body(wanted): Body<InterfaceRequest>,
) -> Result<Json<RouterInterface>> {
    let subnet = wanted.subnet_id.as_deref();
    let port = wanted.port_id.as_deref();
    let told = ops::router_interface_remove(
        &cx,
        parse_id("router", &id)?,
        subnet.map(|id| parse_field("subnet_id", id)).transpose()?,
        port.map(|id| parse_field("port_id", id)).transpose()?,
    )
    .await?;
    Ok(Json(interface(&told)))
}

pub(super) async fn routes_add(
    cx: Context,
    Path(id): Path<String>,
    Body(RouterRoutesRequest { router }): Body<RouterRoutesRequest>,
) -> Result<Json<RouterBody>> {
    let routes = routes_of("routes", &router.routes)?;
    let router = ops::router_routes_add(&cx, parse_id("router", &id)?, routes).await?;
    Ok(body(&cx, &router))
}

pub(super) async fn routes_remove(
    cx: Context,
    Path(id): Path<String>,
    Body(RouterRoutesRequest { router }): Body<RouterRoutesRequest>,
) -> Result<Json<RouterBody>> {
    let routes = routes_of("routes", &router.routes)?;
    let router = ops::router_routes_remove(&cx, parse_id("router", &id)?, routes).await?;
    Ok(body(&cx, &router))
}

/// What is not to be had is refused rather than ignored.
fn check(fields: &RouterFields) -> Result<()> {
    for (field, wanted) in [("distributed", fields.distributed), ("ha", fields.ha)] {
        if wanted == Some(true) {
            return Err(Error::invalid(
                field,
                "a router is on one node, and moves when that is down; leave it out",
            ));
        }
    }
    Ok(())
}

/// Absent: as it is. `null`, or without a network: none.
fn gateway(field: Option<Option<GatewayInfo>>) -> Result<Option<Option<GatewayWish>>> {
    let Some(field) = field else { return Ok(None) };
    let Some(info) = field.filter(|info| info.network_id.is_some()) else {
        return Ok(Some(None));
    };
    let network = info.network_id.as_deref().unwrap_or_default();
    Ok(Some(Some(GatewayWish {
        network: parse_field("external_gateway_info.network_id", network)?,
        enable_snat: info.enable_snat,
        addresses: info
            .external_fixed_ips
            .map(|wishes| addresses("external_gateway_info.external_fixed_ips", &wishes))
            .transpose()?,
    })))
}

fn interface(told: &model::RouterInterface) -> RouterInterface {
    let subnet_ids: Vec<String> = told.subnets.iter().map(ToString::to_string).collect();
    RouterInterface {
        id: told.router.to_string(),
        tenant_id: told.project.to_string(),
        project_id: told.project.to_string(),
        port_id: told.port.to_string(),
        network_id: told.network.to_string(),
        subnet_id: subnet_ids.first().cloned().unwrap_or_default(),
        subnet_ids,
    }
}

fn body(cx: &Context, router: &model::Router) -> Json<RouterBody> {
    Json(RouterBody {
        router: to_wire(cx, router),
    })
}

pub(super) fn to_wire(cx: &Context, router: &model::Router) -> Router {
    let project = router.project.to_string();
    let admin = cx.actor.is_admin();
    Router {
        id: router.id.to_string(),
        name: router.name.clone(),
        description: router.description.clone(),
        tenant_id: project.clone(),
        project_id: project,
        admin_state_up: router.admin_state_up,
        status: if router.admin_state_up {
            "ACTIVE"
        } else {
            "DOWN"
        }
        .to_owned(),
        external_gateway_info: router.gateway.as_ref().map(|way| GatewayInfo {
            network_id: Some(way.network.to_string()),
            enable_snat: Some(router.enable_snat),
            external_fixed_ips: Some(
                way.addresses
                    .iter()
                    .map(|at| FixedIp {
                        subnet_id: Some(at.subnet.to_string()),
                        ip_address: Some(at.address.to_string()),
                    })
                    .collect(),
            ),
        }),
        routes: router
            .routes
            .iter()
            .map(|route| HostRoute {
                destination: route.destination.to_string(),
                nexthop: route.nexthop.to_string(),
            })
            .collect(),
        distributed: admin.then_some(false),
        ha: admin.then_some(false),
        availability_zones: router.host.iter().map(|_| ZONE.to_owned()).collect(),
        tags: router.tags.clone(),
        revision_number: router.revision,
        created_at: router.created_at.to_seconds_text(),
        updated_at: router.updated_at.to_seconds_text(),
        ..Router::default()
    }
}
