//! Looking at a user.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::User;
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// One user. Users may look at themselves, administrators at all.
pub async fn user_show(cx: &Context, id: UserId) -> Result<User> {
    check::self_or_admin(cx, id)?;
    let mut conn = cx.db.read().await?;
    store::user::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("user", id))
}
