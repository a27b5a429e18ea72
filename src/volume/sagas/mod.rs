//! Long-running operations on volumes.

mod grow;
mod make;
mod remove;
mod snapshot;

pub use grow::VolumeGrow;
pub use make::VolumeMake;
pub use remove::VolumeRemove;
pub use snapshot::{SnapshotRemove, SnapshotTake};

use std::time::Duration;

use super::model::{Volume, VolumeEvent};
use super::ops::{shift_on_conn, volume_changed};
use super::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::VolumeId;
use crate::saga::Registry;

/// Time for copying a disk.
const COPY: Duration = Duration::from_secs(6 * 3600);
/// Time for what only changes a file's head.
const QUICK: Duration = Duration::from_secs(300);

/// Makes the kinds of this service known.
pub fn register(registry: &mut Registry) {
    registry.add::<VolumeMake>();
    registry.add::<VolumeRemove>();
    registry.add::<VolumeGrow>();
    registry.add::<SnapshotTake>();
    registry.add::<SnapshotRemove>();
}

/// Lets go of a volume that an operation reserved for itself. Only in the transaction that ends what it was reserved for,
/// or a repeat would take it from whoever reserved it next.
async fn release_on_conn(conn: &mut Conn, id: VolumeId) -> Result<Option<Volume>> {
    let Some(mut volume) = store::show(conn, id).await? else {
        return Ok(None);
    };
    let event = VolumeEvent::Detached;
    if volume.status.next(event, false).is_some() {
        shift_on_conn(conn, &mut volume, event, false, "be released").await?;
    }
    Ok(Some(volume))
}

fn tell(cx: &Context, volumes: impl IntoIterator<Item = Volume>) {
    for volume in volumes {
        volume_changed(cx, &volume, Change::Updated);
    }
}

#[cfg(test)]
pub(super) mod tests;
