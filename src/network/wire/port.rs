//! Ports: `/network/v2.0/ports`.

use serde::{Deserialize, Serialize};

use super::Details;
use crate::api::wire::{Link, flexible_bool, null_default, present};

/// An address of a port. In a create either part may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FixedIp {
    /// Its subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
}

/// A further address a port may send from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressPair {
    /// Address or CIDR.
    pub ip_address: String,
    /// Ethernet address; the port's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
}

/// A name that DNS gives a port's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsAssignment {
    /// `web-1.example.org.`
    pub fqdn: String,
    /// `web-1`.
    pub hostname: String,
    /// The address.
    pub ip_address: String,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// For people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Its network.
    pub network_id: String,
    /// Its project; empty for the cloud's own.
    pub project_id: String,
    /// The same, for old clients.
    pub tenant_id: String,
    /// Ethernet address.
    pub mac_address: String,
    /// Its addresses.
    pub fixed_ips: Vec<FixedIp>,
    /// What uses it: a server's id, or empty.
    #[serde(deserialize_with = "null_default")]
    pub device_id: String,
    /// `compute:nova`, `network:dhcp`, … or empty.
    #[serde(deserialize_with = "null_default")]
    pub device_owner: String,
    /// Whether it carries frames.
    pub admin_state_up: bool,
    /// `ACTIVE`, `DOWN`, `BUILD`, `ERROR`, `N/A`.
    pub status: String,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Further addresses it may send from.
    pub allowed_address_pairs: Vec<AddressPair>,
    /// DHCP options of its own.
    pub extra_dhcp_opts: Vec<Details>,
    /// Whether frames with foreign addresses are dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_security_enabled: Option<bool>,
    /// `normal`.
    #[serde(rename = "binding:vnic_type", skip_serializing_if = "Option::is_none")]
    pub vnic_type: Option<String>,
    /// The host it is on; empty for none. Administrators.
    #[serde(rename = "binding:host_id", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// `bridge`, `ovs`, `unbound`, `binding_failed`. Administrators.
    #[serde(rename = "binding:vif_type", skip_serializing_if = "Option::is_none")]
    pub vif_type: Option<String>,
    /// How it is plugged. Administrators.
    #[serde(
        rename = "binding:vif_details",
        skip_serializing_if = "Option::is_none"
    )]
    pub vif_details: Option<Details>,
    /// What the host was told. Administrators.
    #[serde(rename = "binding:profile", skip_serializing_if = "Option::is_none")]
    pub profile: Option<Details>,
    /// Its name in DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// Names in DNS.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dns_assignment: Vec<DnsAssignment>,
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

/// `{"port": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBody {
    /// The port.
    pub port: Port,
}

/// `{"ports": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortList {
    /// This page.
    pub ports: Vec<Port>,
    /// `next` and `previous`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports_links: Vec<Link>,
}

/// Fields of a port to create (`network_id` needed; it can not be changed) or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortFields {
    /// Its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Ethernet address of one's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Its addresses; absent: one from each kind of subnet, empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ips: Option<Vec<FixedIp>>,
    /// What uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Kind of what uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_owner: Option<String>,
    /// Whether it carries frames; yes when absent.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub admin_state_up: Option<bool>,
    /// Security groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// Further addresses it may send from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_address_pairs: Option<Vec<AddressPair>>,
    /// DHCP options of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_dhcp_opts: Option<Vec<Details>>,
    /// Whether frames with foreign addresses are dropped.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub port_security_enabled: Option<bool>,
    /// `normal`.
    #[serde(rename = "binding:vnic_type", skip_serializing_if = "Option::is_none")]
    pub vnic_type: Option<String>,
    /// The host (administrators).
    #[serde(rename = "binding:host_id", skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// What the host shall be told (administrators).
    #[serde(
        rename = "binding:profile",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub profile: Option<Option<Details>>,
    /// Its name in DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// Another project's (administrators, on create).
    #[serde(alias = "tenant_id", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// `{"port": {…}}` of a create or update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRequest {
    /// The fields.
    pub port: PortFields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_as_neutron_sends_it() {
        let text = r#"{"port": {"admin_state_up": true, "allowed_address_pairs": [], "binding:host_id": "cmp-1",
            "binding:profile": {}, "binding:vif_details": {"port_filter": true}, "binding:vif_type": "bridge",
            "binding:vnic_type": "normal", "created_at": "2026-01-02T03:04:05Z", "description": "", "device_id": "5e3",
            "device_owner": "compute:nova", "dns_assignment": [{"hostname": "vm", "ip_address": "10.0.0.2", "fqdn": "vm.lab."}],
            "dns_name": "vm", "extra_dhcp_opts": [], "fixed_ips": [{"ip_address": "10.0.0.2", "subnet_id": "a0304c3a"}],
            "id": "46d4", "ip_allocation": "immediate", "mac_address": "fa:16:3e:b5:0d:0b", "name": "", "network_id": "a87c",
            "port_security_enabled": true, "project_id": "7e02", "qos_policy_id": null, "resource_request": null,
            "revision_number": 1, "security_groups": ["f0ac"], "status": "ACTIVE", "tags": [], "tenant_id": "7e02",
            "updated_at": "2026-01-02T03:04:05Z"}}"#;
        let body: PortBody = serde_json::from_str(text).unwrap();
        assert_eq!(
            body.port.fixed_ips[0].ip_address.as_deref(),
            Some("10.0.0.2")
        );
        assert_eq!(body.port.host_id.as_deref(), Some("cmp-1"));
        let again: PortBody = serde_json::from_value(serde_json::to_value(&body).unwrap()).unwrap();
        assert_eq!(again, body);
    }

    #[test]
    fn no_addresses_differ_from_the_default_ones() {
        let request: PortRequest =
            serde_json::from_str(r#"{"port":{"network_id":"n","fixed_ips":[]}}"#).unwrap();
        assert_eq!(request.port.fixed_ips, Some(Vec::new()));
        assert_eq!(request.port.profile, None);
    }
}
