//! Changing a role.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{Role, RoleChange};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::RoleId;

/// Changes a role. The built-in ones keep their names.
pub async fn role_update(cx: &Context, id: RoleId, wanted: RoleChange) -> Result<Role> {
    let mut tx = cx.db.begin().await?;
    let mut role = store::role::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("role", id))?;
    if let Some(name) = wanted.name {
        check::name("role.name", &name)?;
        if role.is_built_in() && role.name != name {
            return Err(Error::Forbidden(format!(
                "the role {} is part of the cloud and keeps its name",
                role.name
            )));
        }
        role.name = name;
    }
    if let Some(description) = wanted.description {
        check::text(
            "role.description",
            description.as_deref().unwrap_or_default(),
        )?;
        role.description = description;
    }
    store::role::update(&mut tx, &role)
        .await
        .map_err(|error| change::taken(error, "role", &role.name))?;
    let done = Done::new("role_update", "role", id, &role.name, Change::Updated);
    change::commit(cx, tx, done).await?;
    Ok(role)
}
