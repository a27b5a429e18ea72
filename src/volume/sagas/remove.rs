//! `volume_delete`: forward only. The file goes first, then the row says so; a node that is away is asked until it is back.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::QUICK;
use crate::bus::{CallError, FaultKind};
use crate::context::Change;
use crate::ids::VolumeId;
use crate::saga::{Flow, Saga, Step, StepContext, StepResult};
use crate::volume::model::{SnapshotQuery, VolumeEvent};
use crate::volume::ops::{shift_on_conn, volume_changed};
use crate::volume::rpc::VolumeDelete;
use crate::volume::store;

/// The operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeRemove {
    volume: VolumeId,
}

impl VolumeRemove {
    /// Removes this volume, whose row is `deleting`.
    pub fn new(volume: VolumeId) -> Self {
        Self { volume }
    }
}

impl Saga for VolumeRemove {
    const KIND: &'static str = "volume_delete";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("remove", remove).commits(),
            Step::new("forget", forget),
        ]
    }
}

fn remove<'a>(cx: &'a StepContext, s: &'a mut VolumeRemove) -> BoxFuture<'a, StepResult> {
    async move {
        let mut conn = cx.db.read().await?;
        let volume = store::show(&mut conn, s.volume).await?;
        drop(conn);
        if let Some(host) = volume.and_then(|volume| volume.host) {
            let request = VolumeDelete { id: s.volume };
            match cx.ask(&host, &request, QUICK).await {
                Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => {}
                other => other?,
            }
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn forget<'a>(cx: &'a StepContext, s: &'a mut VolumeRemove) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        let Some(mut volume) = store::show(&mut tx, s.volume).await? else {
            return Ok(Flow::Next);
        };
        // They were inside the file.
        let query = SnapshotQuery {
            volume: Some(s.volume),
            limit: u32::MAX,
            ..SnapshotQuery::default()
        };
        for snapshot in store::snapshot_list(&mut tx, &query)
            .await?
            .unwrap_or_default()
        {
            store::snapshot_delete(&mut tx, snapshot.id).await?;
        }
        let event = VolumeEvent::Deleted;
        shift_on_conn(&mut tx, &mut volume, event, false, "be deleted").await?;
        tx.commit().await?;
        volume_changed(cx, &volume, Change::Deleted);
        Ok(Flow::Next)
    }
    .boxed()
}
