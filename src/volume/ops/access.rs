//! Who may see a volume, and the one way in which its status changes.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::VolumeId;
use crate::saga::Target;
use crate::volume::model::{Volume, VolumeEvent};
use crate::volume::store;

/// One volume that the actor may see.
pub async fn volume_show(cx: &Context, id: VolumeId) -> Result<Volume> {
    let mut conn = cx.db.read().await?;
    own_on_conn(&mut conn, cx, id).await
}

/// The volume, if it is of the actor's project; otherwise it does not exist.
pub(super) async fn own_on_conn(conn: &mut Conn, cx: &Context, id: VolumeId) -> Result<Volume> {
    let volume = store::show(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("volume", id))?;
    cx.check_owner(volume.project, "volume", id)?;
    Ok(volume)
}

/// Lets an event happen to the volume and stores all of it. The error says which status forbids it; `what` says what was
/// wanted (`be attached`).
pub(in crate::volume) async fn shift_on_conn(
    conn: &mut Conn,
    volume: &mut Volume,
    event: VolumeEvent,
    used: bool,
    what: &str,
) -> Result<()> {
    let was = volume.status;
    let Some(next) = was.next(event, used) else {
        let users = if used { " and a server has it" } else { "" };
        return Err(Error::BadRequest(format!(
            "volume {} is {was}{users}; it can not {what} now",
            volume.id
        )));
    };
    volume.status = next;
    if store::update(conn, volume, was).await? {
        Ok(())
    } else {
        volume.status = was;
        Err(Error::conflict(format!(
            "volume {} changed meanwhile; look at it again",
            volume.id
        )))
    }
}

/// The volume as what an operation changes. `id` is its id as text.
pub(in crate::volume) fn target<'a>(volume: &'a Volume, id: &'a str) -> Target<'a> {
    Target {
        kind: "volume",
        id,
        name: if volume.name.is_empty() {
            id
        } else {
            &volume.name
        },
        host: volume.host.as_deref(),
        project: Some(volume.project),
    }
}
