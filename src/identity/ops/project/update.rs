//! Changing a project.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{Project, ProjectChange};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::ProjectId;

/// Changes a project. Disabling it makes void all tokens for it.
pub async fn project_update(cx: &Context, id: ProjectId, wanted: ProjectChange) -> Result<Project> {
    let mut tx = cx.db.begin().await?;
    let mut project = store::project::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("project", id))?;
    if let Some(name) = wanted.name {
        check::name("project.name", &name)?;
        project.name = name;
    }
    if let Some(description) = wanted.description {
        check::text("project.description", &description)?;
        project.description = description;
    }
    if let Some(tags) = wanted.tags {
        check::tags("project.tags", &tags)?;
        project.tags = tags;
    }
    if let Some(enabled) = wanted.enabled {
        if project.enabled && !enabled {
            project.generation += 1;
        }
        project.enabled = enabled;
    }
    store::project::update(&mut tx, &project)
        .await
        .map_err(|error| change::taken(error, "project", &project.name))?;
    let done = Done::new(
        "project_update",
        "project",
        id,
        &project.name,
        Change::Updated,
    )
    .heard_by(id);
    change::commit_safely(cx, tx, done).await?;
    Ok(project)
}
