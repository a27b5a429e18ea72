//! Subnets as the actor may see them: those of networks they see.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::SubnetId;
use crate::network::model::{Subnet, SubnetQuery};
use crate::network::store;

/// Subnets, oldest first.
pub async fn subnet_list(cx: &Context, mut query: SubnetQuery) -> Result<Vec<Subnet>> {
    if let Some(own) = cx.visible_project()? {
        query.visible_to = Some(own);
    }
    let mut conn = cx.db.read().await?;
    Ok(store::subnet::list(&mut conn, &query).await?)
}

/// One subnet.
pub async fn subnet_show(cx: &Context, id: SubnetId) -> Result<Subnet> {
    let mut conn = cx.db.read().await?;
    subnet_show_on_conn(&mut conn, cx, id).await
}

pub(super) async fn subnet_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: SubnetId,
) -> Result<Subnet> {
    let query = SubnetQuery {
        id: Some(id),
        visible_to: cx.visible_project()?,
        ..SubnetQuery::default()
    };
    store::subnet::list(conn, &query)
        .await?
        .pop()
        .ok_or_else(|| Error::not_found("subnet", id))
}
