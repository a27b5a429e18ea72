//! Floating addresses as the actor may see them: those of their project.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::FloatingIpId;
use crate::network::model::FloatingIp;
use crate::network::store;

/// Floating addresses, oldest first.
pub async fn floating_list(cx: &Context) -> Result<Vec<FloatingIp>> {
    let project = cx.visible_project()?;
    let mut conn = cx.db.read().await?;
    Ok(store::floating::list(&mut conn, project).await?)
}

/// One floating address.
pub async fn floating_show(cx: &Context, id: FloatingIpId) -> Result<FloatingIp> {
    let mut conn = cx.db.read().await?;
    floating_show_on_conn(&mut conn, cx, id).await
}

pub(super) async fn floating_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: FloatingIpId,
) -> Result<FloatingIp> {
    let floating = store::floating::find(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("floatingip", id))?;
    cx.check_owner(floating.project, "floatingip", id)?;
    Ok(floating)
}
