//! Processes of the cloud with what Nova has no words for: which version, since when, how far their clock is off.

use serde::{Deserialize, Serialize};

use crate::ids::Time;

/// A control process, or the agent of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceDetail {
    /// `agent`, `control`.
    pub kind: String,
    /// Of an agent, its id in Nova's `/os-services`; of a control process its own, new with each start.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// Its zone; `internal` for control processes.
    pub zone: String,
    /// Whether it reported lately and is not said to be down.
    pub up: bool,
    /// Whether new servers may be placed there.
    pub enabled: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Whether an operator said that it is down.
    pub forced_down: bool,
    /// Why its hypervisor does not answer; absent while it does.
    pub trouble: Option<String>,
    /// Its version.
    pub version: String,
    /// When it started, by its own clock.
    pub started_at: Time,
    /// When it last reported.
    pub reported_at: Time,
    /// How far its clock was ahead at that report, in microseconds: an agent's of the clock of the control process that took
    /// it, a control process's of the database's.
    pub skew_us: Option<i64>,
}

/// `{"services": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceDetailList {
    /// Control processes, then agents.
    pub services: Vec<ServiceDetail>,
}
