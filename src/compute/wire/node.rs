//! Nodes as Skydeck's own API has them: who is there, and how a machine joins.
//!
//! | request | answer |
//! |---|---|
//! | `GET /skydeck/v1/nodes` | [`NodeList`] |
//! | `POST /skydeck/v1/nodes` with [`NodeInvite`] | [`NodeInvitation`] |
//! | `DELETE /skydeck/v1/nodes/{name}` | nothing |
//! | `POST /skydeck/v1/nodes/{name}/fence` | [`Fencing`] |
//! | `POST /skydeck/v1/join` with [`NodeJoin`] | [`NodeJoined`] |

use serde::{Deserialize, Serialize};

use crate::api::wire::Secret;
use crate::ids::Time;

/// A host is being made dead for sure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fencing {
    /// The operation that does it.
    pub operation_id: String,
}

/// A node or a control process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Its name; of a control process the machine's.
    pub name: String,
    /// `node` or `control`.
    pub role: String,
    /// `up` or `down`.
    pub state: String,
    /// Whether it takes new servers.
    pub enabled: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// What is wrong with its hypervisor.
    pub trouble: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Seconds since its process started; absent while it is down.
    pub uptime: Option<u64>,
    /// Its last report.
    pub reported_at: Time,
    /// Microseconds that its clock is ahead, as the last report had it: a node's of a control process's, and a control process's
    /// of the database's.
    pub skew_us: Option<i64>,
}

/// `{"nodes": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeList {
    /// By name, control processes first.
    pub nodes: Vec<Node>,
}

/// An invitation that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeInvite {
    /// The new node's name.
    pub name: String,
    /// How long it shall be good; an hour if absent.
    #[serde(default)]
    pub minutes: Option<i64>,
}

/// An invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeInvitation {
    /// The secret.
    pub token: Secret,
    /// Where to come with it.
    pub url: String,
    /// SHA-256 of the certificate there, hexadecimal.
    pub fingerprint: Option<String>,
    /// When it is void.
    pub expires_at: Time,
}

/// A machine that comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeJoin {
    /// The secret.
    pub token: Secret,
}

/// What it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeJoined {
    /// Its name.
    pub name: String,
    /// Where the broker is.
    pub bus_url: Secret,
    /// What the broker's certificate must be signed by, PEM.
    pub bus_ca: Option<String>,
    /// Version of the control process.
    pub version: String,
}
