//! Making a project.

use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::{Project, ProjectNew};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::{DomainId, ProjectId};

/// Projects above each other (Keystone's bound).
const DEEPEST: usize = 5;

/// Makes a project.
pub async fn project_create(cx: &Context, new: ProjectNew) -> Result<Project> {
    check::name("project.name", &new.name)?;
    check::text("project.description", &new.description)?;
    check::tags("project.tags", &new.tags)?;
    let mut tx = cx.db.begin().await?;
    // From here on nobody deletes the project above.
    tx.take_turn("identity:projects").await?;
    let (domain_id, parent_id) = place(&mut tx, cx, &new).await?;
    let project = Project {
        id: ProjectId::new(),
        domain_id,
        parent_id,
        name: new.name,
        description: new.description,
        enabled: new.enabled,
        tags: new.tags,
        generation: 0,
    };
    store::project::insert(&mut tx, &project)
        .await
        .map_err(|error| change::taken(error, "project", &project.name))?;
    let done = Done::new(
        "project_create",
        "project",
        project.id,
        &project.name,
        Change::Created,
    )
    .heard_by(project.id);
    change::commit(cx, tx, done).await?;
    Ok(project)
}

/// The domain and the project above. Clients name the domain as parent of what is directly below it.
async fn place(
    conn: &mut Conn,
    cx: &Context,
    new: &ProjectNew,
) -> Result<(DomainId, Option<ProjectId>)> {
    let Some(parent) = new.parent.as_deref() else {
        let own = cx.actor.project.as_ref().map(|scope| scope.domain_id);
        let domain = new.domain_id.or(own).unwrap_or_default();
        return match store::domain::show(conn, domain).await? {
            Some(_) => Ok((domain, None)),
            None => Err(Error::not_found("domain", domain)),
        };
    };
    let mismatch = || {
        Error::invalid(
            "project.domain_id",
            "the project above is in another domain",
        )
    };
    if let Ok(domain) = parent.parse::<DomainId>()
        && store::domain::show(conn, domain).await?.is_some()
    {
        return match new.domain_id {
            Some(other) if other != domain => Err(mismatch()),
            _ => Ok((domain, None)),
        };
    }
    let missing = || Error::not_found("project", parent);
    let above: ProjectId = parent.parse().map_err(|_| missing())?;
    let above = store::project::show(conn, above)
        .await?
        .ok_or_else(missing)?;
    if new
        .domain_id
        .is_some_and(|domain| domain != above.domain_id)
    {
        return Err(mismatch());
    }
    let mut depth = 2;
    let mut next = above.parent_id;
    while let Some(id) = next {
        depth += 1;
        if depth > DEEPEST {
            return Err(Error::Forbidden(format!(
                "projects can not be more than {DEEPEST} above each other"
            )));
        }
        next = store::project::show(conn, id)
            .await?
            .and_then(|project| project.parent_id);
    }
    Ok((above.domain_id, Some(above.id)))
}
