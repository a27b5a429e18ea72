//! Servers by the page. One statement for the servers, and one each for the labels, addresses, security groups and volumes of the page,
//! however many servers there are.

use std::collections::BTreeMap;

use crate::compute::model::{Server, ServerQuery, ServerView, status};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, ServerId};

/// Servers on one page at most.
pub const PAGE_MAX: u32 = 1000;

/// Servers with what hangs on them.
pub async fn server_list(cx: &Context, query: ServerQuery) -> Result<Vec<ServerView>> {
    let mut conn = cx.db.read().await?;
    let servers = page_on_conn(&mut conn, cx, query).await?;
    views_on_conn(&mut conn, servers).await
}

/// Servers alone.
pub async fn server_list_brief(cx: &Context, query: ServerQuery) -> Result<Vec<Server>> {
    let mut conn = cx.db.read().await?;
    page_on_conn(&mut conn, cx, query).await
}

/// How many servers there are of each status, by its name.
pub async fn server_counts(cx: &Context, all_projects: bool) -> Result<BTreeMap<String, u64>> {
    let project = cx.listed_project(all_projects)?;
    let mut conn = cx.db.read().await?;
    let mut counts = BTreeMap::new();
    for (vm, task, count) in store::server_page::counts(&mut conn, project).await? {
        *counts
            .entry(status(vm, task).name().to_owned())
            .or_insert(0) += u64::try_from(count).unwrap_or(0);
    }
    Ok(counts)
}

/// Every server that is not deleted: its id, project and name. Whether whoever asks may see them is for them to check.
pub async fn server_owners(cx: &Context) -> Result<Vec<(ServerId, ProjectId, String)>> {
    let mut conn = cx.db.read().await?;
    Ok(store::server_page::owners(&mut conn).await?)
}

async fn page_on_conn(
    conn: &mut Conn,
    cx: &Context,
    mut query: ServerQuery,
) -> Result<Vec<Server>> {
    if let Some(own) = cx.visible_project()? {
        query.project = Some(own);
    }
    query.limit = query.limit.clamp(1, PAGE_MAX);
    let marker = query.marker;
    store::server_page::page(conn, &query)
        .await?
        .ok_or_else(|| {
            let marker = marker.map(|id| id.to_string()).unwrap_or_default();
            Error::invalid("marker", format!("there is no server {marker}"))
        })
}

/// Adds what hangs on the servers.
pub async fn views_on_conn(conn: &mut Conn, servers: Vec<Server>) -> Result<Vec<ServerView>> {
    let ids: Vec<ServerId> = servers.iter().map(|server| server.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut tags = store::server_tag::of(conn, &ids).await?;
    let mut volumes = store::server_link::volumes_of(conn, &ids).await?;
    let mut addresses = super::ports::addresses_on_conn(conn, &ids).await?;
    let mut groups = super::security_groups::group_names_on_conn(conn, &ids).await?;
    Ok(servers
        .into_iter()
        .map(|server| ServerView {
            tags: tags.remove(&server.id).unwrap_or_default(),
            volumes: volumes.remove(&server.id).unwrap_or_default(),
            groups: groups.remove(&server.id).unwrap_or_default(),
            addresses: addresses.remove(&server.id).unwrap_or_default(),
            server,
        })
        .collect())
}
