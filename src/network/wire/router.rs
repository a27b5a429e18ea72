//! Routers and floating addresses: `/network/v2.0/routers`, `/network/v2.0/floatingips`.

use serde::{Deserialize, Serialize};

use super::{FixedIp, HostRoute};
use crate::api::wire::{Link, flexible_bool, null_default, present};

/// A router's way out. Empty in a change: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayInfo {
    /// The network that leads outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// Whether inner addresses are translated (administrators).
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_snat: Option<bool>,
    /// Its addresses (administrators).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_fixed_ips: Option<Vec<FixedIp>>,
}

/// A router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Router {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// Whether it carries packets.
    pub admin_state_up: bool,
    /// `ACTIVE`, `DOWN`, `ERROR`.
    pub status: String,
    /// Its way out.
    pub external_gateway_info: Option<GatewayInfo>,
    /// Further routes.
    #[serde(deserialize_with = "null_default")]
    pub routes: Vec<HostRoute>,
    /// Whether it is on several nodes at once. Administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distributed: Option<bool>,
    /// Whether another node takes over at once. Administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ha: Option<bool>,
    /// Zones asked for.
    pub availability_zone_hints: Vec<String>,
    /// Zones it is in.
    pub availability_zones: Vec<String>,
    /// `null`.
    pub flavor_id: Option<String>,
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

/// `{"router": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterBody {
    /// The router.
    pub router: Router,
}

/// `{"routers": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouterList {
    /// This page.
    pub routers: Vec<Router>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routers_links: Vec<Link>,
}

/// Fields of a router to create or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it carries packets; yes when absent.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub admin_state_up: Option<bool>,
    /// Its way out; `null` or empty: none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub external_gateway_info: Option<Option<GatewayInfo>>,
    /// Further routes; on update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<HostRoute>>,
    /// Only `false` is to be had.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub distributed: Option<bool>,
    /// Only `false` is to be had.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub ha: Option<bool>,
    /// Zones asked for; on create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone_hints: Option<Vec<String>>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"router": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterRequest {
    /// The fields.
    pub router: RouterFields,
}

/// `{"router": {"routes": […]}}`, body of `add_extraroutes` and `remove_extraroutes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterRoutesRequest {
    /// The routes.
    pub router: RouterRoutes,
}

/// Routes of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterRoutes {
    /// The routes.
    pub routes: Vec<HostRoute>,
}

/// Body of `add_router_interface` and `remove_router_interface`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterfaceRequest {
    /// This subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// This port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<String>,
}

/// What a router was plugged into or taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouterInterface {
    /// The router.
    pub id: String,
    /// Its project.
    pub tenant_id: String,
    /// The same.
    pub project_id: String,
    /// The port.
    pub port_id: String,
    /// Its network.
    pub network_id: String,
    /// Its first subnet.
    pub subnet_id: String,
    /// Its subnets.
    pub subnet_ids: Vec<String>,
}

/// A floating address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloatingIp {
    /// Id.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// The address.
    pub floating_ip_address: String,
    /// The network outside.
    pub floating_network_id: String,
    /// The router it goes through.
    pub router_id: Option<String>,
    /// The port that it leads to.
    pub port_id: Option<String>,
    /// The port's address.
    pub fixed_ip_address: Option<String>,
    /// `ACTIVE`, `DOWN`, `ERROR`.
    pub status: String,
    /// Its name in DNS.
    pub dns_name: String,
    /// Domain of that.
    pub dns_domain: String,
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

/// `{"floatingip": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIpBody {
    /// The floating address.
    pub floatingip: FloatingIp,
}

/// `{"floatingips": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloatingIpList {
    /// This page.
    pub floatingips: Vec<FloatingIp>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub floatingips_links: Vec<Link>,
}

/// Fields of a floating address to create (`floating_network_id` needed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FloatingIpFields {
    /// The network outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_network_id: Option<String>,
    /// Of this subnet; on create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// This one (administrators, on create).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_ip_address: Option<String>,
    /// The port that it leads to; `null`: none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub port_id: Option<Option<String>>,
    /// The port's address; its only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ip_address: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"floatingip": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIpRequest {
    /// The fields.
    pub floatingip: FloatingIpFields,
}

/// `{"agent": {…}}`, body of a change of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRequest {
    /// The fields.
    pub agent: AgentFields,
}

/// What of an agent changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentFields {
    /// Whether anything may be placed there.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub admin_state_up: Option<bool>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `{"network_id": …}`: whose DHCP an agent shall answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentNetworkRequest {
    /// The network.
    pub network_id: String,
}

/// `{"router_id": …}`: which router an agent shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRouterRequest {
    /// The router.
    pub router_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_as_neutron_sends_it() {
        let text = r#"{"router": {"admin_state_up": true, "availability_zone_hints": [], "availability_zones": ["nova"],
            "created_at": "2026-03-19T19:17:04Z", "description": "", "distributed": false, "enable_ndp_proxy": false,
            "external_gateway_info": {"enable_snat": true, "external_fixed_ips": [{"ip_address": "172.24.4.6", "subnet_id": "b930"}],
            "network_id": "ae34"}, "flavor_id": null, "ha": false, "id": "f8a4", "name": "router1", "routes":
            [{"destination": "179.24.1.0/24", "nexthop": "172.24.3.99"}], "revision_number": 1, "status": "ACTIVE",
            "project_id": "0bd1", "tenant_id": "0bd1", "service_type_id": null, "tags": [], "updated_at": "2026-03-19T19:17:22Z"}}"#;
        let body: RouterBody = serde_json::from_str(text).unwrap();
        let way = body.router.external_gateway_info.unwrap();
        assert_eq!(way.network_id.as_deref(), Some("ae34"));
        assert_eq!(body.router.routes[0].nexthop, "172.24.3.99");
    }

    #[test]
    fn no_way_out_and_no_port_differ_from_what_stays() {
        let fields = |text: &str| serde_json::from_str::<RouterFields>(text).unwrap();
        assert_eq!(fields("{}").external_gateway_info, None);
        let none = fields(r#"{"external_gateway_info": null}"#);
        assert_eq!(none.external_gateway_info, Some(None));
        let fields = |text: &str| serde_json::from_str::<FloatingIpFields>(text).unwrap();
        assert_eq!(fields("{}").port_id, None);
        assert_eq!(fields(r#"{"port_id": null}"#).port_id, Some(None));
    }
}
