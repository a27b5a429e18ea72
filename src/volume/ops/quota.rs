//! How many volumes, snapshots and GiB a project may have. Counted when asked, never kept.

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::ProjectId;
use crate::volume::model::Usage;
use crate::volume::store;

/// What a project has.
pub async fn quota_usage(cx: &Context, project: ProjectId) -> Result<Usage> {
    cx.check_owner(project, "project", project)?;
    let mut conn = cx.db.read().await?;
    Ok(store::usage(&mut conn, project).await?)
}

/// Fails unless the project may have so much more, and `size_gb` in one volume; others who ask so wait until this
/// transaction ends.
pub(super) async fn room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    more: Usage,
    size_gb: u64,
) -> Result<()> {
    conn.take_turn(&format!("volume:{project}")).await?;
    let used = store::usage(conn, project).await?;
    let size = i64::try_from(size_gb).unwrap_or(i64::MAX);
    for (resource, wanted, used) in [
        ("volumes", more.volumes, used.volumes),
        ("gigabytes", more.gigabytes, used.gigabytes),
        ("snapshots", more.snapshots, used.snapshots),
        ("per_volume_gigabytes", size, 0),
    ] {
        let limit = quota_limit_on_conn(conn, cx, project, resource).await?;
        quota_check(resource, wanted, used, limit)?;
    }
    Ok(())
}
