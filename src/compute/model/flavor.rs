//! Flavors: the sizes that servers come in.

use std::collections::BTreeMap;

use super::Resources;
use crate::ids::{ProjectId, Time};

/// A size of servers. Servers keep a copy of what they were made with; changing or deleting a flavor never touches them.
#[derive(Clone, Debug, PartialEq)]
pub struct Flavor {
    /// Any text of 1 to 255 characters.
    pub id: String,
    /// Unique.
    pub name: String,
    /// Virtual processors, at least 1.
    pub vcpus: u32,
    /// Memory in MiB, at least 1.
    pub memory_mb: u64,
    /// Root disk in GiB; 0 means as large as the image.
    pub disk_gb: u64,
    /// A further disk in GiB.
    pub ephemeral_gb: u64,
    /// Swap in MiB.
    pub swap_mb: u64,
    /// Kept for clients; nothing obeys it.
    pub rxtx_factor: f64,
    /// Whether every project may use it; otherwise those with access.
    pub is_public: bool,
    /// For people.
    pub description: Option<String>,
    /// What the scheduler and the driver obey.
    pub extra_specs: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Time,
}

impl Flavor {
    /// What a server of this size takes from its host. `root_on_host` is false for a server that boots from a volume,
    /// and `image_gb` is the image's size, which counts when the flavor leaves the root disk's size to it.
    pub fn resources(&self, root_on_host: bool, image_gb: u64) -> Resources {
        let root = match (root_on_host, self.disk_gb) {
            (false, _) => 0,
            (true, 0) => image_gb,
            (true, size) => size,
        };
        Resources {
            vcpus: self.vcpus.into(),
            memory_mb: self.memory_mb,
            disk_gb: root
                .saturating_add(self.ephemeral_gb)
                .saturating_add(self.swap_mb.div_ceil(1024)),
        }
    }
}

/// A flavor to make. Bounds are checked by the operation.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFlavor {
    /// The id; a UUID is made up when absent.
    pub id: Option<String>,
    /// Unique.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u64,
    /// MiB.
    pub memory_mb: u64,
    /// GiB.
    pub disk_gb: u64,
    /// GiB.
    pub ephemeral_gb: u64,
    /// MiB.
    pub swap_mb: u64,
    /// Above 0.
    pub rxtx_factor: f64,
    /// Whether every project may use it.
    pub is_public: bool,
    /// For people.
    pub description: Option<String>,
}

/// What flavors are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlavorSort {
    /// The id, as text.
    #[default]
    Id,
    /// The name.
    Name,
    /// Processors.
    Vcpus,
    /// Memory.
    Memory,
    /// Root disk.
    Disk,
    /// When it was made.
    Created,
}

/// Which flavors to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct FlavorQuery {
    /// Public ones only, or private ones only. `None`: both (administrators; others see what they may use).
    pub is_public: Option<bool>,
    /// Whose access counts; `None` sees everything.
    pub project: Option<ProjectId>,
    /// At least so many MiB.
    pub min_memory_mb: Option<u64>,
    /// At least so many GiB.
    pub min_disk_gb: Option<u64>,
    /// What comes first.
    pub sort: FlavorSort,
    /// Largest first.
    pub descending: bool,
    /// Id of the last one of the page before.
    pub marker: Option<String>,
    /// At most so many.
    pub limit: Option<u64>,
}
