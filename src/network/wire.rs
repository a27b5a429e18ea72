//! Neutron v2.0, under `/network/v2.0`.
//!
//! Lists are filtered by any field (`?name=&network_id=&device_id=…`, repeated for "or"), narrowed by `fields=`, sorted by
//! `sort_key` and `sort_dir`, and paged by `limit` and `marker` with `<plural>_links`. Create accepts one
//! (`{"port": {…}}`, 201); updates are `PUT`. Fields of administrators (`provider:…`, `binding:…`) are left out for
//! others. Times are `2026-01-02T03:04:05Z`.

mod misc;
mod port;
mod rbac;
mod router;
mod security_group;
mod trace;

pub use misc::*;
pub use port::*;
pub use rbac::*;
pub use router::*;
pub use security_group::*;
pub use trace::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::wire::{Link, flexible_bool, flexible_int, null_default, present};

/// Free-form objects of Neutron's (`binding:profile`, `binding:vif_details`).
pub type Details = BTreeMap<String, Value>;

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// `ACTIVE`, `DOWN`, `BUILD`, `ERROR`.
    pub status: String,
    /// Whether it carries frames.
    pub admin_state_up: bool,
    /// Whether every project may use it.
    pub shared: bool,
    /// Whether it leads outside.
    #[serde(rename = "router:external")]
    pub external: bool,
    /// Ids of its subnets.
    pub subnets: Vec<String>,
    /// Largest packet in bytes.
    #[serde(deserialize_with = "null_default")]
    pub mtu: u32,
    /// Whether new ports drop frames with foreign addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_security_enabled: Option<bool>,
    /// `flat`, `vlan`, `vxlan`, `local`.
    #[serde(
        rename = "provider:network_type",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_network_type: Option<String>,
    /// Name of the physical network.
    #[serde(
        rename = "provider:physical_network",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_physical_network: Option<String>,
    /// VLAN or VXLAN number.
    #[serde(
        rename = "provider:segmentation_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_segmentation_id: Option<u32>,
    /// Domain of its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_domain: Option<String>,
    /// Zones asked for.
    pub availability_zone_hints: Vec<String>,
    /// Zones it is in.
    pub availability_zones: Vec<String>,
    /// Address scope of its IPv4 subnets.
    pub ipv4_address_scope: Option<String>,
    /// Address scope of its IPv6 subnets.
    pub ipv6_address_scope: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    #[serde(deserialize_with = "null_default")]
    pub revision_number: i64,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// `{"network": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkBody {
    /// The network.
    pub network: Network,
}

/// `{"networks": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkList {
    /// This page.
    pub networks: Vec<Network>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks_links: Vec<Link>,
}

/// Fields of a network to create or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it carries frames; yes when absent.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub admin_state_up: Option<bool>,
    /// Whether every project may use it (administrators).
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub shared: Option<bool>,
    /// Whether it leads outside (administrators).
    #[serde(
        rename = "router:external",
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub external: Option<bool>,
    /// Largest packet in bytes.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub mtu: Option<u32>,
    /// Whether new ports drop frames with foreign addresses.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub port_security_enabled: Option<bool>,
    /// Kind (administrators).
    #[serde(
        rename = "provider:network_type",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_network_type: Option<String>,
    /// Physical network (administrators).
    #[serde(
        rename = "provider:physical_network",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_physical_network: Option<String>,
    /// Number (administrators).
    #[serde(
        rename = "provider:segmentation_id",
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub provider_segmentation_id: Option<u32>,
    /// Domain of its names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_domain: Option<String>,
    /// Zones asked for; on create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone_hints: Option<Vec<String>>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"network": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRequest {
    /// The fields.
    pub network: NetworkFields,
}

/// A range of addresses, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationPool {
    /// First.
    pub start: String,
    /// Last.
    pub end: String,
}

/// A route for guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRoute {
    /// Where to, in CIDR.
    pub destination: String,
    /// By which address.
    pub nexthop: String,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subnet {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// Its addresses.
    pub cidr: String,
    /// The gateway told to guests.
    pub gateway_ip: Option<String>,
    /// Whether guests get addresses by DHCP.
    pub enable_dhcp: bool,
    /// Name servers told to guests.
    pub dns_nameservers: Vec<String>,
    /// Whether fixed addresses are published in DNS.
    pub dns_publish_fixed_ip: bool,
    /// Addresses that are given out.
    pub allocation_pools: Vec<AllocationPool>,
    /// Routes told to guests.
    pub host_routes: Vec<HostRoute>,
    /// IPv6 only.
    pub ipv6_ra_mode: Option<String>,
    /// IPv6 only.
    pub ipv6_address_mode: Option<String>,
    /// The pool its addresses came from.
    pub subnetpool_id: Option<String>,
    /// Kinds of ports it serves; all when empty.
    pub service_types: Vec<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Rises with each change.
    #[serde(deserialize_with = "null_default")]
    pub revision_number: i64,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// `{"subnet": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetBody {
    /// The subnet.
    pub subnet: Subnet,
}

/// `{"subnets": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubnetList {
    /// This page.
    pub subnets: Vec<Subnet>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets_links: Vec<Link>,
}

/// Fields of a subnet to create (`network_id`, `ip_version`, `cidr` needed; they can not be changed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubnetFields {
    /// Its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// 4 or 6.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub ip_version: Option<u8>,
    /// Its addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `null`: none; absent: the first address.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub gateway_ip: Option<Option<String>>,
    /// Whether guests get addresses by DHCP; yes when absent.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_dhcp: Option<bool>,
    /// Name servers told to guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_nameservers: Option<Vec<String>>,
    /// Addresses that are given out; all but the gateway when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation_pools: Option<Vec<AllocationPool>>,
    /// Routes told to guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_routes: Option<Vec<HostRoute>>,
    /// IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_ra_mode: Option<String>,
    /// IPv6 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_address_mode: Option<String>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"subnet": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetRequest {
    /// The fields.
    pub subnet: SubnetFields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_as_neutron_sends_it() {
        let text = r#"{"network": {"admin_state_up": true, "availability_zone_hints": [], "availability_zones": ["nova"],
            "created_at": "2026-01-02T03:04:05Z", "dns_domain": "my-domain.org.", "id": "396f", "ipv4_address_scope": null,
            "ipv6_address_scope": null, "l2_adjacency": false, "mtu": 1500, "name": "net2", "port_security_enabled": true,
            "project_id": "20bd", "qos_policy_id": "bfdb", "revision_number": 3, "router:external": false, "shared": false,
            "status": "ACTIVE", "subnets": [], "tags": ["tag1"], "tenant_id": "20bd", "updated_at": "2026-01-02T03:04:05Z",
            "vlan_transparent": false, "description": "", "provider:network_type": "vlan",
            "provider:physical_network": "physnet1", "provider:segmentation_id": 1003}}"#;
        let body: NetworkBody = serde_json::from_str(text).unwrap();
        assert_eq!(body.network.provider_segmentation_id, Some(1003));
        assert_eq!(
            serde_json::to_value(&body).unwrap()["network"]["router:external"],
            false
        );
    }

    #[test]
    fn no_gateway_differs_from_the_default_one() {
        let request: SubnetRequest = serde_json::from_str(
            r#"{"subnet":{"network_id":"n","ip_version":4,"cidr":"10.0.0.0/24","gateway_ip":null,"tenant_id":"t"}}"#,
        )
        .unwrap();
        assert_eq!(request.subnet.gateway_ip, Some(None));
        assert_eq!(request.subnet.project_id.as_deref(), Some("t"));
        let request: SubnetRequest = serde_json::from_str(r#"{"subnet":{"name":"x"}}"#).unwrap();
        assert_eq!(request.subnet.gateway_ip, None);
    }
}
