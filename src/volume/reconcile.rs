//! Compares a node's files with the rows. What it finds is told, never repaired behind an operation's back; the one thing
//! it does is to begin the removal of a file whose volume is deleted, and that only because the row says so.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::{FutureExt, TryFutureExt};

use super::model::VolumeStatus;
use super::rpc::{VolumeDelete, VolumeReport};
use super::store;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::{ProjectId, Time, VolumeId};
use crate::reconcile::Periodic;

/// How long the row of a deleted volume is kept.
const KEEP_DAYS: i64 = 30;
/// Time for removing a file.
const REMOVE: Duration = Duration::from_secs(60);

/// What differs between a node's files and the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Files of no volume.
    pub orphans: Vec<VolumeId>,
    /// Files of volumes that are on another node.
    pub strays: Vec<VolumeId>,
    /// Files of deleted volumes.
    pub deleted: Vec<VolumeId>,
    /// Volumes that should have a file there and have none, and their projects.
    pub missing: Vec<(VolumeId, ProjectId)>,
}

/// Pure: a node's files against the rows.
pub(super) fn difference(host: &str, files: &[VolumeId], rows: &[store::Place]) -> Difference {
    let by_id: HashMap<VolumeId, &store::Place> = rows.iter().map(|row| (row.id, row)).collect();
    let there: HashSet<VolumeId> = files.iter().copied().collect();
    let mut found = Difference::default();
    for id in files {
        match by_id.get(id) {
            None => found.orphans.push(*id),
            Some(row) if row.deleted => found.deleted.push(*id),
            // One that is being made may be where an earlier try left it: its operation knows.
            Some(row) if row.status == VolumeStatus::Creating => {}
            Some(row) if row.host.as_deref() != Some(host) => found.strays.push(*id),
            Some(_) => {}
        }
    }
    let settled = |status: VolumeStatus| {
        matches!(
            status,
            VolumeStatus::Available
                | VolumeStatus::Reserved
                | VolumeStatus::Attaching
                | VolumeStatus::InUse
                | VolumeStatus::Detaching
                | VolumeStatus::Extending
        )
    };
    for row in rows {
        let here = row.host.as_deref() == Some(host) && !row.deleted && settled(row.status);
        if here && !there.contains(&row.id) {
            found.missing.push((row.id, row.project));
        }
    }
    found
}

/// Compares a report with the rows, tells what differs, and has files of deleted volumes removed.
pub(super) async fn compare(cx: &Context, report: &VolumeReport) -> Result<()> {
    let Some(files) = &report.files else {
        return Ok(());
    };
    let mut conn = cx.db.read().await?;
    let rows = store::places(&mut conn).await?;
    drop(conn);
    let mut found = difference(&report.host, files, &rows);
    if report.is_shared {
        // The node that keeps them has the same files.
        found.strays.clear();
    }
    for id in &found.deleted {
        let request = VolumeDelete { id: *id };
        if let Err(error) = cx.bus.call(&report.host, None, &request, REMOVE).await {
            tracing::warn!(volume = %id, %error, "the file of a deleted volume stays for now");
        }
    }
    let host = &report.host;
    for id in &found.orphans {
        tell(
            cx,
            *id,
            None,
            format!(
                "{host} has a file of volume {id}, which is not known; look at it and remove it"
            ),
        );
    }
    for id in &found.strays {
        tell(
            cx,
            *id,
            None,
            format!(
                "{host} has a file of volume {id}, which is on another node; look at it and remove it"
            ),
        );
    }
    for (id, project) in &found.missing {
        tell(
            cx,
            *id,
            Some(*project),
            format!("the file of volume {id} is not on {host} any more"),
        );
    }
    Ok(())
}

fn tell(cx: &Context, id: VolumeId, project: Option<ProjectId>, message: String) {
    tracing::warn!(volume = %id, "{message}");
    cx.events
        .publish(Event::new("volume", id, project, Change::Updated).saying(message));
}

/// Recurring work of this service.
pub fn periodic() -> Vec<Periodic> {
    vec![Periodic {
        name: "volume_prune",
        every: Duration::from_secs(3600),
        run: |cx| prune(cx).map_ok(|_| ()).boxed(),
    }]
}

/// Forgets volumes that were deleted long ago; says how many.
async fn prune(cx: &Context) -> Result<u64> {
    let mut tx = cx.db.begin().await?;
    let before = Time::now().plus_seconds(-KEEP_DAYS * 86_400);
    let gone = store::prune(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_really_differs_is_told() {
        let ids: Vec<VolumeId> = (0..7).map(|_| VolumeId::new()).collect();
        let project = ProjectId::new();
        let row = |at: usize, status, host: &str, deleted| store::Place {
            id: ids[at],
            project,
            status,
            host: Some(host.to_owned()),
            deleted,
        };
        let rows = [
            row(0, VolumeStatus::InUse, "n1", false),
            row(1, VolumeStatus::Deleted, "n1", true),
            row(2, VolumeStatus::Available, "n2", false),
            row(3, VolumeStatus::Available, "n1", false),
            row(4, VolumeStatus::Creating, "n1", false),
            row(5, VolumeStatus::Error, "n1", false),
        ];
        let files = [ids[0], ids[1], ids[2], ids[4], ids[6]];
        assert_eq!(
            difference("n1", &files, &rows),
            Difference {
                orphans: vec![ids[6]],
                strays: vec![ids[2]],
                deleted: vec![ids[1]],
                missing: vec![(ids[3], project)],
            }
        );
    }
}
