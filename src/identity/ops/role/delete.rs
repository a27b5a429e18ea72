//! Deleting a role.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::RoleId;

/// Deletes a role and takes it from whoever held it. The built-in ones stay.
pub async fn role_delete(cx: &Context, id: RoleId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let role = store::role::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("role", id))?;
    if role.is_built_in() {
        return Err(Error::Forbidden(format!(
            "the role {} is part of the cloud and can not be deleted",
            role.name
        )));
    }
    store::role::delete(&mut tx, id).await?;
    let done = Done::new("role_delete", "role", id, &role.name, Change::Deleted);
    change::commit(cx, tx, done).await
}
