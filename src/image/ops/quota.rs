//! How many bytes a project's images may have. Counted when asked, never kept.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::ProjectId;
use crate::image::store;

/// Bytes of a project's images and the bound; -1 is none.
pub async fn image_bytes(cx: &Context, project: ProjectId) -> Result<(u64, i64)> {
    let mut conn = cx.db.read().await?;
    let used = store::bytes_of(&mut conn, project).await?;
    Ok((used, limit(cx)))
}

fn limit(cx: &Context) -> i64 {
    cx.config.quota.get("image_bytes").copied().unwrap_or(-1)
}

/// Fails unless the project may have `more` bytes; says how many it may have.
pub(super) async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    more: u64,
) -> Result<u64> {
    let Ok(limit) = u64::try_from(limit(cx)) else {
        return Ok(u64::MAX);
    };
    let used = store::bytes_of(conn, project).await?;
    let left = limit.saturating_sub(used);
    if more > left {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        return Err(Error::Quota {
            resource: "image_bytes",
            wanted: signed(more),
            used: signed(used),
            limit: signed(limit),
        });
    }
    Ok(left)
}
