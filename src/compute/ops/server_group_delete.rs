//! Removing groups of servers.

use super::server_group_create::tell;
use super::server_group_list::server_group_on_conn;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ServerGroupId;

/// Removes a group. Its servers stay where they are; nothing keeps them together or apart any more.
pub async fn server_group_delete(cx: &Context, id: ServerGroupId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let group = server_group_on_conn(&mut tx, cx, id).await?;
    if !store::server_group::delete(&mut tx, id).await? {
        return Err(Error::not_found("server group", id));
    }
    tx.commit().await?;
    tell(cx, &group, Change::Deleted);
    Ok(())
}
