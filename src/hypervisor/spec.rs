//! What a guest shall be, in the host's own terms (paths, bridges, device names).
//!
//! The agent makes it from what the control plane asked ([`crate::compute::rpc::InstanceSpec`]); an engine turns it into
//! its own language. Pure data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::VirtType;
use crate::ids::{PortId, ServerId, VolumeId};

/// A whole guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// The server it is; also libvirt's UUID of the domain.
    pub id: ServerId,
    /// Rises with each change of intent; kept in the definition's metadata.
    pub generation: i64,
    /// Name of the definition, `instance-<short id>`; never what a user typed.
    pub name: String,
    /// The server's name as the user gave it, for people who read the definition.
    pub title: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// How it executes.
    pub virt_type: VirtType,
    /// Machine type, `pc` or `q35`; the engine's default when absent.
    pub machine: Option<String>,
    /// Disks; the first is the one to boot from.
    pub disks: Vec<DiskSpec>,
    /// An ISO image with the config drive, if any.
    pub config_drive: Option<PathBuf>,
    /// Interfaces in order.
    pub nics: Vec<NicSpec>,
    /// File that receives what the guest writes on its first serial port.
    pub console_log: PathBuf,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    /// File behind it.
    pub path: PathBuf,
    /// Format of the file; always said, never probed (a guest could write a header that lies).
    pub format: DiskFormat,
    /// How the guest sees it: `virtio`, `scsi`, `ide`, `sata`.
    pub bus: DiskBus,
    /// Optical or hard disk.
    pub device: DiskDevice,
    /// Serial number in the guest: the volume's id (QEMU shows the guest its first 20 characters). `None` for the root disk made from an image.
    pub serial: Option<VolumeId>,
}

/// Formats a disk file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// As it is.
    Raw,
    /// QEMU copy-on-write, version 2 or 3.
    Qcow2,
}

/// Disk buses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskBus {
    /// virtio-blk
    Virtio,
    /// virtio-scsi
    Scsi,
    /// AHCI
    Sata,
    /// IDE
    Ide,
}

/// Kinds of disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskDevice {
    /// Hard disk.
    Disk,
    /// CD-ROM, read-only.
    Cdrom,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicSpec {
    /// The port it is.
    pub port: PortId,
    /// Name of the tap on the host, at most 15 bytes.
    pub tap: String,
    /// Bridge the tap is put on.
    pub bridge: String,
    /// Ethernet address, `fa:16:3e:xx:xx:xx`.
    pub mac: String,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Device model: `virtio`, `e1000`, …
    pub model: String,
}

/// Target names in order: `vda`, `vdb` for virtio, `hda` for IDE, `sda` for the buses that look like SCSI.
pub fn target_names(disks: &[DiskSpec]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(disks.len());
    for disk in disks {
        let name = free_target(disk.bus, &names);
        names.push(name);
    }
    names
}

/// The first target name of the bus that is not taken.
pub fn free_target(bus: DiskBus, taken: &[String]) -> String {
    let prefix = match bus {
        DiskBus::Virtio => "vd",
        DiskBus::Ide => "hd",
        DiskBus::Scsi | DiskBus::Sata => "sd",
    };
    let mut number = 0;
    loop {
        let name = format!("{prefix}{}", letters(number));
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}

/// `a` to `z`, then `aa`, `ab`, … as Linux names disks.
fn letters(number: usize) -> String {
    let last = char::from(b'a' + (number % 26) as u8);
    match number / 26 {
        0 => last.to_string(),
        rest => format!("{}{last}", letters(rest - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_named_by_bus_and_go_on_after_z() {
        let disk = |bus| DiskSpec {
            path: "/d".into(),
            format: DiskFormat::Raw,
            bus,
            device: DiskDevice::Disk,
            serial: None,
        };
        let mut disks = vec![disk(DiskBus::Sata), disk(DiskBus::Ide)];
        disks.extend(std::iter::repeat_n(disk(DiskBus::Virtio), 28));
        let names = target_names(&disks);
        assert_eq!(names[..3], ["sda", "hda", "vda"]);
        assert_eq!(names[27..], ["vdz", "vdaa", "vdab"]);
    }
}
