//! Reading domain XML back: our mark, and the devices we may have to name. Everything else in it is ignored.

use quick_xml::events::Event;
use serde::Deserialize;

use super::domain;
use crate::hypervisor::{HvError, HvResult};
use crate::ids::{PortId, ServerId, VolumeId};

/// Our mark on a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub id: ServerId,
    pub generation: i64,
}

impl Mark {
    /// Reads our metadata element as libvirt returns it. Anything that is not exactly our mark is none.
    pub fn read(xml: &str) -> Option<Self> {
        let mut reader = quick_xml::Reader::from_str(xml);
        let element = loop {
            match reader.read_event().ok()? {
                Event::Start(element) | Event::Empty(element) => break element,
                Event::Eof => return None,
                _ => {}
            }
        };
        if element.local_name().as_ref() != "guest" {
            return None;
        }
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).ok()??;
            Some(found.value.into_owned())
        };
        Some(Self {
            id: attribute("id")?.parse().ok()?,
            generation: attribute("generation")?.parse().ok()?,
        })
    }
}

/// The processor of a guest that executes in hardware, as libvirt compares it; a translated one is the same everywhere.
pub(super) fn hardware_cpu(xml: &str) -> HvResult<Option<String>> {
    let domain: Kind = quick_xml::de::from_str(xml)
        .map_err(|error| HvError::Refused(format!("libvirt's domain XML: {error}")))?;
    if domain.kind != "kvm" {
        return Ok(None);
    }
    let begin = xml.find("<cpu ").or_else(|| xml.find("<cpu>"));
    Ok(begin.and_then(|begin| {
        let end = xml[begin..].find("</cpu>")? + "</cpu>".len();
        Some(xml[begin..begin + end].to_owned())
    }))
}

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "@type")]
    kind: String,
}

/// A domain's devices.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Found {
    #[serde(default)]
    devices: FoundDevices,
}

#[derive(Debug, Default, Deserialize)]
struct FoundDevices {
    #[serde(default)]
    disk: Vec<FoundDisk>,
    #[serde(default)]
    interface: Vec<FoundNic>,
}

/// A disk of a domain.
#[derive(Debug, Deserialize)]
pub(super) struct FoundDisk {
    target: Dev,
    #[serde(default)]
    source: Option<File>,
    #[serde(default)]
    driver: Option<Driver>,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    boot: Option<Boot>,
}

/// An interface of a domain.
#[derive(Debug, Deserialize)]
pub(super) struct FoundNic {
    mac: Mac,
    #[serde(default)]
    alias: Option<Alias>,
}

#[derive(Debug, Deserialize)]
struct Dev {
    #[serde(rename = "@dev")]
    dev: String,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(rename = "@file", default)]
    file: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Driver {
    #[serde(rename = "@type", default)]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Boot {
    #[serde(rename = "@order")]
    order: u32,
}

#[derive(Debug, Deserialize)]
struct Mac {
    #[serde(rename = "@address")]
    address: String,
}

#[derive(Debug, Deserialize)]
struct Alias {
    #[serde(rename = "@name")]
    name: String,
}

impl Found {
    /// Reads what libvirt says a domain is.
    pub fn read(xml: &str) -> HvResult<Self> {
        quick_xml::de::from_str(xml)
            .map_err(|error| HvError::Refused(format!("libvirt's domain XML: {error}")))
    }

    /// The disk with this serial number.
    pub fn disk(&self, serial: VolumeId) -> Option<&FoundDisk> {
        let serial = serial.to_string();
        let mut disks = self.devices.disk.iter();
        disks.find(|disk| disk.serial.as_ref() == Some(&serial))
    }

    /// The disk it boots from.
    pub fn root(&self) -> Option<&FoundDisk> {
        let first = |disk: &&FoundDisk| disk.boot.as_ref().is_some_and(|boot| boot.order == 1);
        let disks = &self.devices.disk;
        disks.iter().find(first).or(disks.first())
    }

    /// All disks.
    pub fn disks(&self) -> &[FoundDisk] {
        &self.devices.disk
    }

    /// Whether it has an interface with this address.
    pub fn has_mac(&self, mac: &str) -> bool {
        let mut nics = self.devices.interface.iter();
        nics.any(|nic| nic.mac.address.eq_ignore_ascii_case(mac))
    }

    /// Whether it has the interface of this port.
    pub fn has_port(&self, port: PortId) -> bool {
        let alias = domain::nic_alias(port);
        let mut nics = self.devices.interface.iter();
        nics.any(|nic| nic.alias.as_ref().is_some_and(|have| have.name == alias))
    }
}

impl FoundDisk {
    /// Its target name, `vda`.
    pub fn target(&self) -> &str {
        &self.target.dev
    }

    /// The file behind it, unless it is no file or an empty drive.
    pub fn file(&self) -> Option<&str> {
        self.source.as_ref()?.file.as_deref()
    }

    /// Format of that file.
    pub fn format(&self) -> Option<&str> {
        self.driver.as_ref()?.kind.as_deref()
    }
}

/// The volume or port that a device's alias was made from.
pub(super) fn device_of_alias(alias: &str) -> Option<&str> {
    alias.strip_prefix("ua-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_processor_of_hardware_has_to_be_compared() {
        let xml = |kind: &str| {
            format!(
                "<domain type='{kind}'><cputune/><cpu mode='custom'><model>Skylake</model></cpu></domain>"
            )
        };
        assert_eq!(hardware_cpu(&xml("qemu")).unwrap(), None);
        let cpu = hardware_cpu(&xml("kvm")).unwrap().unwrap();
        assert_eq!(cpu, "<cpu mode='custom'><model>Skylake</model></cpu>");
    }

    #[test]
    fn the_mark_is_read_with_and_without_a_prefix_and_others_are_none() {
        let id = ServerId::new();
        for xml in [
            format!("<guest xmlns:skydeck='urn:skydeck:guest:1' id='{id}' generation='7'/>"),
            format!(
                "<skydeck:guest xmlns:skydeck='urn:x' id='{id}' generation='7'></skydeck:guest>"
            ),
        ] {
            let mark = Mark { id, generation: 7 };
            assert_eq!(Mark::read(&xml), Some(mark), "{xml}");
        }
        for xml in [
            "",
            "<guest/>",
            "<guest id='x' generation='1'/>",
            "<other id=''",
            "text",
        ] {
            assert_eq!(Mark::read(xml), None, "{xml}");
        }
    }

    #[test]
    fn devices_are_found_among_others_in_any_order() {
        let volume = VolumeId::new();
        let port = PortId::new();
        let found = Found::read(&format!(
            "<domain type='qemu' id='3'><name>x</name><devices><emulator>/q</emulator>
             <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a' index='2'/><boot order='1'/>
               <backingStore type='file'><source file='/base'/></backingStore>
               <target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>
             <interface type='bridge'><mac address='FA:16:3e:00:00:01'/><alias name='ua-{port}'/></interface>
             <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>
             <controller type='usb' model='none'/>
             <disk type='file' device='disk'><source file='/v'/><target dev='vdb' bus='virtio'/>
               <serial>{volume}</serial></disk></devices></domain>"
        ))
        .unwrap();
        assert_eq!(found.disk(volume).unwrap().target(), "vdb");
        assert_eq!(found.root().unwrap().file(), Some("/a"));
        assert_eq!(found.root().unwrap().format(), Some("qcow2"));
        assert!(found.disks()[1].file().is_none());
        assert!(found.has_mac("fa:16:3e:00:00:01") && found.has_port(port));
        assert!(!found.has_port(PortId::new()) && found.disk(VolumeId::new()).is_none());
    }
}
