//! Ports that were there before a server, and stay after it.

use super::port_bind::port_write_on_conn;
use super::port_list::port_show_on_conn;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{PortId, ServerId};
use crate::network::model::{COMPUTE_OWNER, Port};
use crate::network::refusal;
use crate::network::store;

/// Gives an existing port to a server, and the server's name in DNS if the port has none. A port that the server has
/// already stays as it is: safe to repeat. One that something else uses is a conflict.
pub async fn port_take_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: PortId,
    server: ServerId,
    hostname: Option<&str>,
) -> Result<Port> {
    let mut port = port_show_on_conn(conn, cx, id).await?;
    if port.device_id == server.to_string() {
        return Ok(port);
    }
    if !port.device_id.is_empty() {
        return Err(refusal::port_in_use(&port));
    }
    port.device_id = server.to_string();
    port.device_owner = COMPUTE_OWNER.to_owned();
    if port.hostname.is_none() {
        port.hostname = hostname.map(str::to_owned);
    }
    port_write_on_conn(conn, port).await
}

/// Takes a port from the server that has it, without deleting it, and the server's name with it. `None` if there is no such port, or if the server does
/// not have it: safe to repeat. It must be unbound before.
pub async fn port_release_on_conn(
    conn: &mut Conn,
    id: PortId,
    server: ServerId,
    hostname: Option<&str>,
) -> Result<Option<Port>> {
    match store::port::find(conn, id).await? {
        Some(mut port) if port.device_id == server.to_string() => {
            port.device_id = String::new();
            port.device_owner = String::new();
            port.hostname = port.hostname.filter(|name| Some(name.as_str()) != hostname);
            port_write_on_conn(conn, port).await.map(Some)
        }
        _ => Ok(None),
    }
}
