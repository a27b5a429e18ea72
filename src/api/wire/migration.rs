//! Moves of servers with what Nova has no words for: what was expected, how fast it goes, why it failed.

use serde::{Deserialize, Serialize};

use crate::ids::Time;

/// A move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationDetail {
    /// Nova's number of it.
    pub id: i64,
    /// Its id.
    pub uuid: String,
    /// The server.
    pub server_id: String,
    /// The operation that does it.
    pub operation_id: String,
    /// `live-migration`, `migration`, `resize`, `evacuation`.
    pub kind: String,
    /// `accepted`, `preparing`, `running`, `post-migrating`, `completed`, `cancelled`, `failed`, `finished`, `confirmed`,
    /// `reverted`.
    pub status: String,
    /// From this host.
    pub source: String,
    /// To this host, once it was chosen.
    pub destination: Option<String>,
    /// `abort` or `force_complete`, if that was asked of it.
    pub wish: Option<String>,
    /// How far the transfer is, or was at its end.
    pub progress: TransferProgress,
    /// What was expected before it began.
    pub forecast: Option<TransferForecast>,
    /// Why it did not succeed.
    pub message: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// How far a transfer is. Bytes, bytes per second and milliseconds; 0 where nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferProgress {
    /// Since its beginning.
    pub elapsed_ms: u64,
    /// All memory.
    pub memory_total: u64,
    /// Memory sent.
    pub memory_processed: u64,
    /// Memory to be sent.
    pub memory_remaining: u64,
    /// Memory sent per second.
    pub memory_bps: u64,
    /// Memory that the guest writes per second.
    pub dirty_bps: u64,
    /// How often all memory was gone through.
    pub iteration: u64,
    /// All of the disks that are copied.
    pub disk_total: u64,
    /// Disk sent.
    pub disk_processed: u64,
    /// Disk to be sent.
    pub disk_remaining: u64,
    /// Disk sent per second.
    pub disk_bps: u64,
    /// How long the guest will pause, or did.
    pub downtime_ms: u64,
    /// By how many percent the guest is slowed down.
    pub throttle_percent: u64,
    /// Whether the guest executes at the destination already.
    pub post_copy: bool,
}

/// What a transfer is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferForecast {
    /// From the first byte to the last, in milliseconds.
    pub total_ms: u64,
    /// The guest's pause, in milliseconds.
    pub downtime_ms: u64,
    /// Memory and disk to be sent.
    pub bytes: u64,
    /// Memory that the guest wrote per second.
    pub dirty_bps: u64,
    /// What the link carries per second.
    pub link_bps: u64,
    /// Whether it ends without force.
    pub converges: bool,
}

/// `{"migrations": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MigrationDetailList {
    /// Newest first.
    pub migrations: Vec<MigrationDetail>,
}
