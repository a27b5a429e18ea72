//! A host as the scheduler sees it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::compute::model::Resources;

/// What is known of a host when it is asked for room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostState {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Whether it reported lately and nobody said that it is down.
    pub up: bool,
    /// Said to be down by an operator.
    pub forced_down: bool,
    /// Why its hypervisor does not answer; `None` while it does.
    pub trouble: Option<String>,
    /// Whether it takes new servers.
    pub enabled: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// What its aggregates say: each key with all its values.
    pub aggregate_metadata: BTreeMap<String, Vec<String>>,
    /// Taken as if it were set apart for just what is asked for; only suggestions say so.
    pub isolation_waived: bool,
    /// CPU architecture.
    pub arch: String,
    /// `QEMU`, `simulated`.
    pub hypervisor_type: String,
    /// major * 1,000,000 + minor * 1,000 + release.
    pub hypervisor_version: i64,
    /// CPU model.
    pub cpu_model: String,
    /// CPU flags; hosts of one kind share the list.
    pub cpu_features: Arc<[String]>,
    /// What the machine has; no single server gets more.
    pub total: Resources,
    /// What may be claimed of it: without reserves, times the allocation ratios.
    pub capacity: Resources,
    /// What is claimed of it.
    pub used: Resources,
    /// Servers with claims on it.
    pub servers: u32,
    /// Servers on it that are being built, resized, copied or moved.
    pub io_ops: u32,
    /// Launches that failed there since the last success.
    pub failures: u32,
    /// Its address, if it has told.
    pub address: Option<IpAddr>,
    /// Physical networks that it is plugged into.
    pub physical_networks: Vec<String>,
    /// What it measures of itself.
    pub metrics: BTreeMap<String, f64>,
}

impl HostState {
    /// What is left to claim.
    pub fn free(&self) -> Resources {
        self.capacity.minus(self.used)
    }
}
