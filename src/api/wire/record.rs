//! Who is asking, what was done by whom, how the cloud is as a whole, and how far an upload came.
//!
//! | request | answer |
//! |---|---|
//! | `GET /skydeck/v1/whoami` | [`WhoAmI`] |
//! | `GET /skydeck/v1/summary?all_projects=` | [`Summary`] |
//! | `GET /skydeck/v1/audit?user_id=&resource_id=&outcome=&since=&limit=&marker=` | [`AuditList`], newest first |
//! | `GET /skydeck/v1/images/{id}/upload` | [`UploadStatus`] |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ResourceRef;
use crate::ids::Time;

/// The bearer of the token, and the cloud it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhoAmI {
    /// The user.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
    /// The user's domain, by name.
    pub domain_name: String,
    /// The project the token is for.
    pub project_id: Option<String>,
    /// Its name.
    pub project_name: Option<String>,
    /// Names of the roles there.
    pub roles: Vec<String>,
    /// Whether the hosts are simulated; a console marks every screen then.
    pub simulated: bool,
    /// Whether this control process refuses every change.
    pub read_only: bool,
    /// The region.
    pub region: String,
    /// Version of the program.
    pub version: String,
}

/// How an audited request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Accepted.
    #[default]
    Success,
    /// Refused for lack of rights.
    Denied,
    /// Refused for another reason, or failed.
    Failure,
    /// A word of a newer release.
    #[serde(other)]
    Unknown,
}

/// One request that changed something or tried to. Bodies are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// Its id; rises with time.
    pub id: String,
    /// When.
    pub at: Time,
    /// Who; empty for a failed authentication.
    pub user_id: String,
    /// Who, by name.
    pub user_name: Option<String>,
    /// The project of the token.
    pub project_id: Option<String>,
    /// Resource first: `server_create`, `server_reboot`, `user_delete`, `token_create`.
    pub action: String,
    /// What it was done to, where that is known.
    pub resource: Option<ResourceRef>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, if it did not succeed.
    pub reason: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
    /// The request.
    pub request_id: String,
    /// The operation it started.
    pub operation_id: Option<String>,
    /// Address it came from; `unix` for the socket.
    pub source: String,
}

/// `{"audit": […], "next": …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditList {
    /// Newest first.
    pub audit: Vec<AuditEntry>,
    /// `marker` of the next page; absent on the last one.
    pub next: Option<String>,
}

/// Hosts by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostCounts {
    /// All.
    pub total: u64,
    /// Heard from lately.
    pub up: u64,
    /// Not heard from.
    pub down: u64,
    /// Up, but closed to new servers.
    pub disabled: u64,
}

/// Something that is handed out: how much there is, is claimed, and is really used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// What the machines have.
    pub total: u64,
    /// What may be handed out (total by the allocation ratio, less what is reserved).
    pub allocatable: u64,
    /// What is handed out.
    pub claimed: u64,
    /// What is really used, where it is measured.
    pub used: Option<f64>,
}

/// State of a part of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartHealth {
    /// `local`, `rabbitmq`; `sqlite`, `mysql`, `postgres`.
    pub kind: String,
    /// Whether it answers.
    pub ok: bool,
    /// Time of the last answer in milliseconds.
    pub latency_ms: Option<f64>,
    /// Messages that wait (bus).
    pub waiting: Option<u64>,
    /// What is wrong and what to do.
    pub trouble: Option<String>,
}

/// The bus, as the process that answers sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusShow {
    /// `local` or `rabbitmq`.
    pub kind: String,
    /// Where the broker is.
    pub broker: Option<String>,
    /// Whether messages can be sent now.
    pub connected: bool,
    /// Since when that is so.
    pub since: Time,
    /// What is wrong and what to do.
    pub trouble: Option<String>,
    /// Queues that the process serves or lately called.
    pub queues: Vec<QueueShow>,
}

/// A queue of the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueShow {
    /// Topic, or topic and host: `conductor`, `compute.n1`.
    pub name: String,
    /// Messages that nobody works on yet.
    pub messages: u64,
    /// Servers that take from it.
    pub consumers: u64,
    /// Whether the process that answers is one of them.
    pub served: bool,
}

/// `{"bus": …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusBody {
    /// It.
    pub bus: BusShow,
}

/// The cloud as a whole, for the dashboard. Counts are of what the caller may see; hosts and health are for
/// administrators and absent otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// When it was counted.
    pub at: Time,
    /// Hosts.
    pub hosts: Option<HostCounts>,
    /// Servers by status (`ACTIVE`, `SHUTOFF`, `ERROR`, `BUILD`, …).
    pub servers: BTreeMap<String, u64>,
    /// Volumes by status.
    pub volumes: BTreeMap<String, u64>,
    /// Images by status.
    pub images: BTreeMap<String, u64>,
    /// Operations that are not finished, by status (`running`, `waiting`, `undoing`, `stuck`).
    pub operations: BTreeMap<String, u64>,
    /// Alarms that ring, by severity.
    pub alarms: BTreeMap<String, u64>,
    /// Number of networks.
    pub networks: u64,
    /// Number of ports.
    pub ports: u64,
    /// Processors.
    pub vcpus: Option<Room>,
    /// Memory in MiB.
    pub memory_mb: Option<Room>,
    /// Disk under the servers in GiB.
    pub disk_gb: Option<Room>,
    /// Disk under the volumes in GiB.
    pub volume_gb: Option<Room>,
    /// The bus.
    pub bus: Option<PartHealth>,
    /// The database.
    pub database: Option<PartHealth>,
    /// Control processes that hold a lease.
    pub control_processes: Option<u64>,
}

impl Summary {
    /// Servers of all statuses.
    pub fn server_total(&self) -> u64 {
        self.servers.values().sum()
    }
}

/// `{"summary": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SummaryBody {
    /// The summary.
    pub summary: Summary,
}

/// How far the upload of an image has come, so that a broken one goes on: the next
/// `PUT /image/v2/images/{id}/file` carries `Content-Range: bytes RECEIVED-LAST/TOTAL`, or `bytes */TOTAL` and an empty body if all
/// bytes are there and only the end was lost. A client goes on only if `total` is the length of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadStatus {
    /// The image.
    pub image_id: String,
    /// Bytes that are safely stored.
    pub received: u64,
    /// Bytes the first request announced, if it did.
    pub total: Option<u64>,
    /// Whether a transfer is under way now; another one is refused with 409 meanwhile.
    pub active: bool,
}
