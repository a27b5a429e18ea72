//! A volume goes with its server.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::volume::store;

/// Another node keeps the volume from now on: both see the same file. Safe to repeat; a volume that is gone is left alone.
pub async fn volume_moved_on_conn(conn: &mut Conn, id: VolumeId, host: &str) -> Result<()> {
    let Some(mut volume) = store::show(conn, id).await? else {
        return Ok(());
    };
    if volume.host.as_deref() == Some(host) {
        return Ok(());
    }
    volume.host = Some(host.to_owned());
    let status = volume.status;
    if store::update(conn, &mut volume, status).await? {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "volume {id} was changed by somebody else at the same time; try again"
    )))
}
