//! Deleting ports.

use super::desired::port_changed_on_conn;
use super::floating_target::targets_drop_on_conn;
use super::port_list::{port_announce, port_show_on_conn};
use super::port_security::member_changed_on_conn;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::PortId;
use crate::network::model::Port;
use crate::network::refusal;
use crate::network::store;

/// Deletes a port that is bound to no node. A server's port is taken from the server first.
pub async fn port_delete(cx: &Context, id: PortId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let port = port_show_on_conn(&mut tx, cx, id).await?;
    if port.is_service() {
        return Err(refusal::service_port(&port));
    }
    if let Some(host) = &port.host {
        return Err(refusal::port_bound(id, host));
    }
    port_delete_on_conn(&mut tx, id).await?;
    tx.commit().await?;
    port_announce(cx, &port, Change::Deleted);
    Ok(())
}

/// Deletes a port, bound or not, and gives back its addresses; the nodes that had it are to be told. `None` if there is
/// none: safe to repeat. After the commit the caller calls [`port_announce`] with what is returned.
pub async fn port_delete_on_conn(conn: &mut Conn, id: PortId) -> Result<Option<Port>> {
    let Some(port) = store::port::find(conn, id).await? else {
        return Ok(None);
    };
    // Before the row goes: afterwards its host may have no other port of the network.
    member_changed_on_conn(conn, &port).await?;
    port_changed_on_conn(conn, &port).await?;
    targets_drop_on_conn(conn, id, &[]).await?;
    store::port::delete(conn, id).await?;
    Ok(Some(port))
}
