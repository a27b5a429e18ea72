//! Extensions, quotas and zones of Neutron.
//!
//! The stock client looks at `GET /extensions/{alias}` before it offers options, and asks `GET /quotas/{project}`
//! (`/quotas/{project}/details.json` with usage, `/quotas/{project}/default.json` for defaults).

use serde::{Deserialize, Serialize};

use crate::api::wire::{Link, flexible_int};

/// An extension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// `port-security`, `standard-attr-tag`, …
    pub alias: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// When it was last changed.
    pub updated: String,
    /// Links; empty.
    pub links: Vec<Link>,
}

/// `{"extension": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionBody {
    /// The extension.
    pub extension: Extension,
}

/// `{"extensions": […]}`; Nova and Cinder answer so too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtensionList {
    /// The extensions.
    pub extensions: Vec<Extension>,
}

/// What of a quota is used (`/details.json`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkQuotaUse {
    /// The bound; -1 for none.
    pub limit: i64,
    /// In use.
    pub used: i64,
    /// Reserved by requests under way.
    pub reserved: i64,
}

/// Quotas of a project: `T` is a bound (`i64`, -1 for none) or a [`NetworkQuotaUse`].
/// Kinds of resources that this cloud does not have may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkQuota<T> {
    /// Networks.
    pub network: T,
    /// Subnets.
    pub subnet: T,
    /// Ports.
    pub port: T,
    /// Routers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<T>,
    /// Floating addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floatingip: Option<T>,
    /// Security groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group: Option<T>,
    /// Rules of security groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_rule: Option<T>,
    /// Subnet pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetpool: Option<T>,
    /// Sharing rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rbac_policy: Option<T>,
}

/// `{"quota": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Default + Deserialize<'de>"))]
pub struct NetworkQuotaBody<T> {
    /// The quotas.
    pub quota: NetworkQuota<T>,
}

/// Bounds to set; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkQuotaFields {
    /// Networks.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub network: Option<i64>,
    /// Subnets.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub subnet: Option<i64>,
    /// Ports.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub port: Option<i64>,
    /// Security groups.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub security_group: Option<i64>,
    /// Rules of security groups.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub security_group_rule: Option<i64>,
    /// Sharing rules.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub rbac_policy: Option<i64>,
    /// Routers.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub router: Option<i64>,
    /// Floating addresses.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub floatingip: Option<i64>,
}

/// `{"quota": {…}}`, body of `PUT /quotas/{project}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkQuotaRequest {
    /// The bounds.
    pub quota: NetworkQuotaFields,
}

/// A zone of networks or routers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkZone {
    /// Name.
    pub name: String,
    /// `available`, `unavailable`.
    pub state: String,
    /// `network`, `router`.
    pub resource: String,
}

/// `{"availability_zones": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkZoneList {
    /// The zones.
    pub availability_zones: Vec<NetworkZone>,
}

/// `{"tags": […]}`, body of `PUT /{plural}/{id}/tags`, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsBody {
    /// All labels of the resource.
    pub tags: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_with_and_without_usage() {
        let bounds: NetworkQuotaBody<i64> = serde_json::from_str(
            r#"{"quota":{"network":100,"subnet":100,"port":500,"router":10,"floatingip":50,"trunk":-1}}"#,
        )
        .unwrap();
        assert_eq!(bounds.quota.router, Some(10));
        let usage: NetworkQuotaBody<NetworkQuotaUse> = serde_json::from_str(
            r#"{"quota":{"network":{"limit":100,"used":2,"reserved":0},"subnet":{"limit":1,"used":1,"reserved":0},"port":{"limit":5,"used":1,"reserved":1}}}"#,
        )
        .unwrap();
        assert_eq!(usage.quota.port.reserved, 1);
    }
}
