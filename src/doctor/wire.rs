//! The doctor on the wire, below `/skydeck/v1/doctor`.

use serde::{Deserialize, Serialize};

use crate::ids::Time;

/// All findings, the worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingList {
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be, or was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Names it, the same each time it is found.
    pub id: String,
    /// The host it is on.
    pub host: String,
    /// `error`, `warning` or `mended`.
    pub severity: String,
    /// What is so.
    pub found: String,
    /// What to do about it, or what was done.
    pub advice: String,
    /// What the doctor can do about it: `repair`, `remove`, or nothing.
    pub remedy: Option<String>,
    /// Whether nothing can be lost by that.
    pub safe: bool,
    /// The server it is about, if there is one.
    pub server_id: Option<String>,
    /// When it was mended.
    pub at: Option<Time>,
}

/// Asks for what a finding proposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Treat {
    /// The host.
    pub host: String,
    /// The finding.
    pub id: String,
}
