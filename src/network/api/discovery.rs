//! Versions, extensions and zones.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use crate::api::wire::{ApiVersion, Link, NetworkResource, NetworkResources, Versions};
use crate::api::{State as ApiState, request_base};
use crate::error::{Error, Result};
use crate::network::wire::{Extension, ExtensionBody, ExtensionList, NetworkZone, NetworkZoneList};

/// What is offered beyond the core, by alias, with its name.
const EXTENSIONS: [(&str, &str); 21] = [
    ("agent", "agent"),
    ("availability_zone", "Availability Zone"),
    ("network_availability_zone", "Network Availability Zone"),
    ("router_availability_zone", "Router Availability Zone"),
    ("binding", "Port Binding"),
    ("dhcp_agent_scheduler", "DHCP Agent Scheduler"),
    ("dns-integration", "DNS Integration"),
    (
        "ext-gw-mode",
        "Neutron L3 Configurable external gateway mode",
    ),
    ("external-net", "Neutron external network"),
    ("extraroute", "Neutron Extra Route"),
    ("extraroute-atomic", "Atomically add/remove extra routes"),
    ("l3_agent_scheduler", "L3 Agent Scheduler"),
    ("net-mtu", "Network MTU"),
    ("port-security", "Port Security"),
    ("provider", "Provider Network"),
    ("quotas", "Quota management support"),
    ("quota_details", "Quota details management support"),
    ("router", "Neutron L3 Router"),
    ("standard-attr-revisions", "Resource revision numbers"),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute",
    ),
    ("standard-attr-timestamp", "Resource timestamps"),
];

pub(super) async fn versions(State(cloud): State<ApiState>, headers: HeaderMap) -> Json<Versions> {
    let base = request_base(&cloud, &headers);
    let version = ApiVersion {
        id: "v2.0".into(),
        status: "CURRENT".into(),
        links: vec![Link::new("self", format!("{base}/network/v2.0/"))],
        ..ApiVersion::default()
    };
    Json(Versions {
        versions: vec![version],
    })
}

pub(super) async fn resources(
    State(cloud): State<ApiState>,
    headers: HeaderMap,
) -> Json<NetworkResources> {
    let base = request_base(&cloud, &headers);
    let resource = |name: &str| NetworkResource {
        name: name.to_owned(),
        collection: format!("{name}s"),
        links: vec![Link::new("self", format!("{base}/network/v2.0/{name}s"))],
    };
    Json(NetworkResources {
        resources: ["network", "subnet", "port", "router", "floatingip"]
            .map(resource)
            .to_vec(),
    })
}

fn extension(alias: &str, name: &str) -> Extension {
    Extension {
        alias: alias.to_owned(),
        name: name.to_owned(),
        description: name.to_owned(),
        updated: "2026-01-01T00:00:00-00:00".to_owned(),
        links: Vec::new(),
    }
}

pub(super) async fn extension_list() -> Json<ExtensionList> {
    Json(ExtensionList {
        extensions: EXTENSIONS
            .iter()
            .map(|(alias, name)| extension(alias, name))
            .collect(),
    })
}

pub(super) async fn extension_show(Path(alias): Path<String>) -> Result<Json<ExtensionBody>> {
    let found = EXTENSIONS.iter().find(|(known, _)| *known == alias);
    let (alias, name) = found.ok_or_else(|| Error::not_found("extension", &alias))?;
    Ok(Json(ExtensionBody {
        extension: extension(alias, name),
    }))
}

pub(super) async fn zone_list() -> Json<NetworkZoneList> {
    let zone = |resource: &str| NetworkZone {
        name: "nova".into(),
        state: "available".into(),
        resource: resource.into(),
    };
    Json(NetworkZoneList {
        availability_zones: ["network", "router"].map(zone).to_vec(),
    })
}
