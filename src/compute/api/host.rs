//! `/os-hosts`, as it was until 2.42: which host runs which service, in which zone.

use axum::Json;
use serde::Serialize;

use crate::api::{Params, Routes, Version};
use crate::compute::model::zone_of_host;
use crate::compute::ops;
use crate::compute::wire::microversion::since;
use crate::context::Context;
use crate::error::{Error, Result};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v2.1/os-hosts", "compute:host:list", list)
}

/// `{"hosts": […]}`.
#[derive(Debug, Serialize)]
struct HostList {
    hosts: Vec<Host>,
}

/// A service of a host.
#[derive(Debug, Serialize)]
struct Host {
    host_name: String,
    service: &'static str,
    zone: String,
}

async fn list(cx: Context, version: Version, params: Params) -> Result<Json<HostList>> {
    if since(version.0, 43) {
        return Err(Error::not_found(
            "path",
            "from version 2.43 on; use /os-services or /os-hypervisors",
        ));
    }
    let entry = |host_name: String, service, zone| Host {
        host_name,
        service,
        zone,
    };
    let control = ops::control_list(&cx)
        .await?
        .into_iter()
        .flat_map(|process| {
            ["conductor", "scheduler"]
                .map(|service| entry(process.host.clone(), service, ops::INTERNAL_ZONE.to_owned()))
        });
    let aggregates = ops::aggregate_list(&cx).await?;
    let nodes = ops::host_list(&cx).await?;
    let nodes = nodes.into_iter().map(|host| {
        let zone = zone_of_host(&aggregates, &host.name).to_owned();
        entry(host.name, "compute", zone)
    });
    let mut hosts: Vec<Host> = control.chain(nodes).collect();
    if let Some(zone) = params.get("zone") {
        hosts.retain(|host| host.zone == zone);
    }
    Ok(Json(HostList { hosts }))
}
