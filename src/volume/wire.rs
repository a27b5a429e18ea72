//! Cinder v3, under `/volume/v3/{project_id}`, also without the project's id.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /volumes`, `/volumes/detail` | | [`VolumeList`]; the first with `id`, `name`, `links` only |
//! | `POST /volumes` | [`VolumeCreateRequest`] | 202 [`VolumeBody`] |
//! | `GET`, `PUT /volumes/{id}` | [`VolumeUpdateRequest`] | [`VolumeBody`] |
//! | `DELETE /volumes/{id}?cascade=&force=` | | 202 |
//! | `POST /volumes/{id}/action` | [`VolumeAction`] | 202, or 200 |
//! | `GET`, `POST /volumes/{id}/metadata`, `DELETE …/{key}` | [`VolumeMetadata`] | the same |
//!
//! Times are `2026-01-02T03:04:05.000000`, without a zone.

mod misc;
mod snapshot;

pub use misc::*;
pub use snapshot::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::wire::{Link, Metadata, Nothing, flexible_bool, flexible_int, null_default};

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `creating`, `available`, `reserved`, `attaching`, `in-use`, `detaching`, `extending`, `deleting`, `error`,
    /// `error_deleting`, `error_extending`, `downloading`, `maintenance`, …
    pub status: String,
    /// GiB.
    pub size: u64,
    /// Zone.
    #[serde(deserialize_with = "null_default")]
    pub availability_zone: String,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Servers that use it.
    pub attachments: Vec<VolumeUse>,
    /// `"true"` or `"false"`.
    pub bootable: String,
    /// Whether its bytes are encrypted.
    pub encrypted: bool,
    /// Whether several servers may use it.
    pub multiattach: bool,
    /// Free pairs.
    pub metadata: Metadata,
    /// What the image it was made from said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_image_metadata: Option<Metadata>,
    /// Name of its type.
    pub volume_type: Option<String>,
    /// The snapshot it was made from.
    pub snapshot_id: Option<String>,
    /// The volume it was made from.
    pub source_volid: Option<String>,
    /// Group.
    pub consistencygroup_id: Option<String>,
    /// State of its replica.
    pub replication_status: Option<String>,
    /// Who made it.
    pub user_id: String,
    /// State of a migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_status: Option<String>,
    /// `host@backend#pool`, for administrators.
    #[serde(
        rename = "os-vol-host-attr:host",
        skip_serializing_if = "Option::is_none"
    )]
    pub host: Option<String>,
    /// Its project.
    #[serde(
        rename = "os-vol-tenant-attr:tenant_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub project_id: Option<String>,
    /// Links.
    pub links: Vec<Link>,
}

impl Volume {
    /// Whether servers may boot from it.
    pub fn is_bootable(&self) -> bool {
        self.bootable.eq_ignore_ascii_case("true")
    }
}

/// A use of a volume by a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeUse {
    /// Id of the volume; Cinder writes it here.
    pub id: String,
    /// Id of the use.
    pub attachment_id: String,
    /// The volume.
    pub volume_id: String,
    /// The server.
    #[serde(deserialize_with = "null_default")]
    pub server_id: String,
    /// Device in the guest, `/dev/vdb`.
    pub device: Option<String>,
    /// Its host, for administrators.
    pub host_name: Option<String>,
    /// Since when.
    pub attached_at: Option<String>,
}

/// `{"volume": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeBody {
    /// The volume.
    pub volume: Volume,
}

/// `{"volumes": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeList {
    /// This page.
    pub volumes: Vec<Volume>,
    /// `next`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_links: Vec<Link>,
}

/// A volume to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeCreate {
    /// GiB; may be absent where there is a source.
    #[serde(deserialize_with = "flexible_int")]
    pub size: Option<u64>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Begin with this image.
    #[serde(rename = "imageRef", skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// Begin with this volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_volid: Option<String>,
    /// Begin with this snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// Type, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_type: Option<String>,
    /// Zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Free pairs.
    #[serde(
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub metadata: Metadata,
    /// Whether several servers may use it.
    #[serde(
        deserialize_with = "flexible_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub multiattach: Option<bool>,
    /// Group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistencygroup_id: Option<String>,
}

/// `{"volume": {…}}` of a create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeCreateRequest {
    /// The volume.
    pub volume: VolumeCreate,
    /// Wishes to the scheduler.
    #[serde(
        default,
        rename = "OS-SCH-HNT:scheduler_hints",
        skip_serializing_if = "Option::is_none"
    )]
    pub scheduler_hints: Option<BTreeMap<String, Value>>,
}

/// Fields to change; absent ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeFields {
    /// Name; older clients say `display_name`.
    #[serde(alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(alias = "display_description", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All free pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// `{"volume": {…}}` of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUpdateRequest {
    /// The fields.
    pub volume: VolumeFields,
}

/// `{"metadata": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMetadata {
    /// Free pairs.
    pub metadata: Metadata,
}

/// Body of `POST /volumes/{id}/action`: one member, named after the action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeAction {
    /// Make it larger.
    #[serde(rename = "os-extend")]
    Extend(VolumeExtend),
    /// Say what its status is (administrators).
    #[serde(rename = "os-reset_status")]
    ResetStatus(VolumeResetStatus),
    /// Delete it in any status (administrators).
    #[serde(rename = "os-force_delete")]
    ForceDelete(Nothing),
    /// Say whether servers may boot from it.
    #[serde(rename = "os-set_bootable")]
    SetBootable(VolumeSetBootable),
    /// Say whether servers may only read it.
    #[serde(rename = "os-update_readonly_flag")]
    SetReadonly(VolumeSetReadonly),
    /// Sets pairs of the image's properties.
    #[serde(rename = "os-set_image_metadata")]
    SetImageMetadata(VolumeMetadata),
    /// Takes one of the image's properties away.
    #[serde(rename = "os-unset_image_metadata")]
    UnsetImageMetadata(VolumeMetadataKey),
    /// Asks for the image's properties.
    #[serde(rename = "os-show_image_metadata")]
    ShowImageMetadata(Nothing),
    /// Keeps it for a use to come.
    #[serde(rename = "os-reserve")]
    Reserve(Nothing),
    /// The use does not come.
    #[serde(rename = "os-unreserve")]
    Unreserve(Nothing),
    /// Cuts the tie to a server (administrators).
    #[serde(rename = "os-force_detach")]
    ForceDetach(VolumeForceDetach),
}

/// `{"attachment_id": "…"}`; all when absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeForceDetach {
    /// Which use.
    pub attachment_id: Option<String>,
}

/// `{"new_size": 20}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeExtend {
    /// GiB it shall have.
    #[serde(deserialize_with = "flexible_int")]
    pub new_size: Option<u64>,
}

/// What to say its status is; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeResetStatus {
    /// `available`, `error`, `in-use`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `attached`, `detached`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach_status: Option<String>,
    /// `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_status: Option<String>,
}

/// `{"bootable": true}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSetBootable {
    /// Whether.
    #[serde(deserialize_with = "flexible_bool")]
    pub bootable: Option<bool>,
}

/// `{"readonly": true}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSetReadonly {
    /// Whether.
    #[serde(deserialize_with = "flexible_bool")]
    pub readonly: Option<bool>,
}

/// `{"key": "…"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMetadataKey {
    /// The key.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_as_cinder_sends_it() {
        let text = r#"{"volume": {"id": "6edb", "status": "in-use", "size": 30, "availability_zone": "nova",
            "created_at": "2026-01-02T03:04:05.000000", "updated_at": null, "attachments": [{"server_id": "f4fd",
            "attachment_id": "3b4d", "attached_at": "2026-01-02T03:05:05.000000", "host_name": null, "volume_id": "6edb",
            "device": "/dev/vdb", "id": "6edb"}], "name": "new", "description": null, "volume_type": "__DEFAULT__",
            "snapshot_id": null, "source_volid": null, "metadata": {"a": "b"}, "links": [], "user_id": "40c2",
            "bootable": "false", "encrypted": false, "replication_status": null, "consistencygroup_id": null,
            "multiattach": false, "migration_status": null, "os-vol-host-attr:host": "difleming@lvm-1#lvm",
            "os-vol-mig-status-attr:migstat": null, "os-vol-tenant-attr:tenant_id": "bab7",
            "shared_targets": true, "service_uuid": "48e6"}}"#;
        let body: VolumeBody = serde_json::from_str(text).unwrap();
        assert_eq!(
            body.volume.attachments[0].device.as_deref(),
            Some("/dev/vdb")
        );
        assert!(!body.volume.is_bootable());
        let again: VolumeBody =
            serde_json::from_value(serde_json::to_value(&body).unwrap()).unwrap();
        assert_eq!(again, body);
    }

    #[test]
    fn create_and_actions_as_the_stock_client_sends_them() {
        let text = r#"{"volume": {"consistencygroup_id": null, "size": 1, "snapshot_id": null, "name": "v",
            "description": null, "volume_type": null, "availability_zone": null, "metadata": {}, "imageRef": null,
            "source_volid": null, "backup_id": null}}"#;
        let create: VolumeCreateRequest = serde_json::from_str(text).unwrap();
        assert_eq!(create.volume.size, Some(1));
        let action: VolumeAction =
            serde_json::from_str(r#"{"os-extend": {"new_size": 2}}"#).unwrap();
        assert_eq!(
            action,
            VolumeAction::Extend(VolumeExtend { new_size: Some(2) })
        );
        assert!(serde_json::from_str::<VolumeAction>(r#"{"os-explode": {}}"#).is_err());
        assert_eq!(
            serde_json::to_string(&VolumeAction::ForceDelete(Nothing)).unwrap(),
            r#"{"os-force_delete":null}"#
        );
    }
}
