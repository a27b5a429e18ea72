//! Listing users.

use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{User, UserQuery};
use crate::identity::store;

/// Users by name.
pub async fn user_list(cx: &Context, query: &UserQuery) -> Result<Vec<User>> {
    let mut conn = cx.db.read().await?;
    Ok(store::user::list(&mut conn, query).await?)
}
