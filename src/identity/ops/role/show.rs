//! Looking at a role.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Role;
use crate::identity::store;
use crate::ids::RoleId;

/// One role.
pub async fn role_show(cx: &Context, id: RoleId) -> Result<Role> {
    let mut conn = cx.db.read().await?;
    store::role::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("role", id))
}
