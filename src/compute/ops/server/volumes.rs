//! Volumes of servers, where the two services meet: what sagas do with them, and what is shown.
//!
//! The volume service says what a volume is and who has it; the server's row of it says its place among the server's
//! disks and whether it goes with the server. Every function may be repeated.

use serde::{Deserialize, Serialize};

use crate::compute::model::{Server, ServerVolume};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ImageId, ServerId, Time, VolumeId, VolumeSnapshotId};
use crate::saga::{Failure, StepError, operation_abort_of_on_conn};
use crate::volume::model::{Volume, VolumeStatus};
use crate::volume::ops::{
    NewVolume, VolumeDeletion, VolumeSource, volume_attached_on_conn, volume_changed,
    volume_create, volume_delete, volume_detached_on_conn, volume_reserve_on_conn, volume_show,
};

/// Microseconds between looks at a volume that is being made.
const LOOK_AGAIN: i64 = 250_000;

/// A volume of a server to be: one that exists, or one to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeWish {
    /// Its id, chosen beforehand if it is to be made.
    pub volume: VolumeId,
    /// What it starts with; `None` if it exists.
    pub make: Option<MakeVolume>,
    /// Device in the guest.
    pub device: Option<String>,
}

/// A volume to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeVolume {
    /// GiB; those of the source when absent.
    pub size_gb: Option<u64>,
    /// The image it starts with.
    pub image: Option<ImageId>,
    /// The snapshot it starts with.
    pub snapshot: Option<VolumeSnapshotId>,
}

impl MakeVolume {
    fn source(&self) -> VolumeSource {
        match (self.image, self.snapshot) {
            (Some(image), _) => VolumeSource::Image(image),
            (None, Some(snapshot)) => VolumeSource::Snapshot(snapshot),
            (None, None) => VolumeSource::Empty,
        }
    }
}

/// Makes what is to be made, and gives all of them to the server. A time: look again then, something is still being made.
pub async fn volumes_make(
    cx: &Context,
    server: &Server,
    wishes: &[VolumeWish],
    host: &str,
) -> std::result::Result<Option<Time>, StepError> {
    for wish in wishes {
        let Some(make) = &wish.make else { continue };
        let new = NewVolume {
            id: wish.volume,
            size_gb: make.size_gb,
            source: make.source(),
            host: Some(host.to_owned()),
            ..NewVolume::default()
        };
        let volume = volume_create(cx, new).await?;
        match volume.status {
            VolumeStatus::Creating => {
                return Ok(Some(Time(Time::now().0.saturating_add(LOOK_AGAIN))));
            }
            VolumeStatus::Error => {
                let why = volume.error.unwrap_or_else(|| "no reason is known".into());
                return Err(StepError::Failed(Failure::new(format!(
                    "volume {} could not be made: {why}",
                    volume.id
                ))));
            }
            _ => {}
        }
    }
    let mut tx = cx.db.begin().await?;
    let mut changed = Vec::new();
    for wish in wishes {
        let (volume, _) = volume_reserve_on_conn(&mut tx, cx, wish.volume, server.id).await?;
        check_host(&volume, host)?;
        let device = wish.device.as_deref();
        let given =
            volume_attached_on_conn(&mut tx, cx, wish.volume, server.id, host, device).await?;
        changed.push(given.0);
    }
    tx.commit().await?;
    for volume in &changed {
        tell(cx, volume);
    }
    Ok(None)
}

/// A volume can be reached only where its file is.
pub fn check_host(volume: &Volume, host: &str) -> Result<()> {
    match &volume.host {
        Some(place) if place != host => Err(Error::conflict(format!(
            "volume {} is on {place} and the server on {host}; volumes can not be reached from other hosts here",
            volume.id
        ))),
        _ => Ok(()),
    }
}

/// Takes them away again; what was made is deleted. A time: look again then.
pub async fn volumes_unmake(
    cx: &Context,
    server: ServerId,
    wishes: &[VolumeWish],
) -> Result<Option<Time>> {
    let mut again = None;
    for wish in wishes {
        let gone = let_go(cx, server, wish.volume, wish.make.is_some()).await?;
        again = again.or(gone);
    }
    Ok(again)
}

/// The server has the volume no more; it is deleted if it goes with the server. A time: look again then.
pub async fn volume_let_go(
    cx: &Context,
    server: ServerId,
    volume: &ServerVolume,
) -> Result<Option<Time>> {
    let_go(cx, server, volume.volume, volume.delete_on_termination).await
}

async fn let_go(
    cx: &Context,
    server: ServerId,
    volume: VolumeId,
    delete: bool,
) -> Result<Option<Time>> {
    let mut tx = cx.db.begin().await?;
    let changed = volume_detached_on_conn(&mut tx, volume, server).await?;
    tx.commit().await?;
    if let Some(volume) = &changed {
        tell(cx, volume);
    }
    if !delete {
        return Ok(None);
    }
    match volume_show(cx, volume).await {
        Ok(found) if found.status == VolumeStatus::Creating => {
            // It can not be deleted before what makes it has ended.
            let mut tx = cx.db.begin().await?;
            let running = operation_abort_of_on_conn(&mut tx, &volume.to_string()).await?;
            tx.commit().await?;
            if let Some(running) = running {
                cx.sagas.abort(running);
            }
            Ok(Some(Time(Time::now().0.saturating_add(LOOK_AGAIN))))
        }
        Ok(_) => volume_delete(cx, volume, VolumeDeletion::default())
            .await
            .map(|_| None),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells watchers that a volume changed.
pub fn tell(cx: &Context, volume: &Volume) {
    volume_changed(cx, volume, Change::Updated);
}

/// The next free device name, as the guest will most likely call it.
pub async fn free_device_on_conn(conn: &mut Conn, server: &Server) -> Result<String> {
    let volumes = store::server_link::volumes(conn, server.id).await?;
    let taken: Vec<String> = volumes
        .into_iter()
        .filter_map(|volume| volume.device)
        .collect();
    Ok(free_device(server, &taken))
}

/// The first device name that is not taken; the first of all is the root disk's.
pub fn free_device(server: &Server, taken: &[String]) -> String {
    let prefix = match server
        .image_properties()
        .get("hw_disk_bus")
        .map(String::as_str)
    {
        Some("scsi" | "sata") => "/dev/sd",
        Some("ide") => "/dev/hd",
        _ => "/dev/vd",
    };
    let letters = if server.boots_from_volume() {
        'a'..='z'
    } else {
        'b'..='z'
    };
    letters
        .map(|letter| format!("{prefix}{letter}"))
        .find(|name| !taken.contains(name))
        .unwrap_or_else(|| format!("{prefix}aa"))
}
