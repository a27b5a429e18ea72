//! Snapshots: the content of a volume at one moment, kept inside its file.
//!
//! A volume is reserved while its file is worked on, so only one that no server has can be snapshotted.

use std::collections::BTreeMap;

use super::{access, quota};
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::ids::{Time, VolumeId, VolumeSnapshotId};
use crate::saga::{self, Busy};
use crate::volume::model::{
    Snapshot, SnapshotQuery, SnapshotStatus, Usage, VolumeEvent, check_description, check_metadata,
    check_name,
};
use crate::volume::sagas::{SnapshotRemove, SnapshotTake};
use crate::volume::store;

/// Most snapshots on one page.
const MAX_PAGE: u32 = 1000;

/// A snapshot to be.
#[derive(Clone, Debug, Default)]
pub struct NewSnapshot {
    /// Its name; may be empty.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
}

fn changed(cx: &Context, snapshot: &Snapshot, change: Change) {
    let event = Event::new(
        "volume_snapshot",
        snapshot.id,
        Some(snapshot.project),
        change,
    )
    .named(&snapshot.name)
    .with_status(snapshot.status);
    cx.events.publish(event);
}

/// Begins to take a snapshot of a volume that no server has.
pub async fn snapshot_create(cx: &Context, volume: VolumeId, new: NewSnapshot) -> Result<Snapshot> {
    check(&new.name, new.description.as_deref(), &new.metadata)?;
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, volume).await?;
    let more = Usage {
        volumes: 0,
        gigabytes: i64::try_from(volume.size_gb).unwrap_or(i64::MAX),
        snapshots: 1,
    };
    quota::room_on_conn(&mut tx, cx, volume.project, more, 0).await?;
    let what = "be snapshotted (detach it first)";
    access::shift_on_conn(&mut tx, &mut volume, VolumeEvent::Reserve, false, what).await?;
    let now = Time::now();
    let snapshot = Snapshot {
        id: VolumeSnapshotId::new(),
        volume: volume.id,
        name: new.name,
        description: new.description,
        status: SnapshotStatus::Creating,
        size_gb: volume.size_gb,
        project: volume.project,
        user: cx.actor.user,
        metadata: new.metadata,
        error: None,
        created_at: now,
        updated_at: now,
    };
    store::snapshot_insert(&mut tx, &snapshot).await?;
    let take = SnapshotTake::new(&volume, snapshot.id);
    let id = volume.id.to_string();
    let target = access::target(&volume, &id);
    let operation = saga::start_on_conn(&mut tx, cx, &take, target, Busy::Wait).await?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    changed(cx, &snapshot, Change::Created);
    Ok(snapshot)
}

fn check(name: &str, description: Option<&str>, metadata: &BTreeMap<String, String>) -> Result<()> {
    check_name(name).map_err(|reason| Error::invalid("name", reason))?;
    if let Some(text) = description {
        check_description(text).map_err(|reason| Error::invalid("description", reason))?;
    }
    check_metadata(metadata).map_err(|reason| Error::invalid("metadata", reason))
}

/// Snapshots by query: of the actor's project, or of all for administrators who ask for no project.
pub async fn snapshot_list(cx: &Context, mut query: SnapshotQuery) -> Result<Vec<Snapshot>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    query.limit = query.limit.min(MAX_PAGE);
    let mut conn = cx.db.read().await?;
    store::snapshot_list(&mut conn, &query)
        .await?
        .ok_or_else(|| {
            Error::BadRequest(
                "marker: there is no such snapshot; begin with the first page again".into(),
            )
        })
}

/// One snapshot that the actor may see.
pub async fn snapshot_show(cx: &Context, id: VolumeSnapshotId) -> Result<Snapshot> {
    let mut conn = cx.db.read().await?;
    let snapshot = store::snapshot_show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("snapshot", id))?;
    cx.check_owner(snapshot.project, "snapshot", id)?;
    Ok(snapshot)
}

/// Changes what people say of a snapshot; absent fields stay.
pub async fn snapshot_update(
    cx: &Context,
    id: VolumeSnapshotId,
    name: Option<String>,
    description: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
) -> Result<Snapshot> {
    let mut snapshot = snapshot_show(cx, id).await?;
    snapshot.name = name.unwrap_or(snapshot.name);
    snapshot.description = description.or(snapshot.description);
    snapshot.metadata = metadata.unwrap_or(snapshot.metadata);
    check(
        &snapshot.name,
        snapshot.description.as_deref(),
        &snapshot.metadata,
    )?;
    let mut tx = cx.db.begin().await?;
    if !store::snapshot_update(&mut tx, &snapshot).await? {
        return Err(Error::not_found("snapshot", id));
    }
    tx.commit().await?;
    changed(cx, &snapshot, Change::Updated);
    Ok(snapshot)
}

/// Begins to remove a snapshot.
pub async fn snapshot_delete(cx: &Context, id: VolumeSnapshotId) -> Result<()> {
    let snapshot = snapshot_show(cx, id).await?;
    let mut tx = cx.db.begin().await?;
    let mut volume = access::own_on_conn(&mut tx, cx, snapshot.volume).await?;
    let from = [SnapshotStatus::Available, SnapshotStatus::Error];
    if !store::snapshot_status(&mut tx, id, &from, SnapshotStatus::Deleting, None).await? {
        return Err(Error::BadRequest(format!(
            "snapshot {id} is {}; only one that is available or in error can be deleted",
            snapshot.status
        )));
    }
    let what = "lose a snapshot (detach it first)";
    access::shift_on_conn(&mut tx, &mut volume, VolumeEvent::Reserve, false, what).await?;
    let remove = SnapshotRemove::new(&volume, id);
    let text = volume.id.to_string();
    let target = access::target(&volume, &text);
    let operation = saga::start_on_conn(&mut tx, cx, &remove, target, Busy::Wait).await?;
    tx.commit().await?;
    cx.sagas.kick(operation);
    changed(cx, &snapshot, Change::Updated);
    Ok(())
}
