//! From what the control plane asks to what the hypervisor is told. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use crate::compute::rpc::{InstanceSpec, RootDisk};
use crate::hypervisor::VirtType;
use crate::hypervisor::spec::{DiskBus, DiskDevice, DiskFormat, DiskSpec, GuestSpec, NicSpec};
use crate::image::rpc::ImageFormat;
use crate::network::names::{bridge_name, port_bridge_name, tap_name};
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
        bridge: if port.logical {
            port_bridge_name(port.id)
        } else {
            bridge_name(port.network)
        },
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::ids::{NetworkId, PortId};

    #[rstest]
    #[case::ovn(true)]
    #[case::bridge(false)]
    fn a_port_of_ovn_is_plugged_into_a_bridge_of_its_own(#[case] logical: bool) {
        let port = PortSpec {
            id: PortId::new(),
            network: NetworkId::new(),
            mac: "fa:16:3e:00:00:01".into(),
            addresses: Vec::new(),
            allowed_pairs: Vec::new(),
            mtu: 1442,
            port_security: true,
            security_groups: None,
            logical,
            arriving: false,
            hostname: None,
            server: None,
        };
        let nic = nic(&port, &BTreeMap::new());
        assert_eq!(nic.bridge == port_bridge_name(port.id), logical);
        assert_eq!(nic.bridge == bridge_name(port.network), !logical);
        assert_eq!(nic.tap, tap_name(port.id));
    }
}
