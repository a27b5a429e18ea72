//! `volume_snapshot_create` and `volume_snapshot_delete`: the volume is reserved while its file is worked on.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{QUICK, release_on_conn, tell};
use crate::context::Change;
use crate::ids::{VolumeId, VolumeSnapshotId};
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};
use crate::volume::model::{SnapshotStatus, Volume};
use crate::volume::rpc::{VolumeSnapshotRemove, VolumeSnapshotTake};
use crate::volume::store;

/// Takes a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotTake {
    volume: VolumeId,
    host: Option<String>,
    snapshot: VolumeSnapshotId,
}

impl SnapshotTake {
    /// Takes this snapshot, whose row is `creating`, of a volume that is reserved for it.
    pub fn new(volume: &Volume, snapshot: VolumeSnapshotId) -> Self {
        Self {
            volume: volume.id,
            host: volume.host.clone(),
            snapshot,
        }
    }
}

impl Saga for SnapshotTake {
    const KIND: &'static str = "volume_snapshot_create";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(fail),
            Step::new("take", take).undo(untake),
            Step::new("publish", publish),
        ]
    }
}

/// Removes a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotRemove {
    volume: VolumeId,
    host: Option<String>,
    snapshot: VolumeSnapshotId,
}

impl SnapshotRemove {
    /// Removes this snapshot, whose row is `deleting`, of a volume that is reserved for it.
    pub fn new(volume: &Volume, snapshot: VolumeSnapshotId) -> Self {
        Self {
            volume: volume.id,
            host: volume.host.clone(),
            snapshot,
        }
    }
}

impl Saga for SnapshotRemove {
    const KIND: &'static str = "volume_snapshot_delete";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("remove", remove).commits(),
            Step::new("forget", forget),
        ]
    }
}

fn on_a_node(host: Option<&String>) -> Result<&str, StepError> {
    host.map(String::as_str)
        .ok_or_else(|| StepError::Failed(Failure::new("the volume is on no node")))
}

fn take<'a>(cx: &'a StepContext, s: &'a mut SnapshotTake) -> BoxFuture<'a, StepResult> {
    async move {
        let request = VolumeSnapshotTake {
            id: s.volume,
            snapshot: s.snapshot,
        };
        cx.call(on_a_node(s.host.as_ref())?, &request, QUICK)
            .await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn untake<'a>(cx: &'a StepContext, s: &'a mut SnapshotTake) -> BoxFuture<'a, StepResult> {
    async move {
        let request = VolumeSnapshotRemove {
            id: s.volume,
            snapshot: s.snapshot,
        };
        cx.call(on_a_node(s.host.as_ref())?, &request, QUICK)
            .await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn publish<'a>(cx: &'a StepContext, s: &'a mut SnapshotTake) -> BoxFuture<'a, StepResult> {
    async move { end_take(cx, s, SnapshotStatus::Available, None).await }.boxed()
}

fn fail<'a>(cx: &'a StepContext, s: &'a mut SnapshotTake) -> BoxFuture<'a, StepResult> {
    async move {
        let reason = cx.reason.as_ref().map(ToString::to_string);
        end_take(cx, s, SnapshotStatus::Error, reason.as_deref()).await
    }
    .boxed()
}

/// Ends the taking; the volume is released in the same transaction, once.
async fn end_take(
    cx: &StepContext,
    s: &SnapshotTake,
    status: SnapshotStatus,
    error: Option<&str>,
) -> StepResult {
    let mut tx = cx.db.begin().await?;
    let from = [SnapshotStatus::Creating];
    if !store::snapshot_status(&mut tx, s.snapshot, &from, status, error).await? {
        return Ok(Flow::Next);
    }
    let volume = release_on_conn(&mut tx, s.volume).await?;
    tx.commit().await?;
    let project = volume.as_ref().map(|volume| volume.project);
    tell(cx, volume);
    cx.events
        .changed("volume_snapshot", s.snapshot, project, Change::Updated);
    Ok(Flow::Next)
}

fn remove<'a>(cx: &'a StepContext, s: &'a mut SnapshotRemove) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some(host) = &s.host {
            let request = VolumeSnapshotRemove {
                id: s.volume,
                snapshot: s.snapshot,
            };
            cx.call(host, &request, QUICK).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn forget<'a>(cx: &'a StepContext, s: &'a mut SnapshotRemove) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        if store::snapshot_show(&mut tx, s.snapshot).await?.is_none() {
            return Ok(Flow::Next);
        }
        store::snapshot_delete(&mut tx, s.snapshot).await?;
        let volume = release_on_conn(&mut tx, s.volume).await?;
        tx.commit().await?;
        let project = volume.as_ref().map(|volume| volume.project);
        tell(cx, volume);
        cx.events
            .changed("volume_snapshot", s.snapshot, project, Change::Deleted);
        Ok(Flow::Next)
    }
    .boxed()
}
