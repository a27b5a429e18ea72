//! What a node does to its guests, and nothing about why.
//!
//! [`Hypervisor`] is the narrow waist between the agent and a virtualization engine. Two engines implement it:
//! [`libvirt`] (KVM or QEMU by libvirt) and [`sim`] (a simulated host). Both take whole specifications, both can be
//! asked again and again for the same thing, and both keep what a guest should be in the guest's own definition
//! (server id, generation), so that a node needs no control plane to know what it runs.
//!
//! Invariant: no caller learns which engine it speaks to except through [`HostInfo::features`].

pub mod libvirt;
pub mod migration;
mod open;
pub mod probe;
pub mod sim;
pub mod spec;

pub use open::{OpenOptions, is_simulated, open};

use std::pin::Pin;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;

use crate::ids::{PortId, ServerId, Time, VolumeId};
use spec::{DiskSpec, GuestSpec, NicSpec};

/// Why a hypervisor call failed. The variant says what the caller may do about it.
#[derive(Debug, thiserror::Error)]
pub enum HvError {
    /// The engine does not know the guest, disk or interface. Nothing was changed.
    #[error("{0} does not exist on this host")]
    NotFound(String),
    /// The guest's state does not allow the call. Nothing was changed.
    #[error("the guest is {state}: {what} is not possible")]
    WrongState {
        /// The state it is in.
        state: String,
        /// What was asked.
        what: String,
    },
    /// The engine refused, and left nothing behind. The text is the engine's own, without secrets.
    #[error("{0}")]
    Refused(String),
    /// The engine can not be reached, or did not answer before the deadline. What it did is unknown; ask again.
    #[error("the hypervisor does not answer: {0}")]
    Unavailable(String),
    /// This engine has no such ability (see [`HostInfo::features`]).
    #[error("this hypervisor can not {0}")]
    Unsupported(&'static str),
}

/// Result of a hypervisor call.
pub type HvResult<T> = Result<T, HvError>;

/// What a hypervisor says of a guest's execution (OpenStack's `power_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerState {
    /// Executing, or halted waiting for an interrupt.
    Running,
    /// Kept in memory, not executing.
    Paused,
    /// Not executing; the definition exists.
    Shutdown,
    /// The guest or its emulator failed.
    Crashed,
    /// Its memory is saved on disk (libvirt's managed save).
    Suspended,
}

/// A guest as found on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestState {
    /// The server it is.
    pub id: ServerId,
    /// Generation of the specification it was made from; a higher one supersedes it.
    pub generation: i64,
    /// What it is doing.
    pub power: PowerState,
}

/// The machine under the hypervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// `QEMU` or `simulated`, as OpenStack's `hypervisor_type`.
    pub hypervisor_type: String,
    /// Version as libvirt counts: major * 1,000,000 + minor * 1,000 + release.
    pub hypervisor_version: i64,
    /// Logical processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// GiB of disk, of an engine whose guests' disks only pretend to be; others have what the file system has.
    #[serde(default)]
    pub disk_gb: Option<u64>,
    /// CPU architecture, `x86_64`.
    pub arch: String,
    /// CPU model name as the hypervisor has it.
    pub cpu_model: String,
    /// CPU feature flags the hypervisor can offer to guests.
    pub cpu_features: Vec<String>,
    /// How guests execute.
    pub virt_type: VirtType,
    /// What this engine can do besides the basics.
    pub features: Features,
    /// User and group that guest processes run as, when the engine says it; files they open must be reachable for it.
    pub guest_user: Option<(u32, u32)>,
}

/// How a guest's instructions execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VirtType {
    /// In hardware.
    Kvm,
    /// Translated by QEMU (TCG).
    Qemu,
    /// Not at all: a simulated guest.
    Sim,
}

/// Capabilities as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// Guests have a serial console that can be opened.
    pub console: bool,
    /// A guest's memory can be saved and restored.
    pub managed_save: bool,
    /// Disks and interfaces can be added to a running guest.
    pub hot_plug: bool,
}

/// Something happened to a guest without, or before the end of, a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HvEvent {
    /// Its execution state changed to this.
    Power {
        /// The guest.
        id: ServerId,
        /// Its state now.
        power: PowerState,
    },
    /// It is no longer defined on this host.
    Gone {
        /// The guest.
        id: ServerId,
    },
    /// The guest completed giving up a device that was asked for.
    DeviceRemoved {
        /// The guest.
        id: ServerId,
        /// The volume or port it was.
        device: String,
    },
    /// The connection to the engine was lost (`false`) or made again (`true`); after `true`, list everything anew.
    Connection(bool),
}

/// Counters of one guest at one moment. All are totals since the guest started; rates are the sampler's work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuestStats {
    /// The guest.
    pub id: ServerId,
    /// When these were read.
    pub at: Time,
    /// Nanoseconds of processor time used.
    pub cpu_ns: u64,
    /// Virtual processors.
    pub vcpus: u32,
    /// KiB of memory the guest has been given.
    pub memory_actual_kib: u64,
    /// KiB the guest itself says are unused or can be reclaimed, when its balloon driver tells.
    pub memory_usable_kib: Option<u64>,
    /// KiB of host memory its process holds; `None` while the engine is too busy with the guest to tell.
    pub memory_rss_kib: Option<u64>,
    /// Disks, in the order of the definition.
    pub disks: Vec<DiskStats>,
    /// Interfaces, in the order of the definition.
    pub nics: Vec<NicStats>,
}

/// Counters of one disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiskStats {
    /// Target name, `vda`.
    pub device: String,
    /// Bytes read.
    pub read_bytes: u64,
    /// Read requests.
    pub read_requests: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Write requests.
    pub write_requests: u64,
    /// Bytes the disk offers.
    pub capacity: u64,
    /// Bytes it takes on the host.
    pub allocation: u64,
}

/// Counters of one interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NicStats {
    /// Name of the tap on the host.
    pub device: String,
    /// Bytes from the guest's view: received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Packets dropped on receive.
    pub rx_drop: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Packets dropped on send.
    pub tx_drop: u64,
}

/// A guest's serial line, both ways.
pub trait Serial: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Serial for T {}

/// The operations a node needs. Every call has a deadline inside, runs off the async runtime where the engine blocks,
/// and may be repeated: asking for what is already so is success.
#[async_trait]
pub trait Hypervisor: migration::Migration {
    /// The machine and the engine.
    async fn host(&self) -> HvResult<HostInfo>;
    /// All guests that Skydeck made on this host, running or not. Guests of others are never listed.
    async fn guests(&self) -> HvResult<Vec<GuestState>>;
    /// One guest that Skydeck made on this host, if it is there.
    async fn guest(&self, id: ServerId) -> HvResult<Option<GuestState>> {
        Ok(self
            .guests()
            .await?
            .into_iter()
            .find(|guest| guest.id == id))
    }
    /// Defines the guest as specified, replacing an older definition, without starting it.
    async fn define(&self, spec: &GuestSpec) -> HvResult<()>;
    /// Starts a defined guest; restores it where it was suspended to disk. Success if it is on already, also paused.
    async fn start(&self, id: ServerId) -> HvResult<()>;
    /// Asks the guest to power off (ACPI). Returns at once; the event says when it happened.
    async fn shutdown(&self, id: ServerId) -> HvResult<()>;
    /// Takes its power away. Success if it is off already.
    async fn destroy(&self, id: ServerId) -> HvResult<()>;
    /// Powers off and forgets the guest with everything the engine keeps of it. Success if there is none.
    async fn undefine(&self, id: ServerId) -> HvResult<()>;
    /// Asks the guest to restart (ACPI or agent).
    async fn reboot(&self, id: ServerId) -> HvResult<()>;
    /// Resets a running guest as its reset button would, without asking it.
    async fn reset(&self, id: ServerId) -> HvResult<()>;
    /// Stops execution, memory kept.
    async fn pause(&self, id: ServerId) -> HvResult<()>;
    /// Continues execution.
    async fn resume(&self, id: ServerId) -> HvResult<()>;
    /// Saves memory to disk and powers off; `start` restores it.
    async fn suspend(&self, id: ServerId) -> HvResult<()>;
    /// Adds a disk to the definition and, if running, to the guest. Success if a disk of this serial is there.
    async fn attach_disk(&self, id: ServerId, disk: &DiskSpec) -> HvResult<()>;
    /// Removes the disk with this serial. Waits until the guest gave it up, or fails with `Refused` when it does not
    /// within the deadline. Success if there is none.
    async fn detach_disk(&self, id: ServerId, serial: VolumeId) -> HvResult<()>;
    /// Tells a running guest that the disk with this serial has `bytes` now. Success if it is not attached here.
    async fn resize_disk(&self, id: ServerId, serial: VolumeId, bytes: u64) -> HvResult<()>;
    /// Adds an interface. Success if one with this MAC is there.
    async fn attach_nic(&self, id: ServerId, nic: &NicSpec) -> HvResult<()>;
    /// Removes the interface of this port. Success if there is none.
    async fn detach_nic(&self, id: ServerId, port: PortId) -> HvResult<()>;
    /// Writes a consistent, self-contained copy of the root disk to `target` (qcow2) while the guest goes on, and
    /// returns its length in bytes. A repeated call starts over. A partial file may be left on failure.
    async fn copy_root_disk(
        &self,
        id: ServerId,
        target: &std::path::Path,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> HvResult<u64>;
    /// Ends a copy to `target` that is under way or was broken off, and removes what is there. Success if there is none.
    async fn end_copy(&self, id: ServerId, target: &std::path::Path) -> HvResult<()>;
    /// Counters of every running guest, in one call to the engine.
    async fn stats(&self) -> HvResult<Vec<GuestStats>>;
    /// Opens the serial console, taking it over from whoever held it.
    async fn console(&self, id: ServerId) -> HvResult<Pin<Box<dyn Serial>>>;
    /// Events from now on. A slow receiver loses old ones and must list anew.
    fn events(&self) -> broadcast::Receiver<HvEvent>;
}
