//! A new server's place in a group.

use super::server_group_list::server_group_on_conn;
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::{ServerGroupId, ServerId};

/// The field of a request that names the group.
const FIELD: &str = "os:scheduler_hints.group";

/// Succeeds if a project may put so many more servers into the group.
pub(super) async fn server_group_room_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: ServerGroupId,
    more: u32,
) -> Result<()> {
    let group = match server_group_on_conn(conn, cx, id).await {
        Err(Error::NotFound { .. }) => {
            return Err(Error::invalid(
                FIELD,
                format!("there is no server group {id}"),
            ));
        }
        other => other?,
    };
    let limit = quota_limit_on_conn(conn, cx, group.project, "server_group_members").await?;
    let used = i64::try_from(group.members.len()).unwrap_or(i64::MAX);
    quota_check("server_group_members", more.into(), used, limit)
}

/// Puts a server that is being written into the group.
pub(super) async fn server_group_join_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: ServerGroupId,
    server: ServerId,
) -> Result<()> {
    // Whoever else fills it waits, so that the quota holds.
    store::server_group::lock(conn, id).await?;
    server_group_room_on_conn(conn, cx, id, 1).await?;
    Ok(store::server_group::member_add(conn, id, server).await?)
}
