//! Making a user.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{User, UserNew};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// Makes a user.
pub async fn user_create(cx: &Context, new: UserNew) -> Result<User> {
    check::name("user.name", &new.name)?;
    check::text(
        "user.description",
        new.description.as_deref().unwrap_or_default(),
    )?;
    check::email("user.email", new.email.as_deref().unwrap_or_default())?;
    let hash = match &new.password {
        Some(password) => {
            check::new_password("user.password", password)?;
            Some(cx.identity.passwords.hash(password).await?)
        }
        None => None,
    };
    let own = cx.actor.project.as_ref().map(|scope| scope.domain_id);
    let user = User {
        id: UserId::new(),
        domain_id: new.domain_id.or(own).unwrap_or_default(),
        name: new.name,
        enabled: new.enabled,
        default_project_id: new.default_project_id,
        description: new.description,
        email: new.email,
        generation: 0,
    };
    let mut tx = cx.db.begin().await?;
    if store::domain::show(&mut tx, user.domain_id)
        .await?
        .is_none()
    {
        return Err(Error::not_found("domain", user.domain_id));
    }
    if let Some(project) = user.default_project_id
        && store::project::show(&mut tx, project).await?.is_none()
    {
        return Err(Error::not_found("project", project));
    }
    store::user::insert(&mut tx, &user, hash.as_deref())
        .await
        .map_err(|error| change::taken(error, "user", &user.name))?;
    let done = Done::new("user_create", "user", user.id, &user.name, Change::Created);
    change::commit(cx, tx, done).await?;
    Ok(user)
}
