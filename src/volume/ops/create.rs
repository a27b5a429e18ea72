//! A new volume: empty, or with the bytes of an image, a volume or a snapshot.

use std::collections::BTreeMap;

use super::{access, quota, volume_changed};
use crate::context::{Change, Context};
use crate::db::{Conn, DbError};
use crate::error::{Error, Result};
use crate::ids::{ImageId, Time, VolumeId, VolumeSnapshotId};
use crate::image::model::Image;
use crate::image::ops::image_for_boot;
use crate::saga::{self, Busy};
use crate::volume::model::{
    SnapshotStatus, Usage, Volume, VolumeEvent, VolumeStatus, ZONE, check_description,
    check_metadata, check_name, check_size,
};
use crate::volume::rpc::VolumeContent;
use crate::volume::sagas::VolumeMake;
use crate::volume::store;

/// What a new volume starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VolumeSource {
    /// Zeros.
    #[default]
    Empty,
    /// The bytes of an image.
    Image(ImageId),
    /// The bytes of another volume, which stays reserved meanwhile.
    Volume(VolumeId),
    /// The bytes of a snapshot, whose volume stays reserved meanwhile.
    Snapshot(VolumeSnapshotId),
}

/// A volume to be.
#[derive(Clone, Debug, Default)]
pub struct NewVolume {
    /// Its id: a caller that repeats itself gives the same one again.
    pub id: VolumeId,
    /// Its name; may be empty.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its size in GiB; that of its source when absent.
    pub size_gb: Option<u64>,
    /// What it starts with.
    pub source: VolumeSource,
    /// The node that shall keep it; the roomiest when absent.
    pub host: Option<String>,
    /// Zone, if said.
    pub zone: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
}

/// What the source gives to the volume.
#[derive(Default)]
struct Inherited {
    content: Option<VolumeContent>,
    size_gb: Option<u64>,
    /// The node that has the source's file.
    host: Option<String>,
    /// The volume that must not be used meanwhile.
    held: Option<Volume>,
    bootable: bool,
    image_metadata: BTreeMap<String, String>,
}

/// Begins to make a volume. If one with this id exists in the actor's project, that one is the answer.
pub async fn volume_create(cx: &Context, new: NewVolume) -> Result<Volume> {
    check(&new)?;
    let project = cx.project()?.id;
    let image = match new.source {
        VolumeSource::Image(id) => Some(image_for_boot(cx, id).await?),
        _ => None,
    };
    let mut tx = cx.db.begin().await?;
    if let Some(found) = store::show(&mut tx, new.id).await? {
        cx.check_owner(found.project, "volume", new.id)?;
        return Ok(found);
    }
    let mut from = match image {
        Some((image, source)) => from_image(&image, VolumeContent::Image(source)),
        None => from_volume_on_conn(&mut tx, cx, new.source).await?,
    };
    let size_gb = size(&new, &from)?;
    if let Some(held) = &mut from.held {
        access::shift_on_conn(&mut tx, held, VolumeEvent::Reserve, false, "be copied").await?;
    }
    let more = Usage {
        volumes: 1,
        gigabytes: i64::try_from(size_gb).unwrap_or(i64::MAX),
        snapshots: 0,
    };
    quota::room_on_conn(&mut tx, cx, project, more, size_gb).await?;
    let now = Time::now();
    let volume = Volume {
        id: new.id,
        name: new.name,
        description: new.description,
        status: VolumeStatus::Creating,
        size_gb,
        project,
        user: cx.actor.user,
        host: None,
        zone: new.zone.unwrap_or_else(|| ZONE.to_owned()),
        path: None,
        format: None,
        bootable: from.bootable,
        readonly: false,
        source_image: match new.source {
            VolumeSource::Image(id) => Some(id),
            _ => None,
        },
        source_volume: match new.source {
            VolumeSource::Volume(id) => Some(id),
            _ => None,
        },
        source_snapshot: match new.source {
            VolumeSource::Snapshot(id) => Some(id),
            _ => None,
        },
        image_metadata: from.image_metadata,
        metadata: new.metadata,
        error: None,
        created_at: now,
        updated_at: now,
    };
    match store::insert(&mut tx, &volume).await {
        Err(DbError::Duplicate { .. }) => {
            return Err(Error::conflict(format!(
                "a volume with the id {} existed already; take another id",
                volume.id
            )));
        }
        other => other?,
    }
    let content = from.content.unwrap_or(VolumeContent::Empty);
    let held = from.held.as_ref().map(|held| held.id);
    let make = VolumeMake::new(&volume, content, held, new.host.or(from.host));
    let id = volume.id.to_string();
    let target = access::target(&volume, &id);
    let operation = saga::start_on_conn(&mut tx, cx, &make, target, Busy::Refuse).await?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    volume_changed(cx, &volume, Change::Created);
    if let Some(held) = &from.held {
        volume_changed(cx, held, Change::Updated);
    }
    Ok(volume)
}

fn check(new: &NewVolume) -> Result<()> {
    check_name(&new.name).map_err(|reason| Error::invalid("name", reason))?;
    if let Some(text) = &new.description {
        check_description(text).map_err(|reason| Error::invalid("description", reason))?;
    }
    if let Some(size) = new.size_gb {
        check_size(size).map_err(|reason| Error::invalid("size", reason))?;
    }
    if let Some(zone) = new.zone.as_deref().filter(|zone| *zone != ZONE) {
        return Err(Error::invalid(
            "availability_zone",
            format!("there is no zone {zone}; {ZONE} is"),
        ));
    }
    check_metadata(&new.metadata).map_err(|reason| Error::invalid("metadata", reason))
}

fn size(new: &NewVolume, from: &Inherited) -> Result<u64> {
    let least = from.size_gb.unwrap_or(1);
    match new.size_gb {
        Some(size) if size < least => Err(Error::invalid(
            "size",
            format!("{size} GiB; the source needs at least {least}"),
        )),
        Some(size) => Ok(size),
        // An image does not say how large a disk its user wants.
        None if from.held.is_some() => Ok(least),
        None => Err(Error::invalid("size", "is missing")),
    }
}

fn from_image(image: &Image, content: VolumeContent) -> Inherited {
    let needed = image.virtual_size.unwrap_or(0).div_ceil(1 << 30);
    let mut said = image.properties.clone();
    for (name, value) in [
        ("image_id", Some(image.id.to_string())),
        ("image_name", Some(image.name.clone())),
        ("checksum", image.checksum.clone()),
        ("container_format", image.container_format.clone()),
        (
            "disk_format",
            image.disk_format.map(|format| format.name().to_owned()),
        ),
        ("min_disk", Some(image.min_disk.to_string())),
        ("min_ram", Some(image.min_ram.to_string())),
        ("size", image.size.map(|size| size.to_string())),
    ] {
        if let Some(value) = value {
            said.insert(name.to_owned(), value);
        }
    }
    Inherited {
        content: Some(content),
        size_gb: Some(needed.max(image.min_disk).max(1)),
        bootable: true,
        image_metadata: said,
        ..Inherited::default()
    }
}

async fn from_volume_on_conn(
    conn: &mut Conn,
    cx: &Context,
    source: VolumeSource,
) -> Result<Inherited> {
    let (held, size_gb, content) = match source {
        VolumeSource::Empty | VolumeSource::Image(_) => return Ok(Inherited::default()),
        VolumeSource::Volume(id) => {
            let volume = access::own_on_conn(conn, cx, id).await?;
            let size = volume.size_gb;
            (volume, size, VolumeContent::Volume { id })
        }
        VolumeSource::Snapshot(id) => {
            let snapshot = store::snapshot_show(conn, id)
                .await?
                .ok_or_else(|| Error::not_found("snapshot", id))?;
            cx.check_owner(snapshot.project, "snapshot", id)?;
            if snapshot.status != SnapshotStatus::Available {
                return Err(Error::BadRequest(format!(
                    "snapshot {id} is {}; only an available snapshot can become a volume",
                    snapshot.status
                )));
            }
            let volume = access::own_on_conn(conn, cx, snapshot.volume).await?;
            let content = VolumeContent::Snapshot {
                volume: volume.id,
                snapshot: id,
            };
            (volume, snapshot.size_gb, content)
        }
    };
    Ok(Inherited {
        content: Some(content),
        size_gb: Some(size_gb),
        host: held.host.clone(),
        bootable: held.bootable,
        image_metadata: held.image_metadata.clone(),
        held: Some(held),
    })
}
