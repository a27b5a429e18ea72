//! What control processes ask of a node's `compute` topic, and what nodes report to `conductor`.
//!
//! Requests carry whole specifications in the cloud's terms; the node translates them into its own (paths, taps). Each
//! may come twice. A request whose generation is older than what the node has is refused as a conflict.

pub mod metadata;
pub mod migration;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::bus::{Message, Rpc};
use crate::depot::rpc::Pass;
use crate::hypervisor::{GuestState, HostInfo, PowerState};
use crate::ids::{ImageId, OperationId, PortId, ServerId, Time, VolumeId};
use crate::image::rpc::ImageSource;
use crate::network::rpc::PortSpec;
use crate::volume::rpc::VolumeConnection;

/// Topic of nodes.
pub const COMPUTE: &str = "compute";
/// Topic of control processes.
pub const CONDUCTOR: &str = "conductor";

/// A whole server as a node needs to know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// The server.
    pub id: ServerId,
    /// Rises with each change of intent.
    pub generation: i64,
    /// The server's display name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// What its root disk is.
    pub root: RootDisk,
    /// Attached volumes, in order of attachment. With [`RootDisk::Volume`] the first is the root disk.
    pub volumes: Vec<VolumeConnection>,
    /// Its ports in order of interfaces.
    pub ports: Vec<PortSpec>,
    /// Files of the config drive.
    pub config_drive: Option<ConfigDrive>,
    /// Image properties the driver obeys: `hw_disk_bus`, `hw_vif_model`, `hw_machine_type`.
    pub properties: std::collections::BTreeMap<String, String>,
}

/// What a server boots from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RootDisk {
    /// An overlay over the node's cached copy of an image.
    Image {
        /// Where the image comes from.
        source: ImageSource,
        /// Size of the disk in GiB; 0 means the image's own.
        size_gb: u64,
    },
    /// The first volume.
    Volume,
}

/// Content of a config drive: every file, at most 1 MiB in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigDrive {
    /// Path inside the drive (`openstack/latest/meta_data.json`) and content, base64 for `user_data`'s sake.
    pub files: Vec<(String, String)>,
}

/// Fetches the image into the node's cache if needed and makes the server's root disk over it. Does not touch a root
/// disk that exists, unless `rebuild` asks for a new one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootDiskEnsure {
    /// The server.
    pub spec: InstanceSpec,
    /// Throw away the disk that is there (rebuild). Safe to repeat only with the same operation.
    pub rebuild: bool,
}

impl Rpc for RootDiskEnsure {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "root_disk_ensure";
    type Reply = ();
}

/// Grows the root disk of a server that is off to `size_gb`; never shrinks it. The disk as it was is kept until
/// [`RootDiskSettle`] says which one stays (an overlay of the new size over the old disk does that). Success if it has
/// that size already, kept or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootDiskResize {
    /// The server.
    pub id: ServerId,
    /// Size it shall have, in GiB.
    pub size_gb: u64,
}

impl Rpc for RootDiskResize {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "root_disk_resize";
    type Reply = ();
}

/// Ends a resize of the root disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootDiskSettle {
    /// The server.
    pub id: ServerId,
    /// Which disk stays.
    pub keep: KeepDisk,
}

/// Which root disk stays after a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepDisk {
    /// The disk as it was before [`RootDiskResize`]; what was written since is lost. The server is off.
    Old,
    /// The larger one, and what was written since; the server may run. The old one may stay beneath it.
    New,
}

impl Rpc for RootDiskSettle {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "root_disk_settle";
    /// Success if nothing is kept: the root disk was not resized, or this was said before.
    type Reply = ();
}

/// Defines the guest (config drive and ports made ready) and starts it if `start`; replaces an older definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceEnsure {
    /// The server.
    pub spec: InstanceSpec,
    /// Whether it shall run afterwards. A running guest is left alone unless its definition is older.
    pub start: bool,
}

impl Rpc for InstanceEnsure {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_ensure";
    type Reply = GuestState;
}

/// Changes of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerAction {
    /// Start, or restore if suspended.
    Start,
    /// ACPI power button, then power off when the guest does not obey within `grace_seconds`.
    Stop,
    /// Power off now.
    PowerOff,
    /// ACPI restart, then hard restart when the guest does not obey.
    SoftReboot,
    /// Power off and start from the definition.
    HardReboot,
    /// Keep in memory, stop executing.
    Pause,
    /// Continue after pause.
    Unpause,
    /// Save memory to disk and power off.
    Suspend,
}

/// Changes a guest's execution and answers with the state it then has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstancePower {
    /// The server.
    pub id: ServerId,
    /// What to do.
    pub action: PowerAction,
    /// How long a guest has to obey before force is used.
    pub grace_seconds: u64,
}

impl Rpc for InstancePower {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_power";
    type Reply = PowerState;
}

/// Removes the guest, its disks, config drive, logs and taps from the node. Success if there is nothing. Files that
/// another node of a shared file system has taken over stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceDelete {
    /// The server.
    pub id: ServerId,
}

impl Rpc for InstanceDelete {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_delete";
    type Reply = ();
}

/// Attaches a volume to the guest, running or not. Success if it is attached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeAttach {
    /// The server.
    pub id: ServerId,
    /// The volume and how to reach it.
    pub volume: VolumeConnection,
}

impl Rpc for VolumeAttach {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "volume_attach";
    type Reply = ();
}

/// Detaches a volume. Success if it is not attached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeDetach {
    /// The server.
    pub id: ServerId,
    /// The volume.
    pub volume: VolumeId,
}

impl Rpc for VolumeDetach {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "volume_detach";
    type Reply = ();
}

/// Tells a running guest the new size of an attached volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeResized {
    /// The server.
    pub id: ServerId,
    /// The volume.
    pub volume: VolumeId,
    /// Its size now, in GiB.
    pub size_gb: u64,
}

impl Rpc for VolumeResized {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "volume_resized";
    type Reply = ();
}

/// Gives the guest an interface, running or not. The node's network has the port already. Success if it has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortAttach {
    /// The server.
    pub id: ServerId,
    /// The port.
    pub port: PortSpec,
    /// Image properties the driver obeys: `hw_vif_model`.
    pub properties: std::collections::BTreeMap<String, String>,
}

impl Rpc for PortAttach {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "port_attach";
    type Reply = ();
}

/// Takes an interface from the guest. Success if it has none for this port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortDetach {
    /// The server.
    pub id: ServerId,
    /// The port.
    pub port: PortId,
}

impl Rpc for PortDetach {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "port_detach";
    type Reply = ();
}

/// Copies the root disk, running or not, into a self-contained qcow2 file and hands it to the image store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceSnapshot {
    /// The server.
    pub id: ServerId,
    /// The image it becomes; the file is left at the image store's place for what arrives for it.
    pub image: ImageId,
    /// Directory of the image store's uploads, where the node shares it.
    pub upload_dir: std::path::PathBuf,
    /// Where to send the file otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depot: Option<Pass>,
}

impl Rpc for InstanceSnapshot {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_snapshot";
    type Reply = SnapshotFile;
}

/// Ends the copy that [`InstanceSnapshot`] began, and removes what there is of it. Success if there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceSnapshotEnd {
    /// The server.
    pub id: ServerId,
}

impl Rpc for InstanceSnapshotEnd {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_snapshot_end";
    type Reply = ();
}

/// A snapshot's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// Where it is.
    pub path: std::path::PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What the disk inside offers, in bytes; 0 if that is not known any more.
    pub virtual_bytes: u64,
}

/// The end of what the guest wrote on its serial port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleLog {
    /// The server.
    pub id: ServerId,
    /// Lines wanted; all that is kept when absent. The answer never exceeds 1 MiB.
    pub lines: Option<u64>,
}

impl Rpc for ConsoleLog {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "console_log";
    type Reply = String;
}

/// Opens the guest's serial console, and brings it to the control process that asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleOpen {
    /// The server.
    pub id: ServerId,
    /// Where to bring it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depot: Option<Pass>,
}

impl Rpc for ConsoleOpen {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "console_open";
    type Reply = ConsoleOpened;
}

/// The line is open, and was brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleOpened {}

/// All guests the node has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceList {}

impl Rpc for InstanceList {
    const TOPIC: &'static str = COMPUTE;
    const METHOD: &'static str = "instance_list";
    type Reply = Vec<GuestState>;
}

/// Sent at start and every interval: the node lives and has this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostReport {
    /// The node.
    pub host: String,
    /// Version of its agent.
    pub version: String,
    /// When its agent started.
    pub started: Time,
    /// Its clock as it sent this.
    pub sent: Time,
    /// Its clock before it looked at its guests: what changed after that may not be among them.
    pub seen: Time,
    /// The machine; absent while the hypervisor does not answer.
    pub info: Option<HostInfo>,
    /// Why `info` is absent.
    pub trouble: Option<String>,
    /// GiB of the file system under the guests' disks, whole and free.
    pub disk_gb: (u64, u64),
    /// How long the machine is up and how busy it is, as `uptime` says it.
    #[serde(default)]
    pub uptime: Option<String>,
    /// The address by which it speaks to the world.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// Networks that it is plugged into, by name.
    #[serde(default)]
    pub physical_networks: Vec<String>,
    /// What it measures of itself, by Nova's names.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// All its guests; absent while the hypervisor does not answer.
    pub guests: Option<Vec<GuestState>>,
}

impl Message for HostReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "host_report";
}

/// Sent as soon as the hypervisor says that a guest changed by itself or by a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GuestReport {
    /// The node.
    pub host: String,
    /// The guest.
    pub id: ServerId,
    /// Its state; absent if it is gone.
    pub power: Option<PowerState>,
    /// The node's clock before it looked.
    pub at: Time,
}

impl Message for GuestReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "guest_report";
}

/// How far a long call of an operation has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgressReport {
    /// The operation.
    pub operation: OperationId,
    /// What is being done.
    pub what: String,
    /// Done so far, in `unit`.
    pub done: u64,
    /// All there is to do, when known.
    pub total: Option<u64>,
    /// `bytes` or `percent`.
    pub unit: String,
}

impl Message for ProgressReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "progress_report";
}
