//! Volumes and interfaces of a server: `/servers/{id}/os-volume_attachments`, `/servers/{id}/os-interface`.

use serde::{Deserialize, Serialize};

use crate::api::wire::flexible_bool;

/// A volume of a server. `id` was shown until 2.88 and equals `volumeId`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeAttachment {
    /// The volume. Until 2.88.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The server.
    #[serde(rename = "serverId")]
    pub server_id: String,
    /// The volume.
    #[serde(rename = "volumeId")]
    pub volume_id: String,
    /// Device in the guest, `/dev/vdb`; `null` until it is known.
    pub device: Option<String>,
    /// Label told to the guest; `null` without one. From 2.70.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub tag: Option<Option<String>>,
    /// Whether it is deleted with the server. From 2.79.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    /// Cinder's id of the use. From 2.89.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_id: Option<String>,
    /// Nova's id of the use. From 2.89.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bdm_uuid: Option<String>,
}

/// `{"volumeAttachment": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeAttachmentBody {
    /// The use.
    pub volume_attachment: VolumeAttachment,
}

/// `{"volumeAttachments": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeAttachmentList {
    /// The uses.
    pub volume_attachments: Vec<VolumeAttachment>,
}

/// A volume to attach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeAttach {
    /// The volume; needed.
    #[serde(rename = "volumeId")]
    pub volume_id: String,
    /// Device in the guest; a wish that libvirt's guests do not keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Label told to the guest. From 2.49.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether it is deleted with the server. From 2.79.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub delete_on_termination: Option<bool>,
}

/// `{"volumeAttachment": {…}}`, body of `POST /servers/{id}/os-volume_attachments` (200, the attachment).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeAttachRequest {
    /// The volume.
    pub volume_attachment: VolumeAttach,
}

/// An interface of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InterfaceAttachment {
    /// `ACTIVE`, `DOWN`, …
    pub port_state: String,
    /// The port.
    pub port_id: String,
    /// Its network.
    pub net_id: String,
    /// Ethernet address.
    pub mac_addr: String,
    /// Its addresses.
    pub fixed_ips: Vec<InterfaceAddress>,
    /// Label told to the guest. From 2.70.
    #[serde(
        deserialize_with = "crate::api::wire::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub tag: Option<Option<String>>,
}

/// An address of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InterfaceAddress {
    /// The address.
    pub ip_address: String,
    /// Its subnet.
    pub subnet_id: String,
}

/// `{"interfaceAttachment": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceAttachmentBody {
    /// The interface.
    pub interface_attachment: InterfaceAttachment,
}

/// `{"interfaceAttachments": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InterfaceAttachmentList {
    /// The interfaces.
    pub interface_attachments: Vec<InterfaceAttachment>,
}

/// An interface to attach: a port that exists, or a network on which one is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterfaceAttach {
    /// The port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_id: Option<String>,
    /// The network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_id: Option<String>,
    /// Addresses of one's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_ips: Option<Vec<InterfaceAddress>>,
    /// Label told to the guest. From 2.49.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// `{"interfaceAttachment": {…}}`, body of `POST /servers/{id}/os-interface`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceAttachRequest {
    /// The interface.
    pub interface_attachment: InterfaceAttach,
}
