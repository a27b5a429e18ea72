//! Limits and quotas: `/limits`, `/os-quota-sets/{project}` (`/detail`, `/defaults`). Bounds are -1 for none.

use serde::{Deserialize, Serialize};

use crate::api::wire::flexible_int;

/// `{"limits": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsBody {
    /// The limits.
    pub limits: Limits,
}

/// Limits of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Limits of the rate of requests; empty.
    pub rate: Vec<serde_json::Value>,
    /// Bounds and what is used of them.
    pub absolute: AbsoluteLimits,
}

/// Bounds and what is used of them; memory in MiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AbsoluteLimits {
    /// Servers.
    pub max_total_instances: i64,
    /// Servers there are.
    pub total_instances_used: i64,
    /// Processors.
    pub max_total_cores: i64,
    /// Processors in use.
    pub total_cores_used: i64,
    /// Memory.
    #[serde(rename = "maxTotalRAMSize")]
    pub max_total_ram_size: i64,
    /// Memory in use.
    #[serde(rename = "totalRAMUsed")]
    pub total_ram_used: i64,
    /// Key pairs of a user.
    pub max_total_keypairs: i64,
    /// Pairs of a server's metadata.
    pub max_server_meta: i64,
    /// Server groups.
    pub max_server_groups: i64,
    /// Server groups there are.
    pub total_server_groups_used: i64,
    /// Servers of a group.
    pub max_server_group_members: i64,
    /// Pairs of an image's metadata. Until 2.38.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_image_meta: Option<i64>,
    /// Files to put in. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_personality: Option<i64>,
    /// Bytes of such a file. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_personality_size: Option<i64>,
    /// Floating addresses. Until 2.35.
    #[serde(
        rename = "maxTotalFloatingIps",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_total_floating_ips: Option<i64>,
    /// Floating addresses there are. Until 2.35.
    #[serde(
        rename = "totalFloatingIpsUsed",
        skip_serializing_if = "Option::is_none"
    )]
    pub total_floating_ips_used: Option<i64>,
    /// Security groups. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_security_groups: Option<i64>,
    /// Rules of a security group. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_security_group_rules: Option<i64>,
    /// Security groups there are. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_security_groups_used: Option<i64>,
}

/// What of a quota is used (`/detail`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaUse {
    /// The bound.
    pub limit: i64,
    /// In use.
    pub in_use: i64,
    /// Reserved by requests under way.
    pub reserved: i64,
}

/// Quotas of a project: `T` is a bound (`i64`) or a [`QuotaUse`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaSet<T> {
    /// The project; absent in the answer to an update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Servers.
    pub instances: T,
    /// Processors.
    pub cores: T,
    /// Memory in MiB.
    pub ram: T,
    /// Key pairs of a user.
    pub key_pairs: T,
    /// Pairs of a server's metadata.
    pub metadata_items: T,
    /// Server groups.
    pub server_groups: T,
    /// Servers of a group.
    pub server_group_members: T,
    /// Files to put in. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected_files: Option<T>,
    /// Bytes of such a file. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected_file_content_bytes: Option<T>,
    /// Characters of its path. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected_file_path_bytes: Option<T>,
    /// Fixed addresses. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ips: Option<T>,
    /// Floating addresses. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_ips: Option<T>,
    /// Security groups. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<T>,
    /// Rules of a security group. Until 2.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_rules: Option<T>,
}

/// `{"quota_set": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Default + Deserialize<'de>"))]
pub struct QuotaSetBody<T> {
    /// The quotas.
    pub quota_set: QuotaSet<T>,
}

/// Bounds to set; absent ones stay. Numbers may be written as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaFields {
    /// Servers.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub instances: Option<i64>,
    /// Processors.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub cores: Option<i64>,
    /// Memory in MiB.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub ram: Option<i64>,
    /// Key pairs of a user.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub key_pairs: Option<i64>,
    /// Pairs of a server's metadata.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub metadata_items: Option<i64>,
    /// Server groups.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub server_groups: Option<i64>,
    /// Servers of a group.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub server_group_members: Option<i64>,
    /// Set the bounds even below what is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// `{"quota_set": {…}}`, body of `PUT /os-quota-sets/{project}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaRequest {
    /// The bounds.
    pub quota_set: QuotaFields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_novas() {
        let value = serde_json::to_value(LimitsBody::default()).unwrap();
        let absolute = &value["limits"]["absolute"];
        for name in [
            "maxTotalInstances",
            "totalInstancesUsed",
            "maxTotalCores",
            "maxTotalRAMSize",
            "totalRAMUsed",
            "maxTotalKeypairs",
            "maxServerMeta",
            "maxServerGroupMembers",
        ] {
            assert_eq!(absolute[name], 0, "{name}");
        }
    }

    #[test]
    fn quotas_are_read_with_and_without_usage() {
        let bounds: QuotaSetBody<i64> = serde_json::from_str(
            r#"{"quota_set":{"id":"p","cores":20,"ram":51200,"instances":10}}"#,
        )
        .unwrap();
        assert_eq!(bounds.quota_set.ram, 51_200);
        let usage: QuotaSetBody<QuotaUse> = serde_json::from_str(
            r#"{"quota_set":{"id":"p","cores":{"in_use":2,"limit":20,"reserved":0}}}"#,
        )
        .unwrap();
        assert_eq!(usage.quota_set.cores.in_use, 2);
    }
}
