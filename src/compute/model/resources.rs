//! Processors, memory and disk: what servers need and hosts have.

use serde::{Deserialize, Serialize};

/// An amount of each resource that hosts share out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Virtual processors.
    pub vcpus: u64,
    /// MiB of memory.
    pub memory_mb: u64,
    /// GiB of disk.
    pub disk_gb: u64,
}

impl Resources {
    /// An amount of each.
    pub const fn new(vcpus: u64, memory_mb: u64, disk_gb: u64) -> Self {
        Self {
            vcpus,
            memory_mb,
            disk_gb,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::new(
            self.vcpus.saturating_add(other.vcpus),
            self.memory_mb.saturating_add(other.memory_mb),
            self.disk_gb.saturating_add(other.disk_gb),
        )
    }

    /// What remains of each when `other` is taken away; never below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self::new(
            self.vcpus.saturating_sub(other.vcpus),
            self.memory_mb.saturating_sub(other.memory_mb),
            self.disk_gb.saturating_sub(other.disk_gb),
        )
    }

    /// Whether `room` has enough of each.
    pub const fn fits_in(self, room: Self) -> bool {
        self.vcpus <= room.vcpus && self.memory_mb <= room.memory_mb && self.disk_gb <= room.disk_gb
    }
}
