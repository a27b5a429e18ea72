//! The elements of libvirt's domain XML that we write, as types. Names follow libvirt's; see
//! <https://libvirt.org/formatdomain.html>.

use serde::Serialize;

/// An element without content.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Empty {}

#[derive(Debug, Serialize)]
pub(super) struct Domain {
    #[serde(rename = "@type")]
    pub kind: &'static str,
    pub name: String,
    pub uuid: String,
    pub title: String,
    pub metadata: Metadata,
    pub memory: Memory,
    pub vcpu: u32,
    pub os: Os,
    pub features: Features,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    pub clock: Clock,
    pub on_poweroff: &'static str,
    pub on_reboot: &'static str,
    pub on_crash: &'static str,
    pub pm: Pm,
    pub devices: Devices,
}

#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    #[serde(rename = "skydeck:guest")]
    pub guest: Marked,
}

/// Our own element.
#[derive(Debug, Serialize)]
pub(super) struct Marked {
    #[serde(rename = "@xmlns:skydeck")]
    pub xmlns: &'static str,
    #[serde(rename = "@id")]
    pub id: String,
    #[serde(rename = "@generation")]
    pub generation: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Memory {
    #[serde(rename = "@unit")]
    pub unit: &'static str,
    #[serde(rename = "$text")]
    pub amount: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Os {
    #[serde(rename = "type")]
    pub kind: OsType,
}

#[derive(Debug, Serialize)]
pub(super) struct OsType {
    #[serde(rename = "@arch")]
    pub arch: &'static str,
    #[serde(rename = "@machine")]
    pub machine: String,
    #[serde(rename = "$text")]
    pub kind: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Features {
    pub acpi: Empty,
    pub apic: Empty,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcg: Option<Tcg>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tcg {
    #[serde(rename = "tb-cache")]
    pub cache: Memory,
}

#[derive(Debug, Serialize)]
pub(super) struct Cpu {
    #[serde(rename = "@mode")]
    pub mode: &'static str,
    #[serde(rename = "@match", skip_serializing_if = "Option::is_none")]
    pub matching: Option<&'static str>,
    #[serde(rename = "@check")]
    pub check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Clock {
    #[serde(rename = "@offset")]
    pub offset: &'static str,
    pub timer: Vec<Timer>,
}

#[derive(Debug, Serialize)]
pub(super) struct Timer {
    #[serde(rename = "@name")]
    pub name: &'static str,
    #[serde(rename = "@tickpolicy", skip_serializing_if = "Option::is_none")]
    pub tickpolicy: Option<&'static str>,
    #[serde(rename = "@present", skip_serializing_if = "Option::is_none")]
    pub present: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Pm {
    #[serde(rename = "suspend-to-mem")]
    pub mem: Enabled,
    #[serde(rename = "suspend-to-disk")]
    pub disk: Enabled,
}

#[derive(Debug, Serialize)]
pub(super) struct Enabled {
    #[serde(rename = "@enabled")]
    pub enabled: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Devices {
    pub controller: Vec<Controller>,
    pub disk: Vec<Disk>,
    pub interface: Vec<Interface>,
    pub serial: Serial,
    pub memballoon: Balloon,
    pub rng: Rng,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Controller {
    #[serde(rename = "@type")]
    pub kind: &'static str,
    #[serde(rename = "@model")]
    pub model: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Disk {
    #[serde(rename = "@type")]
    pub kind: &'static str,
    #[serde(rename = "@device")]
    pub device: &'static str,
    pub driver: Driver,
    pub source: FileSource,
    pub target: DiskTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
}

#[derive(Debug, Serialize)]
pub(super) struct Driver {
    #[serde(rename = "@name")]
    pub name: &'static str,
    #[serde(rename = "@type")]
    pub kind: &'static str,
    #[serde(rename = "@cache")]
    pub cache: &'static str,
    #[serde(rename = "@discard", skip_serializing_if = "Option::is_none")]
    pub discard: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct FileSource {
    #[serde(rename = "@file")]
    pub file: String,
}

#[derive(Debug, Serialize)]
pub(super) struct DiskTarget {
    #[serde(rename = "@dev")]
    pub dev: String,
    #[serde(rename = "@bus")]
    pub bus: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Boot {
    #[serde(rename = "@order")]
    pub order: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Alias {
    #[serde(rename = "@name")]
    pub name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Interface {
    #[serde(rename = "@type")]
    pub kind: &'static str,
    pub mac: Mac,
    pub source: BridgeSource,
    pub target: Device,
    pub model: Kind,
    pub mtu: Size,
    pub alias: Alias,
}

#[derive(Debug, Serialize)]
pub(super) struct Mac {
    #[serde(rename = "@address")]
    pub address: String,
}

#[derive(Debug, Serialize)]
pub(super) struct BridgeSource {
    #[serde(rename = "@bridge")]
    pub bridge: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Device {
    #[serde(rename = "@dev")]
    pub dev: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Kind {
    #[serde(rename = "@type")]
    pub kind: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Size {
    #[serde(rename = "@size")]
    pub size: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Serial {
    #[serde(rename = "@type")]
    pub kind: &'static str,
    pub log: Log,
    pub target: SerialTarget,
}

#[derive(Debug, Serialize)]
pub(super) struct Log {
    #[serde(rename = "@file")]
    pub file: String,
    #[serde(rename = "@append")]
    pub append: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct SerialTarget {
    #[serde(rename = "@port")]
    pub port: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Balloon {
    #[serde(rename = "@model")]
    pub model: &'static str,
    pub stats: Period,
}

#[derive(Debug, Serialize)]
pub(super) struct Period {
    #[serde(rename = "@period")]
    pub period: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Rng {
    #[serde(rename = "@model")]
    pub model: &'static str,
    pub backend: RngBackend,
}

#[derive(Debug, Serialize)]
pub(super) struct RngBackend {
    #[serde(rename = "@model")]
    pub model: &'static str,
    #[serde(rename = "$text")]
    pub device: &'static str,
}

/// What a backup job shall copy; see <https://libvirt.org/formatbackup.html>.
#[derive(Debug, Serialize)]
pub(super) struct Backup {
    #[serde(rename = "@mode")]
    pub mode: &'static str,
    pub disks: BackupDisks,
}

#[derive(Debug, Serialize)]
pub(super) struct BackupDisks {
    pub disk: Vec<BackupDisk>,
}

#[derive(Debug, Serialize)]
pub(super) struct BackupDisk {
    #[serde(rename = "@name")]
    pub name: String,
    #[serde(rename = "@backup")]
    pub backup: &'static str,
    #[serde(rename = "@type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<FileSource>,
}
