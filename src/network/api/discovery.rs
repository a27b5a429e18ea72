//! Versions, extensions and zones.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use crate::api::wire::{ApiVersion, Link, NetworkResource, NetworkResources, Versions};
use crate::api::{State as ApiState, request_base};
use crate::error::{Error, Result};
use crate::network::wire::{Extension, ExtensionBody, ExtensionList, NetworkZone, NetworkZoneList};

/// What is offered beyond the core, by alias, with its name.
const EXTENSIONS: &[(&str, &str)] = &[
    ("agent", "agent"),
    ("allowed-address-pairs", "Allowed Address Pairs"),
    ("availability_zone", "Availability Zone"),
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
    ("network_availability_zone", "Network Availability Zone"),
    ("port-security", "Port Security"),
    ("quota_details", "Quota details management support"),
    ("quotas", "Quota management support"),
    ("rbac-policies", "RBAC Policies"),
    (
        "rbac-security-groups",
        "Add security_group type to network RBAC",
    ),
    ("security-group", "security-group"),
    (
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
    ),
    (
        "security-groups-shared-filtering",
        "Security group filtering on the shared field",
    ),
    ("provider", "Provider Network"),
    ("router", "Neutron L3 Router"),
    ("standard-attr-revisions", "Resource revision numbers"),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute",
    ),
    ("standard-attr-timestamp", "Resource timestamps"),
    ("stateful-security-group", "Stateful security group"),
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
    let resource = |(name, collection): (&str, &str)| NetworkResource {
        name: name.to_owned(),
        collection: collection.to_owned(),
        links: vec![Link::new(
            "self",
            format!("{base}/network/v2.0/{collection}"),
        )],
    };
    let resources = [
        ("network", "networks"),
        ("subnet", "subnets"),
        ("port", "ports"),
        ("security_group", "security-groups"),
        ("security_group_rule", "security-group-rules"),
        ("rbac_policy", "rbac-policies"),
        ("router", "routers"),
        ("floatingip", "floatingips"),
    ];
    Json(NetworkResources {
        resources: resources.map(resource).to_vec(),
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
