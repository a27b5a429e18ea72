//! `volume_extend`: grow the file, then the row.
//!
//! A running guest's QEMU holds its disks, so it is asked to grow them itself; if the guest turns out not to run, the file
//! is grown directly. The undo only frees the row: a file that is larger than its row says does no harm, and a later
//! extension finds it so.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{QUICK, tell};
use crate::compute::rpc::VolumeResized;
use crate::ids::{ServerId, VolumeId};
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};
use crate::volume::model::{Volume, VolumeEvent, VolumeStatus};
use crate::volume::ops::shift_on_conn;
use crate::volume::rpc::VolumeExtend;
use crate::volume::store;

/// The operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeGrow {
    volume: VolumeId,
    host: Option<String>,
    size_gb: u64,
    /// The server that has it, and that one's node.
    user: Option<(ServerId, String)>,
}

impl VolumeGrow {
    /// Grows this volume, whose row is `extending`.
    pub fn new(volume: &Volume, size_gb: u64, user: Option<(ServerId, String)>) -> Self {
        Self {
            volume: volume.id,
            host: volume.host.clone(),
            size_gb,
            user,
        }
    }
}

impl Saga for VolumeGrow {
    const KIND: &'static str = "volume_extend";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up),
            Step::new("grow", grow),
            Step::new("publish", publish),
        ]
    }
}

fn grow<'a>(cx: &'a StepContext, s: &'a mut VolumeGrow) -> BoxFuture<'a, StepResult> {
    async move {
        if let Some((server, host)) = &s.user {
            let request = VolumeResized {
                id: *server,
                volume: s.volume,
                size_gb: s.size_gb,
            };
            match cx.call(host, &request, QUICK).await {
                Ok(()) => return Ok(Flow::Next),
                // The guest does not run: its disk is a file like any other.
                Err(StepError::Failed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let host = s
            .host
            .clone()
            .ok_or_else(|| StepError::Failed(Failure::new("the volume is on no node")))?;
        let request = VolumeExtend {
            id: s.volume,
            size_gb: s.size_gb,
        };
        cx.call(&host, &request, QUICK).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn publish<'a>(cx: &'a StepContext, s: &'a mut VolumeGrow) -> BoxFuture<'a, StepResult> {
    async move { settle(cx, s.volume, Some(s.size_gb), None).await }.boxed()
}

fn give_up<'a>(cx: &'a StepContext, s: &'a mut VolumeGrow) -> BoxFuture<'a, StepResult> {
    async move {
        let reason = cx.reason.as_ref().map(ToString::to_string);
        settle(cx, s.volume, None, reason).await
    }
    .boxed()
}

/// Ends the extension: with a new size, or without.
async fn settle(
    cx: &StepContext,
    id: VolumeId,
    size_gb: Option<u64>,
    error: Option<String>,
) -> StepResult {
    let mut tx = cx.db.begin().await?;
    let Some(mut volume) = store::show(&mut tx, id).await? else {
        return Ok(Flow::Next);
    };
    if volume.status != VolumeStatus::Extending {
        return Ok(Flow::Next);
    }
    let used = !store::attachments_of_volumes(&mut tx, [id])
        .await?
        .is_empty();
    volume.size_gb = size_gb.unwrap_or(volume.size_gb);
    volume.error = error;
    let event = VolumeEvent::Extended;
    shift_on_conn(&mut tx, &mut volume, event, used, "be extended").await?;
    tx.commit().await?;
    tell(cx, [volume]);
    Ok(Flow::Next)
}
