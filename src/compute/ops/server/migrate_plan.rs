//! Where a server could be moved to: what the scheduler would say now, host by host. Nothing is changed.

use super::access::visible_on_conn;
use super::migrate_live::claimed_on_conn;
use super::move_order::move_order_on_conn;
use crate::compute::model::Consumer;
use crate::compute::ops::{PlaceOrder, place_plan};
use crate::compute::scheduler::Decision;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};

/// What the scheduler would decide if the server had to leave its host now. Whether its state lets it be moved is not asked.
pub async fn server_migrate_plan(cx: &Context, id: ServerId) -> Result<Decision> {
    let mut conn = cx.db.read().await?;
    let server = visible_on_conn(&mut conn, cx, id).await?;
    let resources = claimed_on_conn(&mut conn, &server).await?;
    // In the name of an operation that will never be: what it has where it is does not count there.
    let consumer = Consumer::Operation(OperationId::new());
    let order = PlaceOrder {
        excluded: server.host.clone().into_iter().collect(),
        ..move_order_on_conn(&mut conn, &server, consumer, resources).await?
    };
    drop(conn);
    place_plan(cx, &order).await
}
