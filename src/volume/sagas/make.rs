//! `volume_create`: place, make the file, make it available.
//!
//! A node that refuses is excluded and another one tried, unless the source's file binds the volume to its node. When it
//! fails, the row stays, in `error` and with the reason, as Cinder has it. **The undos touch only a volume that is still
//! `creating`:** once it is published, or being deleted, it belongs to others.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{COPY, QUICK, release_on_conn, tell};
use crate::bus::{CallError, FaultKind};
use crate::db::Conn;
use crate::hypervisor::spec::DiskFormat;
use crate::ids::VolumeId;
use crate::image::ops::image_served;
use crate::saga::{Failure, Flow, Saga, Step, StepContext, StepError, StepResult};
use crate::volume::model::{FileFormat, Volume, VolumeEvent, VolumeStatus, place};
use crate::volume::ops::{candidates_on_conn, shift_on_conn};
use crate::volume::rpc::{VolumeConnection, VolumeContent, VolumeCreate, VolumeDelete};
use crate::volume::store;

/// The operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeMake {
    volume: VolumeId,
    size_gb: u64,
    content: VolumeContent,
    /// The volume that is reserved meanwhile.
    held: Option<VolumeId>,
    /// The node that it must be on.
    bound: Option<String>,
    host: Option<String>,
    /// Nodes that failed, and what they said.
    failed: Vec<(String, String)>,
    connection: Option<VolumeConnection>,
}

impl VolumeMake {
    /// Makes this volume, whose row is `creating`.
    pub fn new(
        volume: &Volume,
        content: VolumeContent,
        held: Option<VolumeId>,
        bound: Option<String>,
    ) -> Self {
        Self {
            volume: volume.id,
            size_gb: volume.size_gb,
            content,
            held,
            bound,
            host: None,
            failed: Vec::new(),
            connection: None,
        }
    }
}

impl Saga for VolumeMake {
    const KIND: &'static str = "volume_create";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(fail),
            Step::new("place", choose).undo(leave).restart(),
            Step::new("make", make).undo(unmake),
            Step::new("publish", publish),
        ]
    }
}

/// The volume, if it still is this operation's to undo.
async fn unpublished(conn: &mut Conn, s: &VolumeMake) -> Result<Option<Volume>, StepError> {
    let found = store::show(conn, s.volume).await?;
    Ok(found.filter(|volume| volume.status == VolumeStatus::Creating))
}

/// Writes the reason on the row, and lets go of the source.
fn fail<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        let Some(mut volume) = unpublished(&mut tx, s).await? else {
            return Ok(Flow::Next);
        };
        volume.error = cx.reason.as_ref().map(ToString::to_string);
        let event = VolumeEvent::CreateFailed;
        shift_on_conn(&mut tx, &mut volume, event, false, "fail").await?;
        let held = match s.held {
            Some(held) => release_on_conn(&mut tx, held).await?,
            None => None,
        };
        tx.commit().await?;
        tell(cx, [Some(volume), held].into_iter().flatten());
        Ok(Flow::Next)
    }
    .boxed()
}

fn choose<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        let Some(mut volume) = store::show(&mut tx, s.volume).await? else {
            return Err(StepError::Failed(Failure::new(
                "the volume was deleted meanwhile",
            )));
        };
        let mut candidates = candidates_on_conn(&mut tx, cx).await?;
        if volume.host.is_some() && volume.host == s.host {
            return Ok(Flow::Next);
        }
        if candidates.is_empty() {
            // A control process that has just started has not heard of its nodes yet.
            return Err(StepError::Retry(
                "no node that keeps volumes has reported lately".into(),
            ));
        }
        candidates.retain(|one| {
            !s.failed.iter().any(|(host, _)| *host == one.host)
                && s.bound.as_ref().is_none_or(|bound| *bound == one.host)
        });
        let ratio = cx.config.volume.max_over_subscription_ratio;
        let chosen = place(&candidates, s.size_gb, ratio)
            .map_err(|reason| nowhere(&s.failed, candidates.is_empty(), reason))?;
        let was = volume.status;
        volume.host = Some(chosen.host.clone());
        if was != VolumeStatus::Creating || !store::update(&mut tx, &mut volume, was).await? {
            return Err(StepError::Failed(Failure::new(format!(
                "the volume is {was}, no longer creating"
            ))));
        }
        s.host = Some(chosen.host.clone());
        tx.commit().await?;
        tell(cx, [volume]);
        Ok(Flow::Next)
    }
    .boxed()
}

/// Why there is no node for it: what those that were tried said, and why no other will do if there is one.
fn nowhere(failed: &[(String, String)], no_other: bool, reason: String) -> StepError {
    let mut said: Vec<String> = failed
        .iter()
        .map(|(host, reason)| format!("{host}: {reason}"))
        .collect();
    if said.is_empty() || !no_other {
        said.push(reason);
    }
    StepError::Failed(
        Failure::new(said.join("; "))
            .hint("delete volumes that are not needed, or give a node more disk"),
    )
}

/// Takes the row off its node, which is not tried again.
fn leave<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let mut tx = cx.db.begin().await?;
        if let Some(mut volume) = unpublished(&mut tx, s).await? {
            volume.host = None;
            store::update(&mut tx, &mut volume, VolumeStatus::Creating).await?;
        }
        tx.commit().await?;
        if let Some(host) = s.host.take() {
            let reason = cx.reason.as_ref().map(ToString::to_string);
            s.failed.push((host, reason.unwrap_or_default()));
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn host(s: &VolumeMake) -> Result<String, StepError> {
    s.host
        .clone()
        .ok_or_else(|| StepError::Failed(Failure::new("the operation lost its node")))
}

fn make<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let host = host(s)?;
        let content = match s.content.clone() {
            VolumeContent::Image(source) => VolumeContent::Image(image_served(cx, source).await?),
            other => other,
        };
        let request = VolumeCreate {
            id: s.volume,
            size_gb: s.size_gb,
            content,
        };
        match cx.call(&host, &request, COPY).await {
            Ok(connection) => {
                s.connection = Some(connection);
                Ok(Flow::Next)
            }
            Err(StepError::Failed(failure)) if s.bound.is_none() => {
                Err(StepError::Elsewhere(failure))
            }
            Err(error) => Err(error),
        }
    }
    .boxed()
}

fn unmake<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let host = host(s)?;
        let mut conn = cx.db.read().await?;
        if unpublished(&mut conn, s).await?.is_none() {
            return Ok(Flow::Next);
        }
        drop(conn);
        let request = VolumeDelete { id: s.volume };
        match cx.ask(&host, &request, QUICK).await {
            Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => {}
            other => other?,
        }
        s.connection = None;
        Ok(Flow::Next)
    }
    .boxed()
}

fn publish<'a>(cx: &'a StepContext, s: &'a mut VolumeMake) -> BoxFuture<'a, StepResult> {
    async move {
        let connection = s
            .connection
            .clone()
            .ok_or_else(|| StepError::Failed(Failure::new("the operation lost its file")))?;
        let mut tx = cx.db.begin().await?;
        let Some(mut volume) = store::show(&mut tx, s.volume).await? else {
            return Err(StepError::Failed(Failure::new(
                "the volume was deleted meanwhile",
            )));
        };
        if volume.path.is_some() && volume.status != VolumeStatus::Creating {
            return Ok(Flow::Next);
        }
        volume.path = Some(connection.path.display().to_string());
        volume.format = Some(match connection.format {
            DiskFormat::Raw => FileFormat::Raw,
            DiskFormat::Qcow2 => FileFormat::Qcow2,
        });
        let event = VolumeEvent::Created;
        shift_on_conn(&mut tx, &mut volume, event, false, "become available").await?;
        let held = match s.held {
            Some(held) => release_on_conn(&mut tx, held).await?,
            None => None,
        };
        tx.commit().await?;
        tell(cx, [Some(volume), held].into_iter().flatten());
        Ok(Flow::Next)
    }
    .boxed()
}
