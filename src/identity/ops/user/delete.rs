//! Deleting a user.

use crate::context::{Change, Context};
use crate::db::{Conn, DbResult};
use crate::error::{Error, Result};
use crate::identity::model::Holder;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::UserId;

/// Deletes a user with its assignments, memberships, application credentials and tokens.
pub async fn user_delete(cx: &Context, id: UserId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let user = store::user::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user", id))?;
    delete_on_conn(&mut tx, id).await?;
    let done = Done::new("user_delete", "user", id, &user.name, Change::Deleted);
    change::commit_safely(cx, tx, done).await
}

pub(in crate::identity::ops) async fn delete_on_conn(conn: &mut Conn, id: UserId) -> DbResult<()> {
    store::assignment::delete_of_holder(conn, Holder::User(id)).await?;
    store::user::delete(conn, id).await
}
