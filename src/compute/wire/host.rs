//! Hypervisors, services and zones: `/os-hypervisors`, `/os-services`, `/os-availability-zone`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::wire::Link;

/// A hypervisor. The sizes were shown until 2.87; the client takes them from an older version or from Placement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hypervisor {
    /// Id: a UUID from 2.53, before that a number.
    pub id: NumberOrUuid,
    /// Its name for itself.
    pub hypervisor_hostname: String,
    /// `up`, `down`.
    pub state: String,
    /// `enabled`, `disabled`.
    pub status: String,
    /// Its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<HypervisorService>,
    /// Address of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// `QEMU`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor_type: Option<String>,
    /// major * 1,000,000 + minor * 1,000 + release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor_version: Option<i64>,
    /// Its servers, if `with_servers` was asked for. From 2.53.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<HypervisorServer>>,
    /// What `uptime` says; `null` if it is down. From 2.88; before that in `/os-hypervisors/{id}/uptime`.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub uptime: Option<Option<String>>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<i64>,
    /// Processors given to servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus_used: Option<i64>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<i64>,
    /// Memory given to servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb_used: Option<i64>,
    /// Memory left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_ram_mb: Option<i64>,
    /// Disk in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_gb: Option<i64>,
    /// Disk given to servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_gb_used: Option<i64>,
    /// Disk left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_disk_gb: Option<i64>,
    /// Disk really left; may be `null`.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub disk_available_least: Option<Option<i64>>,
    /// Servers on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_vms: Option<i64>,
    /// Tasks under way on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_workload: Option<i64>,
    /// An object from 2.28, before that the same as JSON in text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_info: Option<Value>,
}

/// An id that was once a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NumberOrUuid {
    /// Before 2.53.
    Number(i64),
    /// From 2.53.
    Uuid(String),
}

impl Default for NumberOrUuid {
    fn default() -> Self {
        Self::Uuid(String::new())
    }
}

impl std::fmt::Display for NumberOrUuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

/// The service of a hypervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HypervisorService {
    /// Id of the service.
    pub id: NumberOrUuid,
    /// Its host.
    pub host: String,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
}

/// A server on a hypervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HypervisorServer {
    /// Its name for libvirt.
    pub name: String,
    /// Id.
    pub uuid: String,
}

/// `{"hypervisor": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HypervisorBody {
    /// The hypervisor.
    pub hypervisor: Hypervisor,
}

/// `{"hypervisors": […]}`; in `GET /os-hypervisors` with `id`, name, `state` and `status` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HypervisorList {
    /// This page.
    pub hypervisors: Vec<Hypervisor>,
    /// `next`. From 2.33.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hypervisors_links: Vec<Link>,
}

/// `{"hypervisor_statistics": {…}}`; `GET /os-hypervisors/statistics`, until 2.87.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HypervisorStatisticsBody {
    /// The sums.
    pub hypervisor_statistics: HypervisorStatistics,
}

/// Sums over all hypervisors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HypervisorStatistics {
    /// Hypervisors.
    pub count: i64,
    /// Processors.
    pub vcpus: i64,
    /// Processors given to servers.
    pub vcpus_used: i64,
    /// MiB.
    pub memory_mb: i64,
    /// MiB given to servers.
    pub memory_mb_used: i64,
    /// MiB left.
    pub free_ram_mb: i64,
    /// GiB.
    pub local_gb: i64,
    /// GiB given to servers.
    pub local_gb_used: i64,
    /// GiB left.
    pub free_disk_gb: i64,
    /// GiB really left.
    pub disk_available_least: i64,
    /// Servers.
    pub running_vms: i64,
    /// Tasks under way.
    pub current_workload: i64,
}

/// A process of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComputeService {
    /// Id: a UUID from 2.53, before that a number.
    pub id: NumberOrUuid,
    /// `nova-compute`, `nova-conductor`, `nova-scheduler`.
    pub binary: String,
    /// Its host.
    pub host: String,
    /// Its zone; `internal` for control processes.
    pub zone: String,
    /// `enabled`, `disabled`.
    pub status: String,
    /// `up`, `down`.
    pub state: String,
    /// When it was last heard, with microseconds.
    pub updated_at: Option<String>,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// Whether it was said to be down. From 2.11.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_down: Option<bool>,
}

/// `{"services": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComputeServiceList {
    /// The processes.
    pub services: Vec<ComputeService>,
}

/// `{"service": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputeServiceBody {
    /// The process.
    pub service: ComputeService,
}

/// Body of `PUT /os-services/{id}`, from 2.53; absent fields stay. Before that `PUT /os-services/enable`, `/disable`,
/// `/disable-log-reason`, `/force-down` with `host` and `binary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComputeServiceUpdate {
    /// `enabled`, `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Whether it is said to be down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_down: Option<bool>,
    /// Its host. Before 2.53.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its name. Before 2.53.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// A zone. `hosts` is `null` in `GET /os-availability-zone` and filled in `…/detail` (administrators).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Zone {
    /// Name.
    pub zone_name: String,
    /// State.
    pub zone_state: ZoneState,
    /// State of each process, by host and name.
    pub hosts: Option<BTreeMap<String, BTreeMap<String, ZoneService>>>,
}

/// `{"available": true}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneState {
    /// Whether servers can be made there.
    pub available: bool,
}

/// State of a process in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneService {
    /// Whether it is up.
    pub available: bool,
    /// Whether it is enabled.
    pub active: bool,
    /// When it was last heard.
    pub updated_at: Option<String>,
}

/// `{"availabilityZoneInfo": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ZoneList {
    /// The zones.
    pub availability_zone_info: Vec<Zone>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_of_old_and_new_versions_are_read() {
        let old: HypervisorBody = serde_json::from_str(
            r#"{"hypervisor": {"cpu_info": "{\"arch\":\"x86_64\"}", "state": "up", "status": "enabled",
            "current_workload": 0, "disk_available_least": null, "host_ip": "1.1.1.1", "free_disk_gb": 1028,
            "free_ram_mb": 7680, "hypervisor_hostname": "host1", "hypervisor_type": "fake", "hypervisor_version": 1000,
            "id": 2, "local_gb": 1028, "local_gb_used": 0, "memory_mb": 8192, "memory_mb_used": 512, "running_vms": 0,
            "service": {"host": "host1", "id": 6, "disabled_reason": null}, "vcpus": 2, "vcpus_used": 0}}"#,
        )
        .unwrap();
        assert_eq!(old.hypervisor.id, NumberOrUuid::Number(2));
        assert_eq!(old.hypervisor.disk_available_least, Some(None));
        let new: Hypervisor = serde_json::from_str(
            r#"{"id":"b1e4","hypervisor_hostname":"h","uptime":null,"servers":[{"name":"i","uuid":"u"}]}"#,
        )
        .unwrap();
        assert_eq!(new.uptime, Some(None));
        assert_eq!(new.vcpus, None);
    }

    #[test]
    fn zones_with_and_without_hosts() {
        let list: ZoneList = serde_json::from_str(
            r#"{"availabilityZoneInfo":[{"hosts":{"conductor":{"nova-conductor":{"active":true,"available":true,
            "updated_at":null}}},"zoneName":"internal","zoneState":{"available":true}},
            {"hosts":null,"zoneName":"nova","zoneState":{"available":true}}]}"#,
        )
        .unwrap();
        assert!(list.availability_zone_info[0].hosts.is_some());
        assert!(list.availability_zone_info[1].hosts.is_none());
    }
}
