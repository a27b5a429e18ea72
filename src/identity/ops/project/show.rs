//! Looking at a project.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Project;
use crate::identity::store;
use crate::ids::ProjectId;

/// One project. Whoever holds no role on it does not find it, administrators aside.
pub async fn project_show(cx: &Context, id: ProjectId) -> Result<Project> {
    let missing = || Error::not_found("project", id);
    let mut conn = cx.db.read().await?;
    let project = store::project::show(&mut conn, id).await?;
    let project = project.ok_or_else(missing)?;
    if cx.actor.is_admin() {
        return Ok(project);
    }
    let user = cx.actor.user.ok_or_else(missing)?;
    let own = store::assignment::projects_of(&mut conn, user).await?;
    if own.contains(&id) {
        Ok(project)
    } else {
        Err(missing())
    }
}
