//! Making a role.

use crate::context::{Change, Context};
use crate::error::Result;
use crate::identity::model::{Role, RoleNew};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::RoleId;

/// Makes a role. By itself it allows nothing; it does so by the built-in roles that it implies.
pub async fn role_create(cx: &Context, new: RoleNew) -> Result<Role> {
    check::name("role.name", &new.name)?;
    check::text(
        "role.description",
        new.description.as_deref().unwrap_or_default(),
    )?;
    let role = Role {
        id: RoleId::new(),
        name: new.name,
        description: new.description,
    };
    let mut tx = cx.db.begin().await?;
    store::role::insert(&mut tx, &role)
        .await
        .map_err(|error| change::taken(error, "role", &role.name))?;
    let done = Done::new("role_create", "role", role.id, &role.name, Change::Created);
    change::commit(cx, tx, done).await?;
    Ok(role)
}
