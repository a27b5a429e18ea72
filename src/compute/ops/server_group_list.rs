//! Groups of servers: a project's own; administrators see all.

use crate::compute::model::ServerGroup;
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ServerGroupId, ServerId};

/// Groups on one page at most.
const PAGE: u64 = 1000;

/// A page of groups, oldest first: of the actor's project, or of all.
pub async fn server_group_list(
    cx: &Context,
    all_projects: bool,
    offset: u64,
    limit: u64,
) -> Result<Vec<ServerGroup>> {
    let project = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(
        store::server_group::list(&mut conn, project, signed(offset), signed(limit.min(PAGE)))
            .await?,
    )
}

/// The group with this id, if whoever asks may see it.
pub async fn server_group_show(cx: &Context, id: ServerGroupId) -> Result<ServerGroup> {
    let mut conn = cx.db.read().await?;
    server_group_on_conn(&mut conn, cx, id).await
}

pub(super) async fn server_group_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: ServerGroupId,
) -> Result<ServerGroup> {
    let group = store::server_group::show(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("server group", id))?;
    cx.check_owner(group.project, "server group", id)?;
    Ok(group)
}

/// The group of a server, if it is in one.
pub async fn server_group_of(cx: &Context, server: ServerId) -> Result<Option<ServerGroupId>> {
    let mut conn = cx.db.read().await?;
    Ok(store::server_group::of_server(&mut conn, server).await?)
}
