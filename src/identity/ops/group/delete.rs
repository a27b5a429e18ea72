//! Deleting a group.

use crate::context::{Change, Context};
use crate::db::{Conn, DbResult};
use crate::error::{Error, Result};
use crate::identity::model::Holder;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::GroupId;

/// Deletes a group; its members lose the roles that they had by it.
pub async fn group_delete(cx: &Context, id: GroupId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let group = store::group::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("group", id))?;
    delete_on_conn(&mut tx, id).await?;
    let done = Done::new("group_delete", "group", id, &group.name, Change::Deleted);
    change::commit_safely(cx, tx, done).await
}

pub(in crate::identity::ops) async fn delete_on_conn(conn: &mut Conn, id: GroupId) -> DbResult<()> {
    store::assignment::delete_of_holder(conn, Holder::Group(id)).await?;
    store::group::delete(conn, id).await
}
