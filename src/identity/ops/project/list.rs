//! Listing projects.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Project, ProjectQuery};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// Projects by name.
pub async fn project_list(cx: &Context, query: &ProjectQuery) -> Result<Vec<Project>> {
    let mut conn = cx.db.read().await?;
    Ok(store::project::list(&mut conn, query).await?)
}

/// Projects on which the user holds a role. For the user itself and for administrators.
pub async fn project_list_of_user(
    cx: &Context,
    user: UserId,
    mut query: ProjectQuery,
) -> Result<Vec<Project>> {
    check::self_or_admin(cx, user)?;
    let mut conn = cx.db.read().await?;
    if store::user::show(&mut conn, user).await?.is_none() {
        return Err(Error::not_found("user", user));
    }
    query.ids = Some(store::assignment::projects_of(&mut conn, user).await?);
    Ok(store::project::list(&mut conn, &query).await?)
}

/// The enabled projects of enabled domains on which the caller holds a role: those that a token can be had for.
pub async fn project_list_own(cx: &Context) -> Result<Vec<Project>> {
    let user = cx.actor.user.ok_or_else(|| {
        Error::Unauthorized("The request you have made requires authentication.".into())
    })?;
    let query = ProjectQuery {
        enabled: Some(true),
        ..ProjectQuery::default()
    };
    let mut projects = project_list_of_user(cx, user, query).await?;
    let mut conn = cx.db.read().await?;
    let domains = store::domain::list(&mut conn).await?;
    projects.retain(|project| {
        domains
            .iter()
            .any(|domain| domain.id == project.domain_id && domain.enabled)
    });
    Ok(projects)
}
