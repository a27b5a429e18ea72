//! Deleting a project.

use crate::context::{Change, Context};
use crate::db::{Conn, DbResult};
use crate::error::{Error, Result};
use crate::identity::model::Target;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::ProjectId;

/// Deletes a project that has none below it, with its assignments, quotas and application credentials. What it owns in
/// other services stays for an administrator to delete, as in Keystone.
pub async fn project_delete(cx: &Context, id: ProjectId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    // From here on nobody makes a project below it.
    tx.take_turn("identity:projects").await?;
    let project = store::project::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("project", id))?;
    if store::project::has_children(&mut tx, id).await? {
        return Err(Error::Forbidden(format!(
            "the project {} has projects below it; delete those first",
            project.name
        )));
    }
    delete_on_conn(&mut tx, id).await?;
    let done = Done::new(
        "project_delete",
        "project",
        id,
        &project.name,
        Change::Deleted,
    )
    .heard_by(id);
    change::commit_safely(cx, tx, done).await
}

pub(in crate::identity::ops) async fn delete_on_conn(
    conn: &mut Conn,
    id: ProjectId,
) -> DbResult<()> {
    store::assignment::delete_of_target(conn, Target::Project(id)).await?;
    store::app_credential::delete_of_project(conn, id).await?;
    store::quota::delete_of_project(conn, id).await?;
    store::project::delete(conn, id).await
}
