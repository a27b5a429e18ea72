//! Deleting routers.

use super::port_delete::port_delete_on_conn;
use super::router_create::router_announce;
use super::router_list::{router_interfaces_on_conn, router_take_on_conn};
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::RouterId;
use crate::network::refusal;
use crate::network::store;

/// Deletes a router without interfaces, and its way out with it.
pub async fn router_delete(cx: &Context, id: RouterId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let router = router_take_on_conn(&mut tx, cx, id).await?;
    if let Some(port) = router_interfaces_on_conn(&mut tx, id).await?.first() {
        return Err(refusal::router_in_use(id, port.id));
    }
    if let Some(gateway) = &router.gateway {
        port_delete_on_conn(&mut tx, gateway.port).await?;
    }
    store::router::delete(&mut tx, id).await?;
    tx.commit().await?;
    router_announce(cx, &router, Change::Deleted);
    Ok(())
}
