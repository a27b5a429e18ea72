//! Types, limits, quotas, services and zones of Cinder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::wire::{Metadata, null_default};

/// A kind of volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeType {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether every project may use it.
    pub is_public: bool,
    /// The same, by its older name.
    #[serde(rename = "os-volume-type-access:is_public")]
    pub access_is_public: bool,
    /// What back ends must offer.
    #[serde(deserialize_with = "null_default")]
    pub extra_specs: Metadata,
    /// Quality of service.
    pub qos_specs_id: Option<String>,
}

/// `{"volume_type": {…}}`; `GET /types/{id}`, `/types/default`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeTypeBody {
    /// The type.
    pub volume_type: VolumeType,
}

/// `{"volume_types": […]}`; `GET /types`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeTypeList {
    /// The types.
    pub volume_types: Vec<VolumeType>,
}

/// `{"limits": {…}}`; `GET /limits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeLimitsBody {
    /// The limits.
    pub limits: VolumeLimits,
}

/// Limits of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeLimits {
    /// Limits of the rate of requests; empty.
    pub rate: Vec<serde_json::Value>,
    /// Bounds and what is used of them.
    pub absolute: VolumeAbsoluteLimits,
}

/// Bounds (-1 for none) and what is used of them; sizes in GiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeAbsoluteLimits {
    /// Volumes.
    pub max_total_volumes: i64,
    /// Volumes there are.
    pub total_volumes_used: i64,
    /// Size of all volumes and snapshots.
    pub max_total_volume_gigabytes: i64,
    /// Size of those there are.
    pub total_gigabytes_used: i64,
    /// Snapshots.
    pub max_total_snapshots: i64,
    /// Snapshots there are.
    pub total_snapshots_used: i64,
    /// Backups.
    pub max_total_backups: i64,
    /// Backups there are.
    pub total_backups_used: i64,
    /// Size of all backups.
    pub max_total_backup_gigabytes: i64,
    /// Size of those there are.
    pub total_backup_gigabytes_used: i64,
}

/// What of a quota is used (`?usage=true`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeQuotaUse {
    /// The bound; -1 for none.
    pub limit: i64,
    /// In use.
    pub in_use: i64,
    /// Reserved by requests under way.
    pub reserved: i64,
    /// Given to projects below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated: Option<i64>,
}

/// Quotas of a project, `GET /os-quota-sets/{project}` (`/defaults`, `?usage=true`): `T` is a bound (`i64`, -1 for none) or
/// a [`VolumeQuotaUse`]; sizes in GiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeQuota<T> {
    /// The project.
    pub id: String,
    /// Volumes.
    pub volumes: T,
    /// Snapshots.
    pub snapshots: T,
    /// Size of all of them.
    pub gigabytes: T,
    /// Size of one.
    pub per_volume_gigabytes: T,
    /// Backups.
    pub backups: T,
    /// Size of all of them.
    pub backup_gigabytes: T,
    /// Groups.
    pub groups: T,
}

/// `{"quota_set": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Default + Deserialize<'de>"))]
pub struct VolumeQuotaBody<T> {
    /// The quotas.
    pub quota_set: VolumeQuota<T>,
}

/// Bounds to set; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeQuotaFields {
    /// Volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<i64>,
    /// Snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<i64>,
    /// Size of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gigabytes: Option<i64>,
    /// Size of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_volume_gigabytes: Option<i64>,
    /// What is no bound that is known here.
    #[serde(flatten, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
}

/// `{"quota_set": {…}}`, body of `PUT /os-quota-sets/{project}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeQuotaRequest {
    /// The bounds.
    pub quota_set: VolumeQuotaFields,
}

/// A process of the service, `GET /os-services`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeService {
    /// `cinder-volume`, `cinder-scheduler`.
    pub binary: String,
    /// `host@backend`.
    pub host: String,
    /// Zone.
    pub zone: String,
    /// `enabled`, `disabled`.
    pub status: String,
    /// `up`, `down`.
    pub state: String,
    /// When it was last heard.
    pub updated_at: Option<String>,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
}

/// `{"services": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeServiceList {
    /// The processes.
    pub services: Vec<VolumeService>,
}

/// A zone, `GET /os-availability-zone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeZone {
    /// Name.
    pub zone_name: String,
    /// State.
    pub zone_state: VolumeZoneState,
}

/// `{"available": true}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeZoneState {
    /// Whether volumes can be made there.
    pub available: bool,
}

/// `{"availabilityZoneInfo": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeZoneList {
    /// The zones.
    pub availability_zone_info: Vec<VolumeZone>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cinders() {
        let value = serde_json::to_value(VolumeLimitsBody::default()).unwrap();
        assert_eq!(value["limits"]["absolute"]["maxTotalBackupGigabytes"], 0);
        let zones: VolumeZoneList = serde_json::from_str(
            r#"{"availabilityZoneInfo":[{"zoneState":{"available":true},"zoneName":"nova"}]}"#,
        )
        .unwrap();
        assert!(zones.availability_zone_info[0].zone_state.available);
    }
}
