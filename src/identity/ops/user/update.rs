//! Changing a user.

use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::memory::Claimed;
use crate::identity::model::{User, UserChange};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// Changes a user. Disabling it or setting its password makes void all its tokens; a new password also ends a lockout.
pub async fn user_update(cx: &Context, id: UserId, wanted: UserChange) -> Result<User> {
    // Hashing is slow and must not happen inside the transaction.
    let hash = match &wanted.password {
        Some(password) => {
            check::new_password("user.password", password)?;
            Some(cx.identity.passwords.hash(password).await?)
        }
        None => None,
    };
    let mut tx = cx.db.begin().await?;
    let mut user = store::user::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user", id))?;
    apply(&mut tx, &mut user, wanted).await?;
    store::user::update(&mut tx, &user)
        .await
        .map_err(|error| change::taken(error, "user", &user.name))?;
    let has_new_password = hash.is_some();
    if let Some(hash) = hash {
        store::user::set_password(&mut tx, id, &hash).await?;
    }
    let done = Done::new("user_update", "user", id, &user.name, Change::Updated);
    change::commit_safely(cx, tx, done).await?;
    if has_new_password {
        cx.identity.lockouts.succeeded(Claimed::user(id));
    }
    Ok(user)
}

async fn apply(conn: &mut Conn, user: &mut User, wanted: UserChange) -> Result<()> {
    if let Some(name) = wanted.name {
        check::name("user.name", &name)?;
        user.name = name;
    }
    if let Some(enabled) = wanted.enabled {
        if user.enabled && !enabled {
            user.generation += 1;
        }
        user.enabled = enabled;
    }
    if let Some(project) = wanted.default_project_id {
        if let Some(project) = project
            && store::project::show(conn, project).await?.is_none()
        {
            return Err(Error::not_found("project", project));
        }
        user.default_project_id = project;
    }
    if let Some(description) = wanted.description {
        check::text(
            "user.description",
            description.as_deref().unwrap_or_default(),
        )?;
        user.description = description;
    }
    if let Some(email) = wanted.email {
        check::email("user.email", email.as_deref().unwrap_or_default())?;
        user.email = email;
    }
    Ok(())
}
