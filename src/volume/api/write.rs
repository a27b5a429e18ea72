//! Volumes and what belongs to them as Cinder writes them.

use super::place::Place;
use crate::context::Context;
use crate::volume::model::{Attachment, AttachmentStatus, Snapshot, SnapshotStatus, Volume};
use crate::volume::wire;

/// Name of the one type of volumes.
pub(super) const TYPE: &str = "file";

/// One volume with its uses.
pub(super) fn volume(
    cx: &Context,
    place: &Place,
    volume: &Volume,
    uses: &[Attachment],
) -> wire::Volume {
    let admin = cx.actor.is_admin();
    let host = volume.host.as_ref().filter(|_| admin);
    let mut metadata = volume.metadata.clone();
    if volume.readonly {
        metadata.insert("readonly".into(), "True".into());
    }
    wire::Volume {
        id: volume.id.to_string(),
        name: Some(volume.name.clone()),
        description: volume.description.clone(),
        status: volume.status.name().to_owned(),
        size: volume.size_gb,
        availability_zone: volume.zone.clone(),
        created_at: volume.created_at.to_micros_text(),
        updated_at: Some(volume.updated_at.to_micros_text()),
        attachments: uses
            .iter()
            .filter(|one| one.volume == volume.id)
            .filter(|one| {
                matches!(
                    one.status,
                    AttachmentStatus::Attached | AttachmentStatus::Detaching
                )
            })
            .map(|one| in_use(one, admin))
            .collect(),
        bootable: volume.bootable.to_string(),
        encrypted: false,
        multiattach: false,
        metadata,
        volume_image_metadata: Some(volume.image_metadata.clone())
            .filter(|pairs| !pairs.is_empty()),
        volume_type: Some(TYPE.to_owned()),
        snapshot_id: volume.source_snapshot.map(|id| id.to_string()),
        source_volid: volume.source_volume.map(|id| id.to_string()),
        consistencygroup_id: None,
        replication_status: None,
        user_id: volume.user.map(|id| id.to_string()).unwrap_or_default(),
        migration_status: None,
        host: host.map(|host| format!("{host}@{TYPE}#{TYPE}")),
        project_id: Some(volume.project.to_string()),
        links: place.links(volume.project, "volumes", volume.id),
    }
}

fn in_use(one: &Attachment, admin: bool) -> wire::VolumeUse {
    wire::VolumeUse {
        id: one.volume.to_string(),
        attachment_id: one.id.to_string(),
        volume_id: one.volume.to_string(),
        server_id: one.server.to_string(),
        device: one.device.clone(),
        host_name: one.host.clone().filter(|_| admin),
        attached_at: one.attached_at.map(|at| at.to_micros_text()),
    }
}

/// A volume in a short list: id, name and links only.
pub(super) fn brief(place: &Place, volume: &Volume) -> serde_json::Value {
    serde_json::json!({
        "id": volume.id,
        "name": volume.name,
        "links": place.links(volume.project, "volumes", volume.id),
    })
}

/// One snapshot.
pub(super) fn snapshot(snapshot: &Snapshot) -> wire::VolumeSnapshot {
    wire::VolumeSnapshot {
        id: snapshot.id.to_string(),
        name: Some(snapshot.name.clone()),
        description: snapshot.description.clone(),
        status: snapshot.status.name().to_owned(),
        size: snapshot.size_gb,
        volume_id: snapshot.volume.to_string(),
        created_at: snapshot.created_at.to_micros_text(),
        updated_at: Some(snapshot.updated_at.to_micros_text()),
        metadata: snapshot.metadata.clone(),
        user_id: snapshot.user.map(|id| id.to_string()),
        project_id: Some(snapshot.project.to_string()),
        progress: Some(
            if snapshot.status == SnapshotStatus::Creating {
                "0%"
            } else {
                "100%"
            }
            .to_owned(),
        ),
    }
}

/// One use, as `/attachments` has it.
pub(super) fn attachment(one: &Attachment, readonly: bool, detail: bool) -> wire::Attachment {
    wire::Attachment {
        id: one.id.to_string(),
        status: one.status.name().to_owned(),
        instance: one.server.to_string(),
        volume_id: one.volume.to_string(),
        attached_at: one
            .attached_at
            .filter(|_| detail)
            .map(|at| at.to_micros_text()),
        attach_mode: detail.then(|| if readonly { "ro" } else { "rw" }.to_owned()),
    }
}
