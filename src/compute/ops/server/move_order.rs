//! What is asked of the scheduler for a server, at its launch and whenever it has to go elsewhere.
//!
//! Whatever the launch asked, by flavor, image and hints, goes on being asked. What a group asks the scheduler finds itself,
//! and what an administrator asks of one move only (a host, another zone's above all) is added to this, not put in its
//! place.

use crate::compute::model::{Consumer, PlaceWish, Resources, Server};
use crate::compute::ops::PlaceOrder;
use crate::compute::store;
use crate::context::Context;
use crate::db::{Conn, DbResult};

/// A host for a server that is wanted there.
pub(in crate::compute) fn launch_order(
    server: &Server,
    resources: Resources,
    wish: PlaceWish,
) -> PlaceOrder {
    of(server, Consumer::Server(server.id), resources, wish)
}

/// A host for a server that has one, in this one's name.
pub(in crate::compute) async fn move_order(
    cx: &Context,
    server: &Server,
    consumer: Consumer,
    resources: Resources,
) -> DbResult<PlaceOrder> {
    let mut conn = cx.db.read().await?;
    move_order_on_conn(&mut conn, server, consumer, resources).await
}

/// The same on a connection that is held already.
pub(in crate::compute) async fn move_order_on_conn(
    conn: &mut Conn,
    server: &Server,
    consumer: Consumer,
    resources: Resources,
) -> DbResult<PlaceOrder> {
    let mut wish = store::server_wish::show(conn, server.id).await?;
    // It was wanted beside servers that are all gone: then there is nothing to be beside.
    if !wish.same_host.is_empty() {
        let claims = store::claim::of_servers(conn, &wish.same_host).await?;
        if claims.is_empty() {
            wish.same_host.clear();
        }
    }
    Ok(of(server, consumer, resources, wish))
}

fn of(server: &Server, consumer: Consumer, resources: Resources, wish: PlaceWish) -> PlaceOrder {
    PlaceOrder {
        project: Some(server.project),
        flavor: server.flavor.name.clone(),
        image: server.image,
        extra_specs: server.flavor.extra_specs.clone(),
        image_properties: server.image_properties(),
        wish,
        ..PlaceOrder::new(consumer, server.id, resources)
    }
}
