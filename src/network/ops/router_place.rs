//! Where a router is: its ports are bound there, and the host is told of it.

use super::router_list::router_ports_on_conn;
use super::service_port::service_bind_on_conn;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{RouterId, Time};
use crate::network::model::Router;
use crate::network::store;

/// Moves a router to a host, or from any; both are to be told. Safe to repeat.
pub(super) async fn router_move_on_conn(
    conn: &mut Conn,
    id: RouterId,
    host: Option<&str>,
) -> Result<()> {
    store::router::lock(conn, id).await?;
    let Some(mut router) = store::router::find(conn, id).await? else {
        return Ok(());
    };
    if router.host.as_deref() == host {
        return Ok(());
    }
    router_changed_on_conn(conn, &router).await?;
    for port in router_ports_on_conn(conn, id).await? {
        service_bind_on_conn(conn, port, host).await?;
    }
    router.host = host.map(str::to_owned);
    router_write_on_conn(conn, &mut router).await
}

/// Raises the generation of the node that has the router.
pub(super) async fn router_changed_on_conn(conn: &mut Conn, router: &Router) -> Result<()> {
    Ok(store::host::bump(conn, router.host.as_slice()).await?)
}

/// Writes a router that was read before; its node is to be told.
pub(super) async fn router_write_on_conn(conn: &mut Conn, router: &mut Router) -> Result<()> {
    router.revision += 1;
    router.updated_at = Time::now();
    if !store::router::update(conn, router).await? {
        return Err(Error::conflict(format!(
            "somebody else changed router {} at the same time; try again",
            router.id
        )));
    }
    router_changed_on_conn(conn, router).await
}
