//! Live migration, as an engine does it: a running guest leaves for another host and never stops for longer than a moment.
//!
//! The engine at the source drives it and speaks to the engine at the destination itself. Whoever asked may go away and
//! ask again: what is under way is joined, never begun a second time. Invariant: a guest executes on at most one of the
//! two hosts at any moment, and what [`MigrationEnd`] says is true of this host, whatever became of the other.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use crate::compute::model::MigrationProgress;

use super::HvResult;
use crate::ids::ServerId;

/// Where a guest goes and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationOrder {
    /// Address of the other engine, as this one reaches it (`qemu+tls://h2/system`).
    pub destination: String,
    /// Address at which the other host takes memory and disks; its host name when absent.
    pub address: Option<String>,
    /// Which disks are copied.
    pub disks: DiskCopy,
    /// Most MiB per second.
    pub bandwidth_mib: Option<u64>,
    /// The longest pause of the guest to aim at, in milliseconds.
    pub downtime_ms: u64,
    /// Whether everything is encrypted on its way, by the engines' own certificates.
    #[serde(default)]
    pub tls: bool,
    /// Whether the guest may be slowed down until it writes less than the link carries.
    pub auto_converge: bool,
    /// Whether it may be finished at the destination, which fetches memory as it is touched.
    pub post_copy: bool,
    /// Whether the guest is off and stays so: only its disks move. It is started without executing anything, which is
    /// what engines can move, and arrives paused.
    pub from_off: bool,
}

/// Which disks are copied with the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskCopy {
    /// None: both hosts see the same files, and the caller made sure of that.
    Shared,
    /// Only what lies over the base that the destination has already.
    Top,
    /// All of their content.
    Whole,
}

/// How a migration ended, as this host sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum MigrationEnd {
    /// The guest does not execute here any more and never will.
    Left,
    /// The guest is here as it was.
    Stayed {
        /// Why.
        reason: String,
    },
    /// It executed at the destination while memory of it was still here (post-copy), and the way there is lost. It goes on when
    /// there is a way again; without its destination what it was is lost.
    Split {
        /// What is known of that.
        reason: String,
    },
}

/// What the destination has of a guest that is moved to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Nothing, or nothing that executes.
    Absent,
    /// It is on the way: it does not execute here yet.
    Arriving,
    /// It executes here, but memory of it is still on the source and fetched as it is touched (post-copy): it needs both
    /// hosts. When the source has died it stands still for good.
    Fetching,
    /// It is here, executing or paused.
    Arrived,
}

/// What an engine needs for live migration.
#[async_trait]
pub trait Migration: Send + Sync {
    /// Moves a running or paused guest, or joins the move that is under way; returns when it ended. Goes on when the caller
    /// goes away. With `begin` false nothing is begun. Errors are `Unavailable`: then the end is unknown, ask again.
    async fn migrate(
        &self,
        id: ServerId,
        order: &MigrationOrder,
        begin: bool,
        progress: &(dyn Fn(MigrationProgress) + Send + Sync),
    ) -> HvResult<MigrationEnd>;
    /// Breaks a migration off; `false` if none is under way that can be.
    async fn migration_abort(&self, id: ServerId) -> HvResult<bool>;
    /// Ends a migration soon: the guest goes on at the destination at once where that was allowed, or else pauses until all
    /// is there. `false` if none is under way.
    async fn migration_force(&self, id: ServerId) -> HvResult<bool>;
    /// At the destination: how much of the guest is here.
    async fn arrival(&self, id: ServerId) -> HvResult<Arrival>;
    /// At the destination: what the migration that brought this guest took, while the engine still knows.
    async fn migration_result(&self, id: ServerId) -> HvResult<Option<MigrationProgress>>;
    /// Bytes that the guest writes to its memory per second, measured for a second; `None` where that can not be measured.
    async fn dirty_rate(&self, id: ServerId) -> HvResult<Option<u64>>;
    /// Bytes of the guest's memory that the host holds, and so have to be sent.
    async fn resident_memory(&self, id: ServerId) -> HvResult<u64>;
    /// The processor that the guest has, for [`Migration::accepts_cpu`]; `None` if every host has it.
    async fn guest_cpu(&self, id: ServerId) -> HvResult<Option<String>>;
    /// Whether this host can offer such a processor; if not, why.
    async fn accepts_cpu(&self, cpu: &str) -> HvResult<Result<(), String>>;
}
