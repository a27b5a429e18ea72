//! Listing groups.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{Group, GroupQuery};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::UserId;

/// Groups by name.
pub async fn group_list(cx: &Context, query: &GroupQuery) -> Result<Vec<Group>> {
    let mut conn = cx.db.read().await?;
    Ok(store::group::list(&mut conn, query).await?)
}

/// Groups that the user is in. For the user itself and for administrators.
pub async fn group_list_of_user(cx: &Context, user: UserId) -> Result<Vec<Group>> {
    check::self_or_admin(cx, user)?;
    let mut conn = cx.db.read().await?;
    if store::user::show(&mut conn, user).await?.is_none() {
        return Err(Error::not_found("user", user));
    }
    let query = GroupQuery {
        member: Some(user),
        ..GroupQuery::default()
    };
    Ok(store::group::list(&mut conn, &query).await?)
}
