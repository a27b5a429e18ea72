//! How many bytes a project's images may have. Counted when asked, never kept.

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::ProjectId;
use crate::image::store;

/// Bytes of a project's images.
pub async fn image_bytes(cx: &Context, project: ProjectId) -> Result<u64> {
    cx.check_owner(project, "project", project)?;
    let mut conn = cx.db.read().await?;
    Ok(store::bytes_of(&mut conn, project).await?)
}

/// Fails unless the project may have `more` bytes; says how many it may have. Others who ask so wait until this transaction
/// ends.
pub(super) async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    more: u64,
) -> Result<u64> {
    conn.take_turn(&format!("image:{project}")).await?;
    let limit = quota_limit_on_conn(conn, cx, project, "image_bytes").await?;
    let used = store::bytes_of(conn, project).await?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    quota_check("image_bytes", signed(more), signed(used), limit)?;
    Ok(u64::try_from(limit).map_or(u64::MAX, |limit| limit.saturating_sub(used)))
}
