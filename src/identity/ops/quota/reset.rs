//! Giving a project the configured limits back.

use crate::context::{Change, Context};
use crate::error::Result;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::ProjectId;

/// Gives these resources of a project their configured limits. It is no error if they had them.
pub async fn quota_reset(cx: &Context, project: ProjectId, resources: &[&str]) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::quota::delete(&mut tx, project, resources).await?;
    let done = Done::new("quota_reset", "quota", project, "", Change::Updated).heard_by(project);
    change::commit(cx, tx, done).await
}
