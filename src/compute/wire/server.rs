//! Servers as they are shown.
//!
//! | request | answer |
//! |---|---|
//! | `GET /servers` | [`ServerList`], of each server `id`, `name`, `links` |
//! | `GET /servers/detail` | [`ServerList`] |
//! | `GET`, `PUT /servers/{id}` | [`ServerBody`] |
//! | `DELETE /servers/{id}` | 204 |
//! | `GET`, `PUT`, `POST /servers/{id}/metadata` | [`MetadataBody`] |
//! | `GET`, `PUT /servers/{id}/metadata/{key}` | [`MetaBody`]; `DELETE` 204 |
//! | `GET`, `PUT /servers/{id}/tags` | [`ServerTags`]; `PUT …/{tag}` 201 or 204, `DELETE` 204 |

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::api::wire::{IntOrText, Link, Metadata, null_default};

/// A server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// `ACTIVE`, `BUILD`, `DELETED`, `ERROR`, `HARD_REBOOT`, `MIGRATING`, `PASSWORD`, `PAUSED`, `REBOOT`, `REBUILD`,
    /// `RESCUE`, `RESIZE`, `REVERT_RESIZE`, `SHELVED`, `SHELVED_OFFLOADED`, `SHUTOFF`, `SOFT_DELETED`, `SUSPENDED`,
    /// `UNKNOWN`, `VERIFY_RESIZE`.
    pub status: String,
    /// Its project.
    pub tenant_id: String,
    /// Who made it.
    pub user_id: String,
    /// Free pairs.
    pub metadata: Metadata,
    /// The host in disguise: the same for all servers of one project on one host; empty before it has one.
    #[serde(rename = "hostId")]
    pub host_id: String,
    /// The image; absent (on the wire `""`) if it boots from a volume.
    #[serde(with = "image_or_empty")]
    pub image: Option<ServerImage>,
    /// The flavor; whole from 2.47, before that a reference.
    pub flavor: ServerFlavor,
    /// When it was created.
    pub created: String,
    /// When it last changed.
    pub updated: String,
    /// Addresses by network's name.
    #[serde(deserialize_with = "null_default")]
    pub addresses: BTreeMap<String, Vec<ServerAddress>>,
    /// Address to use, if its owner set one.
    #[serde(rename = "accessIPv4")]
    pub access_ipv4: String,
    /// Address to use, if its owner set one.
    #[serde(rename = "accessIPv6")]
    pub access_ipv6: String,
    /// Links.
    pub links: Vec<Link>,
    /// `MANUAL`, `AUTO`.
    #[serde(rename = "OS-DCF:diskConfig")]
    pub disk_config: String,
    /// Percent of a build, 0 to 100; only in the states `ACTIVE`, `BUILD`, `REBUILD`, `RESIZE`, `VERIFY_RESIZE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<u32>,
    /// Its zone; empty before it has one.
    #[serde(
        rename = "OS-EXT-AZ:availability_zone",
        deserialize_with = "null_default"
    )]
    pub availability_zone: String,
    /// `"True"` or empty.
    #[serde(deserialize_with = "null_default")]
    pub config_drive: String,
    /// Name of its key pair.
    pub key_name: Option<String>,
    /// When the guest was first started.
    #[serde(rename = "OS-SRV-USG:launched_at")]
    pub launched_at: Option<String>,
    /// When it was deleted.
    #[serde(rename = "OS-SRV-USG:terminated_at")]
    pub terminated_at: Option<String>,
    /// `active`, `building`, `paused`, `suspended`, `stopped`, `rescued`, `resized`, `soft-delete`, `deleted`, `error`,
    /// `shelved`, `shelved_offloaded`.
    #[serde(rename = "OS-EXT-STS:vm_state", deserialize_with = "null_default")]
    pub vm_state: String,
    /// What is being done to it: `scheduling`, `spawning`, `powering-off`, …
    #[serde(rename = "OS-EXT-STS:task_state")]
    pub task_state: Option<String>,
    /// 0 no state, 1 running, 3 paused, 4 shutdown, 6 crashed, 7 suspended.
    #[serde(rename = "OS-EXT-STS:power_state", deserialize_with = "null_default")]
    pub power_state: u8,
    /// Volumes it uses.
    #[serde(rename = "os-extended-volumes:volumes_attached")]
    pub volumes_attached: Vec<AttachedVolume>,
    /// Security groups of its ports, by name; left out when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<NameOnly>>,
    /// Why it is in `ERROR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Its host. Administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:host",
        skip_serializing_if = "Option::is_none"
    )]
    pub host: Option<String>,
    /// Its hypervisor's name for itself. Administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:hypervisor_hostname",
        skip_serializing_if = "Option::is_none"
    )]
    pub hypervisor_hostname: Option<String>,
    /// Its name for libvirt. Administrators.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:instance_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub instance_name: Option<String>,
    /// The request that made it and its like, `r-…`. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:reservation_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub reservation_id: Option<String>,
    /// Its number among them. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:launch_index",
        skip_serializing_if = "Option::is_none"
    )]
    pub launch_index: Option<u32>,
    /// Its host name inside. From 2.3, for all from 2.90.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:hostname",
        skip_serializing_if = "Option::is_none"
    )]
    pub hostname: Option<String>,
    /// Device of its root disk, `/dev/vda`. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:root_device_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub root_device_name: Option<String>,
    /// Its user data in base64. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:user_data",
        skip_serializing_if = "Option::is_none"
    )]
    pub user_data: Option<String>,
    /// Kernel outside of the image; empty. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:kernel_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub kernel_id: Option<String>,
    /// Ramdisk outside of the image; empty. From 2.3.
    #[serde(
        rename = "OS-EXT-SRV-ATTR:ramdisk_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub ramdisk_id: Option<String>,
    /// `UP`, `DOWN`, `MAINTENANCE`, `UNKNOWN` or empty. Administrators, from 2.16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_status: Option<String>,
    /// Whether it is locked. From 2.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Why it is locked; `null` without a reason. From 2.73, when it is a member at all.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub locked_reason: Option<Option<String>>,
    /// For people; `null` without one. From 2.19.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<Option<String>>,
    /// Labels. From 2.26.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Certificates the image was verified with. From 2.63.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trusted_image_certificates: Option<Option<Vec<String>>>,
    /// Server groups it is in. From 2.71, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_groups: Option<Vec<String>>,
    /// Password of its administrator, in the answer to a rebuild only.
    #[serde(rename = "adminPass", skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<crate::api::wire::Secret>,
}

impl Server {
    /// Whether it is locked, as far as the version says it.
    pub fn is_locked(&self) -> bool {
        self.locked.unwrap_or(false)
    }

    /// All its addresses, in the order of the networks' names.
    pub fn all_addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.values().flatten().map(|a| a.addr.as_str())
    }
}

/// The image of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerImage {
    /// Id.
    pub id: String,
    /// Links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// The flavor of a server: from 2.47 what it was when the server was made, before that `id` and `links`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerFlavor {
    /// Id. Before 2.47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Links. Before 2.47.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_name: Option<String>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u64>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<u64>,
    /// Root disk in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// Further disk in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<u64>,
    /// Swap in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<IntOrText>,
    /// Extra specs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_specs: Option<Metadata>,
}

/// An address of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerAddress {
    /// 4 or 6.
    pub version: u8,
    /// The address.
    pub addr: String,
    /// `fixed`, `floating`.
    #[serde(rename = "OS-EXT-IPS:type")]
    pub kind: String,
    /// Ethernet address of its port.
    #[serde(rename = "OS-EXT-IPS-MAC:mac_addr")]
    pub mac_addr: String,
}

/// A volume of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachedVolume {
    /// The volume.
    pub id: String,
    /// Whether it is deleted with the server. From 2.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
}

/// `{"name": "…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameOnly {
    /// The name.
    pub name: String,
}

/// Why a server is in `ERROR`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Like an HTTP status.
    pub code: u16,
    /// When.
    pub created: String,
    /// What.
    pub message: String,
    /// More; for administrators, and for others at 500 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// `{"server": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerBody {
    /// The server.
    pub server: Server,
}

/// `{"servers": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerList {
    /// This page.
    pub servers: Vec<Server>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers_links: Vec<Link>,
}

/// A server in `GET /servers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerBrief {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Links.
    pub links: Vec<Link>,
}

/// `{"servers": […]}` of `GET /servers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerBriefList {
    /// This page.
    pub servers: Vec<ServerBrief>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers_links: Vec<Link>,
}

/// `{"metadata": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataBody {
    /// Free pairs.
    pub metadata: Metadata,
}

/// `{"meta": {"key": "value"}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaBody {
    /// One pair.
    pub meta: Metadata,
}

/// `{"tags": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerTags {
    /// All labels.
    pub tags: Vec<String>,
}

/// `{"addresses": {…}}`; `GET /servers/{id}/ips`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressesBody {
    /// Addresses by network's name.
    pub addresses: BTreeMap<String, Vec<ServerAddress>>,
}

/// Nova writes `""` where there is no image.
mod image_or_empty {
    use super::{Deserialize, Deserializer, Serialize, ServerImage};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Image(ServerImage),
        Word(String),
    }

    pub fn serialize<S: serde::Serializer>(
        image: &Option<ServerImage>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match image {
            Some(image) => image.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<ServerImage>, D::Error> {
        match Option::<Written>::deserialize(d)? {
            Some(Written::Image(image)) if !image.id.is_empty() => Ok(Some(image)),
            Some(Written::Word(word)) if !word.is_empty() => {
                Err(serde::de::Error::custom("image must be an object or empty"))
            }
            Some(Written::Image(_) | Written::Word(_)) | None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_as_nova_sends_it() {
        let text = r#"{"server": {"OS-DCF:diskConfig": "AUTO", "OS-EXT-AZ:availability_zone": "nova",
            "OS-EXT-SRV-ATTR:host": "compute", "OS-EXT-SRV-ATTR:hostname": "new-server-test",
            "OS-EXT-SRV-ATTR:hypervisor_hostname": "fake-mini", "OS-EXT-SRV-ATTR:instance_name": "instance-00000001",
            "OS-EXT-SRV-ATTR:kernel_id": "", "OS-EXT-SRV-ATTR:launch_index": 0, "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:reservation_id": "r-t6pl", "OS-EXT-SRV-ATTR:root_device_name": "/dev/sda",
            "OS-EXT-SRV-ATTR:user_data": "IyEv", "OS-EXT-STS:power_state": 1, "OS-EXT-STS:task_state": null,
            "OS-EXT-STS:vm_state": "active", "OS-SRV-USG:launched_at": "2026-01-02T03:04:05.000000",
            "OS-SRV-USG:terminated_at": null, "accessIPv4": "1.2.3.4", "accessIPv6": "80fe::", "addresses": {"private":
            [{"OS-EXT-IPS-MAC:mac_addr": "00:0c:29:0d:11:74", "OS-EXT-IPS:type": "fixed", "addr": "192.168.1.30",
            "version": 4}]}, "config_drive": "", "created": "2026-01-02T03:04:05Z", "description": null, "flavor":
            {"disk": 1, "ephemeral": 0, "extra_specs": {}, "original_name": "m1.tiny", "ram": 512, "swap": 0, "vcpus": 1},
            "hostId": "2091", "host_status": "UP", "id": "569f", "image": {"id": "70a5", "links": [{"href": "http://c/images/70a5",
            "rel": "bookmark"}]}, "key_name": null, "links": [], "locked": true, "locked_reason": "I don't want to work",
            "metadata": {"My Server Name": "Apache1"}, "name": "new-server-test", "os-extended-volumes:volumes_attached":
            [{"delete_on_termination": false, "id": "volume_id1"}], "progress": 0, "security_groups": [{"name": "default"}],
            "server_groups": [], "status": "ACTIVE", "tags": [], "tenant_id": "6f70", "trusted_image_certificates": null,
            "updated": "2026-01-02T03:04:05Z", "user_id": "fake"}}"#;
        let body: ServerBody = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        assert_eq!(
            body.server.all_addresses().collect::<Vec<_>>(),
            ["192.168.1.30"]
        );
        assert!(body.server.is_locked());
    }

    #[test]
    fn a_server_booted_from_a_volume_has_no_image() {
        let server: Server = serde_json::from_str(r#"{"id":"s","image":""}"#).unwrap();
        assert_eq!(server.image, None);
        assert_eq!(serde_json::to_value(&server).unwrap()["image"], "");
    }

    #[test]
    fn a_server_of_a_cell_that_is_down_is_read() {
        let text = r#"{"servers":[{"created":"2026-01-02T03:04:05Z","id":"b6b0","status":"UNKNOWN","tenant_id":"c14d","links":[]}]}"#;
        let list: ServerList = serde_json::from_str(text).unwrap();
        assert_eq!(list.servers[0].status, "UNKNOWN");
    }
}
