//! From what the control plane asks to what the hypervisor is told. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use crate::compute::rpc::{InstanceSpec, RootDisk};
use crate::hypervisor::VirtType;
use crate::hypervisor::spec::{DiskBus, DiskDevice, DiskFormat, DiskSpec, GuestSpec, NicSpec};
use crate::image::rpc::ImageFormat;
use crate::network::names::{bridge_name, tap_name};
use crate::network::rpc::PortSpec;
use crate::volume::rpc::VolumeConnection;

/// Name of the root disk in a server's directory.
pub const ROOT_DISK: &str = "disk";
/// Name of the config drive there.
pub const CONFIG_DRIVE: &str = "config.iso";
/// Name of the console's log there.
pub const CONSOLE_LOG: &str = "console.log";

/// The whole guest.
pub fn guest(spec: &InstanceSpec, directory: &Path, virt_type: VirtType) -> GuestSpec {
    let mut disks = Vec::new();
    if let RootDisk::Image { source, .. } = &spec.root {
        let optical = source.format == ImageFormat::Iso;
        disks.push(DiskSpec {
            path: directory.join(ROOT_DISK),
            format: if optical {
                DiskFormat::Raw
            } else {
                DiskFormat::Qcow2
            },
            bus: if optical {
                DiskBus::Sata
            } else {
                disk_bus(&spec.properties)
            },
            device: if optical {
                DiskDevice::Cdrom
            } else {
                DiskDevice::Disk
            },
            serial: None,
        });
    }
    disks.extend(
        spec.volumes
            .iter()
            .map(|volume| disk(volume, &spec.properties)),
    );
    GuestSpec {
        id: spec.id,
        generation: spec.generation,
        name: format!("instance-{}", spec.id.short()),
        title: spec.name.clone(),
        vcpus: spec.vcpus,
        memory_mb: spec.memory_mb,
        virt_type,
        machine: spec.properties.get("hw_machine_type").cloned(),
        disks,
        config_drive: spec
            .config_drive
            .as_ref()
            .map(|_| directory.join(CONFIG_DRIVE)),
        nics: spec
            .ports
            .iter()
            .map(|port| nic(port, &spec.properties))
            .collect(),
        console_log: directory.join(CONSOLE_LOG),
    }
}

/// A volume as a disk.
pub fn disk(volume: &VolumeConnection, properties: &BTreeMap<String, String>) -> DiskSpec {
    DiskSpec {
        path: volume.path.clone(),
        format: volume.format,
        bus: disk_bus(properties),
        device: DiskDevice::Disk,
        serial: Some(volume.id),
    }
}

/// A port as an interface.
pub fn nic(port: &PortSpec, properties: &BTreeMap<String, String>) -> NicSpec {
    NicSpec {
        port: port.id,
        tap: tap_name(port.id),
        bridge: bridge_name(port.network),
        mac: port.mac.clone(),
        mtu: port.mtu,
        model: properties
            .get("hw_vif_model")
            .map_or("virtio", String::as_str)
            .to_owned(),
    }
}

fn disk_bus(properties: &BTreeMap<String, String>) -> DiskBus {
    match properties.get("hw_disk_bus").map(String::as_str) {
        Some("scsi") => DiskBus::Scsi,
        Some("sata") => DiskBus::Sata,
        Some("ide") => DiskBus::Ide,
        _ => DiskBus::Virtio,
    }
}
