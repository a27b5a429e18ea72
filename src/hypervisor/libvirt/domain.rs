//! A guest as libvirt's domain XML.
//!
//! The XML is made from the types in [`super::xml`], never by pasting text: a title or a path can hold anything. What a
//! guest is (server id, generation) is in an element of our own [`NAMESPACE`], by which guests are told from the domains
//! of others. Devices carry aliases made from our ids (`ua-<volume or port>`), so that they can be named later.
//!
//! Choices: devices are virtio unless the image asks otherwise; no graphics and no USB (a guest without them idles
//! cheaper; the serial line is the console); the balloon reports memory every [`BALLOON_SECONDS`]. The processor under
//! KVM is the host's model, which survives migration to a like host, as passing it through does not; translated guests
//! get one that today's distributions accept and QEMU translates whole.

use std::path::Path;

use super::found::{Found, FoundDisk};
use super::xml::*;
use crate::hypervisor::spec::{
    DiskBus, DiskDevice, DiskFormat, DiskSpec, GuestSpec, NicSpec, target_names,
};
use crate::hypervisor::{HvError, HvResult, VirtType};
use crate::ids::{PortId, VolumeId};

/// Namespace of our element in a domain's metadata.
pub(super) const NAMESPACE: &str = "urn:skydeck:guest:1";
/// How often the guest's balloon driver reports its memory.
const BALLOON_SECONDS: u32 = 2;
/// Free PCI Express slots for devices plugged in later; a `pc` machine has some without asking.
const SPARE_SLOTS: usize = 12;
/// Model of a translated processor: x86-64-v2, which current distributions want at least.
const TCG_MODEL: &str = "Nehalem";

/// Whether files at this place can be opened past the page cache.
pub(super) type DirectIo<'a> = &'a dyn Fn(&Path) -> bool;

/// The whole definition.
pub(super) fn render(spec: &GuestSpec, direct: DirectIo<'_>) -> HvResult<String> {
    let q35 = spec.machine.as_deref().is_some_and(|m| m.contains("q35"));
    let domain = Domain {
        kind: match spec.virt_type {
            VirtType::Kvm => "kvm",
            VirtType::Qemu => "qemu",
            VirtType::Sim => "test",
        },
        name: spec.name.clone(),
        uuid: spec.id.to_string(),
        title: clean(&spec.title),
        metadata: Metadata {
            guest: Marked {
                xmlns: NAMESPACE,
                id: spec.id.to_string(),
                generation: spec.generation,
            },
        },
        memory: Memory {
            unit: "MiB",
            amount: spec.memory_mb,
        },
        vcpu: spec.vcpus,
        os: Os {
            kind: OsType {
                arch: "x86_64",
                machine: spec.machine.clone().unwrap_or_else(|| "pc".to_owned()),
                kind: "hvm",
            },
        },
        features: Features {
            acpi: Empty {},
            apic: Empty {},
            tcg: (spec.virt_type == VirtType::Qemu).then(|| Tcg {
                cache: Memory {
                    unit: "MiB",
                    amount: translation_cache(spec.memory_mb, spec.vcpus),
                },
            }),
        },
        cpu: cpu(spec.virt_type),
        clock: Clock {
            offset: "utc",
            timer: vec![
                timer("rtc", Some("catchup"), None),
                timer("pit", Some("delay"), None),
                timer("hpet", None, Some("no")),
            ],
        },
        on_poweroff: "destroy",
        on_reboot: "restart",
        on_crash: "destroy",
        pm: Pm {
            mem: Enabled { enabled: "no" },
            disk: Enabled { enabled: "no" },
        },
        devices: devices(spec, q35, direct),
    };
    to_xml("domain", &domain)
}

/// One disk, to be plugged in as `target`.
pub(super) fn render_disk(spec: &DiskSpec, target: &str, direct: DirectIo<'_>) -> HvResult<String> {
    to_xml("disk", &disk(spec, target.to_owned(), false, direct))
}

/// One interface, to be plugged in.
pub(super) fn render_nic(spec: &NicSpec) -> HvResult<String> {
    to_xml("interface", &nic(spec))
}

/// A job that copies the root disk to `file` and nothing else.
pub(super) fn render_backup(live: &Found, file: &str) -> HvResult<String> {
    let root = live.root().map(FoundDisk::target).unwrap_or_default();
    let disk = |disk: &FoundDisk| {
        let chosen = disk.target() == root;
        BackupDisk {
            name: disk.target().to_owned(),
            backup: if chosen { "yes" } else { "no" },
            kind: chosen.then_some("file"),
            driver: chosen.then(|| Kind {
                kind: "qcow2".to_owned(),
            }),
            target: chosen.then(|| FileSource {
                file: file.to_owned(),
            }),
        }
    };
    let backup = Backup {
        mode: "push",
        disks: BackupDisks {
            disk: live.disks().iter().map(disk).collect(),
        },
    };
    to_xml("domainbackup", &backup)
}

/// The alias of a volume's disk.
pub(super) fn disk_alias(volume: VolumeId) -> String {
    format!("ua-{volume}")
}

/// The alias of a port's interface.
pub(super) fn nic_alias(port: PortId) -> String {
    format!("ua-{port}")
}

fn devices(spec: &GuestSpec, q35: bool, direct: DirectIo<'_>) -> Devices {
    let mut disks = spec.disks.clone();
    // As Nova has it: an optical drive on a bus of its own, so that volumes keep their names in the guest, whether they
    // were there at its start or were plugged in.
    disks.extend(spec.config_drive.as_deref().map(|path| DiskSpec {
        path: path.to_owned(),
        format: DiskFormat::Raw,
        bus: DiskBus::Ide,
        device: DiskDevice::Cdrom,
        serial: None,
    }));
    for disk in &mut disks {
        disk.bus = possible_bus(disk, q35);
    }
    let mut controllers = vec![controller("usb", "none")];
    if disks.iter().any(|disk| disk.bus == DiskBus::Scsi) {
        controllers.push(controller("scsi", "virtio-scsi"));
    }
    if q35 {
        controllers.push(controller("pci", "pcie-root"));
        // One for each device, one each for SCSI, balloon and random numbers, and the spare ones.
        let slots = disks.len() + spec.nics.len() + 3 + SPARE_SLOTS;
        controllers.extend(std::iter::repeat_n(
            controller("pci", "pcie-root-port"),
            slots,
        ));
    }
    let targets = target_names(&disks);
    Devices {
        controller: controllers,
        disk: disks
            .iter()
            .zip(targets)
            .enumerate()
            .map(|(index, (spec, target))| disk(spec, target, index == 0, direct))
            .collect(),
        interface: spec.nics.iter().map(nic).collect(),
        serial: Serial {
            kind: "pty",
            log: Log {
                file: spec.console_log.display().to_string(),
                append: "on",
            },
            target: SerialTarget { port: 0 },
        },
        memballoon: Balloon {
            model: "virtio",
            stats: Period {
                period: BALLOON_SECONDS,
            },
        },
        rng: Rng {
            model: "virtio",
            backend: RngBackend {
                model: "random",
                device: "/dev/urandom",
            },
        },
    }
}

/// The bus the disk can really be on: a `q35` machine has no IDE.
fn possible_bus(disk: &DiskSpec, q35: bool) -> DiskBus {
    match disk.bus {
        DiskBus::Ide if q35 => DiskBus::Sata,
        bus => bus,
    }
}

fn disk(spec: &DiskSpec, target: String, boot: bool, direct: DirectIo<'_>) -> Disk {
    let optical = spec.device == DiskDevice::Cdrom;
    Disk {
        kind: "file",
        device: if optical { "cdrom" } else { "disk" },
        driver: Driver {
            name: "qemu",
            kind: match spec.format {
                DiskFormat::Raw => "raw",
                DiskFormat::Qcow2 => "qcow2",
            },
            // Past the page cache, which would keep everything twice, where the file system can.
            cache: if direct(&spec.path) {
                "none"
            } else {
                "writeback"
            },
            discard: (!optical).then_some("unmap"),
        },
        source: FileSource {
            file: spec.path.display().to_string(),
        },
        target: DiskTarget {
            dev: target,
            bus: match spec.bus {
                DiskBus::Virtio => "virtio",
                DiskBus::Scsi => "scsi",
                DiskBus::Sata => "sata",
                DiskBus::Ide => "ide",
            },
        },
        readonly: optical.then_some(Empty {}),
        serial: spec.serial.map(|serial| serial.to_string()),
        boot: boot.then_some(Boot { order: 1 }),
        alias: spec.serial.map(|serial| Alias {
            name: disk_alias(serial),
        }),
    }
}

fn nic(spec: &NicSpec) -> Interface {
    Interface {
        kind: "bridge",
        mac: Mac {
            address: spec.mac.clone(),
        },
        source: BridgeSource {
            bridge: spec.bridge.clone(),
        },
        target: Device {
            dev: spec.tap.clone(),
        },
        model: Kind {
            kind: spec.model.clone(),
        },
        mtu: Size { size: spec.mtu },
        alias: Alias {
            name: nic_alias(spec.port),
        },
    }
}

fn cpu(virt_type: VirtType) -> Option<Cpu> {
    match virt_type {
        VirtType::Kvm => Some(Cpu {
            mode: "host-model",
            matching: None,
            check: "partial",
            model: None,
        }),
        VirtType::Qemu => Some(Cpu {
            mode: "custom",
            matching: Some("exact"),
            check: "none",
            model: Some(TCG_MODEL),
        }),
        VirtType::Sim => None,
    }
}

fn timer(name: &'static str, tick: Option<&'static str>, present: Option<&'static str>) -> Timer {
    Timer {
        name,
        tickpolicy: tick,
        present,
    }
}

fn controller(kind: &'static str, model: &'static str) -> Controller {
    Controller { kind, model }
}

/// MiB for translated code. QEMU would take up to 1 GiB for each guest; a small guest runs as well with little, a large
/// one with little translates the same code again and again, and each processor needs a share of its own.
fn translation_cache(memory_mb: u64, vcpus: u32) -> u64 {
    (memory_mb / 8).max(16 * u64::from(vcpus)).clamp(32, 512)
}

/// A title that XML and libvirt take: one line without control characters.
fn clean(title: &str) -> String {
    let line: String = title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(255)
        .collect();
    line.trim().to_owned()
}

fn to_xml<T: serde::Serialize>(root: &str, value: &T) -> HvResult<String> {
    let mut text = String::new();
    let written = quick_xml::se::Serializer::with_root(&mut text, Some(root)).and_then(|mut to| {
        to.indent(' ', 2);
        value.serialize(to)
    });
    match written {
        Ok(_) => Ok(text),
        Err(error) => Err(HvError::Refused(format!("writing {root} XML: {error}"))),
    }
}

#[cfg(test)]
#[path = "domain_tests.rs"]
mod tests;
