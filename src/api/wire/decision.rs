//! Why a server is where it is, and what a launch would do: `/skydeck/v1`'s explanations and plans.
//!
//! | request | answer |
//! |---|---|
//! | `GET /servers/{id}/explanations` | [`ExplanationList`]: every decision about the server, newest first |
//! | `POST /plans/migration` with [`MigrationPlanRequest`] | [`MigrationPlanBody`]; nothing is moved |
//! | `POST /plans/launch` with Nova's server create body | [`LaunchPlanBody`]; nothing is made or reserved |

use serde::{Deserialize, Serialize};

use super::TransferForecast;
use crate::ids::Time;

/// What a server needs of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Processors.
    pub vcpus: u64,
    /// MiB.
    pub memory_mb: u64,
    /// GiB.
    pub disk_gb: u64,
    /// The zone asked for.
    pub availability_zone: Option<String>,
    /// The host asked for.
    pub host: Option<String>,
    /// How many servers were asked for together.
    pub count: u64,
}

/// What one filter said of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterVerdict {
    /// `RamFilter`, `CoreFilter`, `ComputeFilter`, … Nova's names.
    pub filter: String,
    /// Whether the host may stay.
    pub passed: bool,
    /// Why not, for people.
    pub reason: Option<String>,
    /// What was wanted, in `unit`, where it is a quantity.
    pub wanted: Option<f64>,
    /// What the host had left of it.
    pub available: Option<f64>,
    /// `vcpus`, `MiB`, `GiB`, `servers`.
    pub unit: Option<String>,
}

/// What one weigher said of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weight {
    /// `RAMWeigher`, `CPUWeigher`, … Nova's names.
    pub weigher: String,
    /// What it measured.
    pub raw: f64,
    /// The same from 0 (worst host) to 1 (best host).
    pub normalized: f64,
    /// The configured factor.
    pub multiplier: f64,
    /// `normalized * multiplier`.
    pub score: f64,
}

/// One host's row of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostVerdict {
    /// The host.
    pub host: String,
    /// Whether every filter let it stay.
    pub passed: bool,
    /// All filters in the configured order; those after the first refusal are left out.
    pub filters: Vec<FilterVerdict>,
    /// All weighers, if it passed.
    pub weights: Vec<Weight>,
    /// Sum of the scores, if it passed.
    pub weight: Option<f64>,
    /// 1 is best; absent if it did not pass.
    pub rank: Option<u32>,
}

/// How many hosts a filter refused that no filter before it had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusedBy {
    /// The filter's name.
    pub filter: String,
    /// How many.
    pub hosts: usize,
}

/// The smallest change that would have found a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Suggestion {
    /// For people: `512 MiB less memory would fit on cmp-03`.
    pub message: String,
    /// The host it would fit.
    pub host: Option<String>,
    /// A flavor that would fit, if there is one.
    pub flavor: Option<String>,
}

/// One decision of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The server; empty in a plan.
    pub server_id: String,
    /// When.
    pub at: Time,
    /// The operation that asked, if one did.
    pub operation_id: Option<String>,
    /// What was asked for.
    pub wanted: Wanted,
    /// Hosts that were left out because they failed this server before.
    pub excluded: Vec<String>,
    /// How many hosts were looked at.
    pub considered: usize,
    /// How many of them fit.
    pub passed: usize,
    /// How many of them each filter refused, of those that refused any; the others were left out.
    pub refused: Vec<RefusedBy>,
    /// Hosts, the best that fit first, then refused ones: a bounded number of each, so maybe not all that were looked at.
    pub hosts: Vec<HostVerdict>,
    /// The host that was claimed.
    pub chosen: Option<String>,
    /// Hosts to be tried after it, in order.
    pub alternates: Vec<String>,
    /// What would have helped, where no host passed.
    pub suggestion: Option<Suggestion>,
}

/// Which server would have to leave its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationPlanRequest {
    /// The server.
    pub server_id: String,
    /// To this host; the scheduler's choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether disks are copied; as it has to be when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_migration: Option<bool>,
}

/// What would become of a move: of a server that runs, as it is moved live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationPlanBody {
    /// Where it would go, and why.
    pub explanation: Explanation,
    /// What it would take, as the guest is now; absent if nothing is known of it.
    pub forecast: Option<TransferForecast>,
    /// What the two nodes say against it, one line each.
    pub problems: Vec<String>,
    /// Why there is neither a forecast nor a problem.
    pub unknown: Option<String>,
}

/// `{"explanations": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplanationList {
    /// Newest first.
    pub explanations: Vec<Explanation>,
}

/// One thing a launch makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedItem {
    /// `server`, `port`, `root disk`, `volume`.
    pub kind: String,
    /// Its name, where it gets one.
    pub name: Option<String>,
    /// For people: `20 GiB from debian-12`.
    pub what: String,
    /// How many.
    pub count: u64,
}

/// One kind of thing that is bounded, before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedUse {
    /// `instances`, `cores`, `ram`, `ports`, `volumes`, `gigabytes`; of a host `vcpus`, `memory_mb`, `disk_gb`.
    pub resource: String,
    /// `MiB`, `GiB`, or empty for a count.
    pub unit: String,
    /// The bound; -1 for none.
    pub limit: i64,
    /// In use or reserved now.
    pub used: i64,
    /// What the launch adds.
    pub adds: i64,
    /// What is left after it; below zero if it does not fit, absent without a bound.
    pub left: Option<i64>,
}

/// Something wrong with a field of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldProblem {
    /// The field's name in the body (`flavorRef`); empty if it is none's in particular.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What a launch would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchPlan {
    /// Whether it would be accepted and find a host now.
    pub fits: bool,
    /// What would be made.
    pub makes: Vec<PlannedItem>,
    /// The project's quota.
    pub quota: Vec<PlannedUse>,
    /// The host that would be chosen now.
    pub host: Option<String>,
    /// That host's room.
    pub host_room: Vec<PlannedUse>,
    /// What stands against it.
    pub problems: Vec<FieldProblem>,
    /// The scheduler's reasons.
    pub explanation: Option<Explanation>,
}

/// `{"plan": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaunchPlanBody {
    /// The plan.
    pub plan: LaunchPlan,
}
