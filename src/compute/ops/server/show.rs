//! One server.

use super::access::visible_on_conn;
use super::list::views_on_conn;
use crate::compute::model::ServerView;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// The server with what hangs on it.
pub async fn server_show(cx: &Context, id: ServerId) -> Result<ServerView> {
    let mut conn = cx.db.read().await?;
    let server = visible_on_conn(&mut conn, cx, id).await?;
    let mut views = views_on_conn(&mut conn, vec![server]).await?;
    views.pop().ok_or_else(|| Error::not_found("server", id))
}
