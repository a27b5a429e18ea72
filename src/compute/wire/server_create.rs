//! Servers as they are asked for: `POST /servers`, and what `PUT /servers/{id}` changes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::NameOnly;
use crate::api::wire::{
    Link, Metadata, Secret, flexible_bool, flexible_int, null_default, present,
};

/// `{"server": {…}, "os:scheduler_hints": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerCreateRequest {
    /// The server.
    pub server: ServerCreate,
    /// Wishes to the scheduler: `group`, `same_host`, `different_host`, `query`, … text or lists.
    #[serde(
        default,
        rename = "os:scheduler_hints",
        alias = "OS-SCH-HNT:scheduler_hints",
        skip_serializing_if = "Option::is_none"
    )]
    pub scheduler_hints: Option<BTreeMap<String, Value>>,
}

/// A server to create.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerCreate {
    /// Name, 1 to 255 characters; needed.
    pub name: String,
    /// Flavor, by id or address that ends in it; needed.
    pub flavor_ref: String,
    /// Image; absent or empty if it boots from a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// Networks; needed from 2.37 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Networks>,
    /// Key pair.
    #[serde(rename = "key_name", skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// User data in base64, at most 65,535 characters.
    #[serde(rename = "user_data", skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// Free pairs.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: Metadata,
    /// Zone, or `zone:host` (administrators).
    #[serde(rename = "availability_zone", skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Security groups of ports that are made for it.
    #[serde(rename = "security_groups", skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<NameOnly>>,
    /// Disks.
    #[serde(
        rename = "block_device_mapping_v2",
        skip_serializing_if = "Option::is_none"
    )]
    pub block_device_mapping_v2: Option<Vec<BlockDevice>>,
    /// Whether it gets a config drive.
    #[serde(
        rename = "config_drive",
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub config_drive: Option<bool>,
    /// How many, at least.
    #[serde(
        rename = "min_count",
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_count: Option<u32>,
    /// How many, at most.
    #[serde(
        rename = "max_count",
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_count: Option<u32>,
    /// Answer with the reservation instead of the first server.
    #[serde(
        rename = "return_reservation_id",
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub return_reservation_id: Option<bool>,
    /// Password of its administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<Secret>,
    /// Address to show.
    #[serde(rename = "accessIPv4", skip_serializing_if = "Option::is_none")]
    pub access_ipv4: Option<String>,
    /// Address to show.
    #[serde(rename = "accessIPv6", skip_serializing_if = "Option::is_none")]
    pub access_ipv6: Option<String>,
    /// `AUTO`, `MANUAL`.
    #[serde(rename = "OS-DCF:diskConfig", skip_serializing_if = "Option::is_none")]
    pub disk_config: Option<String>,
    /// For people. From 2.19.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels. From 2.52.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The host it must be on (administrators). From 2.74.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The hypervisor it must be on (administrators). From 2.74.
    #[serde(
        rename = "hypervisor_hostname",
        skip_serializing_if = "Option::is_none"
    )]
    pub hypervisor_hostname: Option<String>,
    /// Host name inside; made from the name when absent. From 2.90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Certificates to verify the image with. From 2.63.
    #[serde(
        rename = "trusted_image_certificates",
        skip_serializing_if = "Option::is_none"
    )]
    pub trusted_image_certificates: Option<Vec<String>>,
    /// Files to put in. Until 2.56.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personality: Option<Vec<PersonalityFile>>,
}

/// Networks of a new server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Networks {
    /// `auto`: the project's network, or one that is made; `none`: no network. From 2.37.
    Word(NetworksWord),
    /// These, in order.
    List(Vec<NetworkRequested>),
}

/// Read by hand, so that what is wrong in the list is named by its place.
impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrList;
        impl<'de> Visitor<'de> for WordOrList {
            type Value = Networks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("auto, none, or a list of networks and ports")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Networks, E> {
                match word {
                    "auto" => Ok(Networks::Word(NetworksWord::Auto)),
                    "none" => Ok(Networks::Word(NetworksWord::None)),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Networks, A::Error> {
                let mut networks = Vec::new();
                while let Some(network) = list.next_element()? {
                    networks.push(network);
                }
                Ok(Networks::List(networks))
            }
        }
        deserializer.deserialize_any(WordOrList)
    }
}

/// The words of [`Networks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworksWord {
    /// The project's network.
    Auto,
    /// No network.
    None,
}

/// One interface of a new server: a port, or a network on which a port is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkRequested {
    /// The network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// A port that exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Address of one's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ip: Option<String>,
    /// Label told to the guest. From 2.32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// One disk of a new server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockDevice {
    /// Where its bytes come from: `blank`, `image`, `snapshot`, `volume`.
    pub source_type: String,
    /// What it becomes: `local`, `volume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_type: Option<String>,
    /// Id of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Place in the order of booting; 0 is first, -1 or absent is never.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub boot_index: Option<i32>,
    /// GiB.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub volume_size: Option<u64>,
    /// Whether it is deleted with the server.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub delete_on_termination: Option<bool>,
    /// Device in the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// `disk`, `cdrom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// `virtio`, `scsi`, `sata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bus: Option<String>,
    /// `swap`, or a file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_format: Option<String>,
    /// Label told to the guest. From 2.32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Type of the volume that is made. From 2.67.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
}

/// A file to put in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalityFile {
    /// Where.
    pub path: String,
    /// What, in base64.
    pub contents: String,
}

/// Answer (202) to a create: the server, or with `return_reservation_id` the reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServerCreated {
    /// `{"server": {…}}`.
    Server {
        /// The first server.
        server: CreatedServer,
    },
    /// `{"reservation_id": "r-…"}`.
    Reservation {
        /// Found again by `GET /servers/detail?reservation_id=`.
        reservation_id: String,
    },
}

/// What is known of a server at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreatedServer {
    /// Id.
    pub id: String,
    /// Links.
    pub links: Vec<Link>,
    /// `MANUAL`, `AUTO`.
    #[serde(rename = "OS-DCF:diskConfig")]
    pub disk_config: String,
    /// Security groups.
    pub security_groups: Vec<NameOnly>,
    /// Password of its administrator, if the cloud gives one.
    #[serde(rename = "adminPass", skip_serializing_if = "Option::is_none")]
    pub admin_pass: Option<Secret>,
}

/// Fields of a server to change; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerFields {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people. From 2.19.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Address to show.
    #[serde(rename = "accessIPv4", skip_serializing_if = "Option::is_none")]
    pub access_ipv4: Option<String>,
    /// Address to show.
    #[serde(rename = "accessIPv6", skip_serializing_if = "Option::is_none")]
    pub access_ipv6: Option<String>,
    /// `AUTO`, `MANUAL`.
    #[serde(rename = "OS-DCF:diskConfig", skip_serializing_if = "Option::is_none")]
    pub disk_config: Option<String>,
    /// Host name inside. From 2.90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

/// `{"server": {…}}` of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerUpdateRequest {
    /// The fields.
    pub server: ServerFields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_as_the_stock_client_sends_it() {
        let text = r#"{"server": {"name": "vm", "imageRef": "70a5", "flavorRef": "1", "min_count": "1", "max_count": 2,
            "networks": [{"uuid": "ff60"}], "key_name": "k", "config_drive": "True", "user_data": "IyEvYmluL3No",
            "block_device_mapping_v2": [{"uuid": "70a5", "boot_index": 0, "source_type": "image",
            "destination_type": "local", "delete_on_termination": true}], "OS-DCF:diskConfig": "AUTO", "adminPass": "pw"},
            "os:scheduler_hints": {"group": "g"}}"#;
        let request: ServerCreateRequest = serde_json::from_str(text).unwrap();
        assert_eq!(request.server.min_count, Some(1));
        assert_eq!(request.server.max_count, Some(2));
        assert_eq!(request.server.config_drive, Some(true));
        assert!(!format!("{request:?}").contains("pw"));
        let again: ServerCreateRequest =
            serde_json::from_value(serde_json::to_value(&request).unwrap()).unwrap();
        assert_eq!(again, request);
    }

    #[test]
    fn networks_are_a_word_or_a_list() {
        let networks = |text| serde_json::from_str::<Networks>(text);
        assert_eq!(
            networks(r#""auto""#).unwrap(),
            Networks::Word(NetworksWord::Auto)
        );
        assert_eq!(
            networks(r#""none""#).unwrap(),
            Networks::Word(NetworksWord::None)
        );
        assert!(networks(r#""some""#).is_err());
        assert!(matches!(
            networks(r#"[{"port":"p"}]"#).unwrap(),
            Networks::List(_)
        ));
    }
}
