//! Reading limits.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::store;
use crate::ids::ProjectId;

/// The limit of one resource (`cores`, `volumes`, …) for a project; -1 is none.
pub async fn quota_limit_on_conn(
    conn: &mut Conn,
    cx: &Context,
    project: ProjectId,
    resource: &str,
) -> Result<i64> {
    if let Some(limit) = store::quota::show(conn, project, resource).await? {
        return Ok(limit);
    }
    cx.config.quota.get(resource).copied().ok_or_else(|| {
        Error::Internal(format!(
            "there is no quota {resource} in the configuration; see [quota] in config/default.toml"
        ))
    })
}

/// All limits of a project, by resource.
pub async fn quota_limits(cx: &Context, project: ProjectId) -> Result<BTreeMap<String, i64>> {
    cx.check_owner(project, "project", project)?;
    let mut limits = cx.config.quota.clone();
    let mut conn = cx.db.read().await?;
    for (resource, limit) in store::quota::list(&mut conn, project).await? {
        // A resource that a newer version knew is not this one's to tell.
        if let Some(known) = limits.get_mut(&resource) {
            *known = limit;
        }
    }
    Ok(limits)
}

/// The limits of a project that has none of its own.
pub fn quota_defaults(cx: &Context) -> BTreeMap<String, i64> {
    cx.config.quota.clone()
}
