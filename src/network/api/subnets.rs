//! `/network/v2.0/subnets`.

use std::str::FromStr;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use ipnet::IpNet;
use serde_json::Value;

use super::listing;
use crate::api::{Body, Params, parse_field, parse_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::network::model::{self, Ipv6Mode, NewSubnet, Pool, Route, SubnetChanges, SubnetQuery};
use crate::network::ops;
use crate::network::wire::{AllocationPool, HostRoute, Subnet, SubnetBody, SubnetRequest};

pub(super) async fn list(cx: Context, params: Params) -> Result<Json<Value>> {
    let found = ops::subnet_list(&cx, SubnetQuery::default()).await?;
    listing::list("subnets", found.iter().map(to_wire).collect(), &params).map(Json)
}

pub(super) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<SubnetBody>> {
    let subnet = ops::subnet_show(&cx, parse_id("subnet", &id)?).await?;
    Ok(Json(SubnetBody {
        subnet: to_wire(&subnet),
    }))
}

pub(super) async fn create(
    cx: Context,
    Body(SubnetRequest { subnet: fields }): Body<SubnetRequest>,
) -> Result<(StatusCode, Json<SubnetBody>)> {
    let network = fields
        .network_id
        .as_deref()
        .ok_or_else(|| Error::invalid("network_id", "it is needed"))?;
    let cidr = fields
        .cidr
        .as_deref()
        .ok_or_else(|| Error::invalid("cidr", "it is needed, like 10.0.0.0/24"))?;
    let cidr = parse("cidr", cidr)?;
    check_version(fields.ip_version, cidr)?;
    let new = NewSubnet {
        network: parse_field("network_id", network)?,
        name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        cidr,
        gateway: gateway(fields.gateway_ip)?,
        dhcp: fields.enable_dhcp.unwrap_or(true),
        address_mode: mode("ipv6_address_mode", fields.ipv6_address_mode)?,
        ra_mode: mode("ipv6_ra_mode", fields.ipv6_ra_mode)?,
        dns: all(
            "dns_nameservers",
            &fields.dns_nameservers.unwrap_or_default(),
        )?,
        pools: fields
            .allocation_pools
            .map(|pools| pools_of(&pools))
            .transpose()?,
        routes: routes_of("host_routes", &fields.host_routes.unwrap_or_default())?,
    };
    let subnet = ops::subnet_create(&cx, new).await?;
    Ok((
        StatusCode::CREATED,
        Json(SubnetBody {
            subnet: to_wire(&subnet),
        }),
    ))
}

pub(super) async fn update(
    cx: Context,
    Path(id): Path<String>,
    Body(SubnetRequest { subnet: fields }): Body<SubnetRequest>,
) -> Result<Json<SubnetBody>> {
    for (field, given) in [
        ("ipv6_ra_mode", fields.ipv6_ra_mode.is_some()),
        ("ipv6_address_mode", fields.ipv6_address_mode.is_some()),
    ] {
        if given {
            return Err(Error::BadRequest(format!(
                "Cannot update read-only attribute {field}: make another subnet"
            )));
        }
    }
    let changes = SubnetChanges {
        name: fields.name,
        description: fields.description,
        gateway: gateway(fields.gateway_ip)?,
        dhcp: fields.enable_dhcp,
        dns: fields
            .dns_nameservers
            .map(|servers| all("dns_nameservers", &servers))
            .transpose()?,
        pools: fields
            .allocation_pools
            .map(|pools| pools_of(&pools))
            .transpose()?,
        routes: fields
            .host_routes
            .map(|routes| routes_of("host_routes", &routes))
            .transpose()?,
        tags: None,
    };
    let subnet = ops::subnet_update(&cx, parse_id("subnet", &id)?, changes).await?;
    Ok(Json(SubnetBody {
        subnet: to_wire(&subnet),
    }))
}

pub(super) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode> {
    ops::subnet_delete(&cx, parse_id("subnet", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Absent, it is the range's.
fn check_version(version: Option<u8>, cidr: IpNet) -> Result<()> {
    match (version, cidr) {
        (None | Some(4), IpNet::V4(_)) | (None | Some(6), IpNet::V6(_)) => Ok(()),
        (Some(version @ (4 | 6)), _) => Err(Error::invalid(
            "cidr",
            format!("{cidr} is not of the ip_version {version}"),
        )),
        (Some(other), _) => Err(Error::invalid(
            "ip_version",
            format!("{other} is not to be had; use 4 or 6"),
        )),
    }
}

fn mode(field: &str, text: Option<String>) -> Result<Option<Ipv6Mode>> {
    let parsed = |text: String| {
        text.parse().map_err(|()| {
            Error::invalid(
                field,
                format!("{text:?} is not slaac, dhcpv6-stateful or dhcpv6-stateless"),
            )
        })
    };
    text.filter(|text| !text.is_empty()).map(parsed).transpose()
}

fn parse<T: FromStr>(field: &str, text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::invalid(field, format!("{text:?} is not understood")))
}

fn all<T: FromStr>(field: &str, texts: &[String]) -> Result<Vec<T>> {
    texts.iter().map(|text| parse(field, text)).collect()
}

/// Left out: the first address. `null` or empty: none.
fn gateway(field: Option<Option<String>>) -> Result<Option<Option<std::net::IpAddr>>> {
    field
        .map(|gateway| {
            gateway
                .filter(|text| !text.is_empty())
                .map(|text| parse("gateway_ip", &text))
                .transpose()
        })
        .transpose()
}

fn pools_of(pools: &[AllocationPool]) -> Result<Vec<Pool>> {
    let pool = |pool: &AllocationPool| {
        Ok(Pool {
            start: parse("allocation_pools", &pool.start)?,
            end: parse("allocation_pools", &pool.end)?,
        })
    };
    pools.iter().map(pool).collect()
}

pub(super) fn routes_of(field: &str, routes: &[HostRoute]) -> Result<Vec<Route>> {
    let route = |route: &HostRoute| {
        Ok(Route {
            destination: parse(field, &route.destination)?,
            nexthop: parse(field, &route.nexthop)?,
        })
    };
    routes.iter().map(route).collect()
}

fn to_wire(subnet: &model::Subnet) -> Subnet {
    let project = subnet.project.to_string();
    Subnet {
        id: subnet.id.to_string(),
        name: subnet.name.clone(),
        description: subnet.description.clone(),
        network_id: subnet.network.to_string(),
        tenant_id: project.clone(),
        project_id: project,
        ip_version: if subnet.is_v6() { 6 } else { 4 },
        ipv6_address_mode: subnet.address_mode.map(|mode| mode.to_string()),
        ipv6_ra_mode: subnet.ra_mode.map(|mode| mode.to_string()),
        cidr: subnet.cidr.to_string(),
        gateway_ip: subnet.gateway.map(|address| address.to_string()),
        enable_dhcp: subnet.dhcp,
        dns_nameservers: subnet.dns.iter().map(ToString::to_string).collect(),
        allocation_pools: subnet
            .pools
            .iter()
            .map(|pool| AllocationPool {
                start: pool.start.to_string(),
                end: pool.end.to_string(),
            })
            .collect(),
        host_routes: subnet
            .routes
            .iter()
            .map(|route| HostRoute {
                destination: route.destination.to_string(),
                nexthop: route.nexthop.to_string(),
            })
            .collect(),
        tags: subnet.tags.clone(),
        revision_number: subnet.revision,
        created_at: subnet.created_at.to_seconds_text(),
        updated_at: subnet.updated_at.to_seconds_text(),
        ..Subnet::default()
    }
}
