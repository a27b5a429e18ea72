//! Setting limits of a project.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::ProjectId;

/// Largest limit.
const LARGEST: i64 = i64::MAX >> 10;

/// Sets limits by resource; -1 is none. All of them are set or none.
pub async fn quota_set(cx: &Context, project: ProjectId, limits: &[(&str, i64)]) -> Result<()> {
    for (resource, limit) in limits {
        if !cx.config.quota.contains_key(*resource) {
            return Err(Error::invalid(*resource, "there is no such quota"));
        }
        if !(-1..=LARGEST).contains(limit) {
            return Err(Error::invalid(
                *resource,
                format!("{limit}: 0 to {LARGEST} is allowed, and -1 for no limit"),
            ));
        }
    }
    let mut tx = cx.db.begin().await?;
    let found = store::project::show(&mut tx, project)
        .await?
        .ok_or_else(|| Error::not_found("project", project))?;
    for (resource, limit) in limits {
        store::quota::set(&mut tx, project, resource, *limit).await?;
    }
    let done =
        Done::new("quota_set", "quota", project, &found.name, Change::Updated).heard_by(project);
    change::commit(cx, tx, done).await
}
