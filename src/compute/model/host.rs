//! Hosts (compute nodes) and control processes, as they report themselves.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::Resources;
use crate::ids::{HostId, Time};

/// The zone that hosts are in unless something says otherwise.
pub const DEFAULT_ZONE: &str = "nova";

/// A compute node. What the machine is like stays as last reported while its hypervisor does not answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name, unique; what everything refers to.
    pub name: String,
    /// Its id as hypervisor, as compute service and as resource provider.
    pub id: HostId,
    /// The number that API versions before 2.53 know it by.
    pub number: i64,
    /// Version of its agent.
    pub version: String,
    /// When its agent started, by its own clock.
    pub started_at: Time,
    /// When it last reported, by the database's clock.
    pub reported_at: Time,
    /// How far its clock was ahead of the control process's at that report, in microseconds.
    pub skew_us: i64,
    /// Why its hypervisor does not answer; `None` while it does.
    pub trouble: Option<String>,
    /// `QEMU`, `simulated`; empty until the hypervisor answered once.
    pub hypervisor_type: String,
    /// major * 1,000,000 + minor * 1,000 + release.
    pub hypervisor_version: i64,
    /// `kvm`, `qemu`, `sim`.
    pub virt_type: String,
    /// `x86_64`.
    pub arch: String,
    /// CPU model as the hypervisor names it.
    pub cpu_model: String,
    /// CPU flags guests can be offered; hosts that are read together and have the same share the list.
    pub cpu_features: Arc<[String]>,
    /// What the machine has.
    pub total: Resources,
    /// GiB that are free on the file system of the guests' disks.
    pub disk_free_gb: u64,
    /// How long its machine is up and how busy it is, as `uptime` says it; `None` if it does not tell.
    pub uptime: Option<String>,
    /// The address by which it speaks to the world, if it has told.
    pub address: Option<IpAddr>,
    /// Networks that it is plugged into, by name: those that flat networks are made on.
    pub physical_networks: Vec<String>,
    /// What it measures of itself, by Nova's names (`cpu.percent`), as shares of one.
    pub metrics: BTreeMap<String, f64>,
    /// Whether new servers may be placed on it.
    pub enabled: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Said to be down by an operator who made sure of it.
    pub forced_down: bool,
    /// Whether it reported lately and is not said to be down.
    pub up: bool,
    /// Whether watchers were last told that it is up.
    pub shown_up: bool,
    /// Launches that failed on it since the last one that succeeded.
    pub failures: u32,
    /// Rises with each change of what is claimed of it.
    pub generation: i64,
    /// When it first reported.
    pub created_at: Time,
    /// When something other than a report last changed it.
    pub updated_at: Time,
}

/// A host as a place for services of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSite {
    /// Its name.
    pub name: String,
    /// Said to be down by an operator who made sure of it.
    pub forced_down: bool,
    /// Whether it reported lately and is not said to be down.
    pub up: bool,
    /// When it last reported, by the database's clock.
    pub reported_at: Time,
    /// Networks that it is plugged into.
    pub physical_networks: Vec<String>,
}

/// How much of each real resource may be promised, from the settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllocationRatios {
    /// Virtual processors per logical one.
    pub vcpus: f64,
    /// MiB promised per MiB.
    pub memory: f64,
    /// GiB promised per GiB.
    pub disk: f64,
    /// What is kept back of each.
    pub reserved: Resources,
}

/// What a host offers of one resource, in Placement's terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inventory {
    /// What there is.
    pub total: u64,
    /// What is kept back.
    pub reserved: u64,
    /// Promised per real one.
    pub ratio: f64,
}

/// Placement's word for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceClass {
    /// GiB of disk.
    DiskGb,
    /// MiB of memory.
    MemoryMb,
    /// Processors.
    Vcpu,
}

impl ResourceClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DiskGb, Self::MemoryMb, Self::Vcpu];

    /// Placement's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskGb => "DISK_GB",
            Self::MemoryMb => "MEMORY_MB",
            Self::Vcpu => "VCPU",
        }
    }

    /// This part of `resources`.
    pub fn of(self, resources: Resources) -> u64 {
        match self {
            Self::DiskGb => resources.disk_gb,
            Self::MemoryMb => resources.memory_mb,
            Self::Vcpu => resources.vcpus,
        }
    }
}

impl Inventory {
    /// How much may be claimed.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of machines are far below 2^53, and the product is not negative"
    )]
    pub fn capacity(self) -> u64 {
        (self.total.saturating_sub(self.reserved) as f64 * self.ratio) as u64
    }
}

impl AllocationRatios {
    /// What a machine with `total` offers of one resource.
    pub fn inventory(&self, class: ResourceClass, total: Resources) -> Inventory {
        let ratio = match class {
            ResourceClass::Vcpu => self.vcpus,
            ResourceClass::MemoryMb => self.memory,
            ResourceClass::DiskGb => self.disk,
        };
        Inventory {
            total: class.of(total),
            reserved: class.of(self.reserved),
            ratio,
        }
    }

    /// What may be claimed of a machine with `total`.
    pub fn capacity(&self, total: Resources) -> Resources {
        let of = |class| self.inventory(class, total).capacity();
        Resources::new(
            of(ResourceClass::Vcpu),
            of(ResourceClass::MemoryMb),
            of(ResourceClass::DiskGb),
        )
    }
}

/// A control process, shown as `nova-conductor` and `nova-scheduler`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlProcess {
    /// Who it is across its starts: its machine and data directory, as a UUID.
    pub place: String,
    /// Name of its machine.
    pub host: String,
    /// This process among all; new at each start.
    pub id: uuid::Uuid,
    /// The first of the two numbers that API versions before 2.53 know its services by.
    pub number: i64,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: Time,
    /// When it last reported, by the database's clock.
    pub reported_at: Time,
    /// How far its clock was ahead of the database's then, in microseconds; absent if it did not tell.
    pub skew_us: Option<i64>,
    /// Whether it reported lately.
    pub up: bool,
}
