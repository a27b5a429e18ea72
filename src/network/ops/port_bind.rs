//! Binding ports to nodes.

use super::desired::network_changed_on_conn;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, Time};
use crate::network::model::{Port, PortStatus};
use crate::network::store;

/// Binds ports to a node, which is to be told; call [`host_network_ensure`](super::host_network_ensure) after the commit,
/// before a guest is started there. A port that is bound there stays as it is: safe to repeat. Ports that moved elsewhere
/// are bound anew.
pub async fn port_bind_on_conn(conn: &mut Conn, ports: &[PortId], host: &str) -> Result<Vec<Port>> {
    let mut bound = Vec::new();
    for &id in ports {
        let port = store::port::find(conn, id)
            .await?
            .ok_or_else(|| Error::not_found("port", id))?;
        if port.host.as_deref() == Some(host) {
            bound.push(port);
            continue;
        }
        bound.push(rebind(conn, port, Some(host), PortStatus::Build).await?);
    }
    Ok(bound)
}

/// Takes ports from their nodes, which are to be told. Ports that are bound to none or do not exist are left alone: safe
/// to repeat.
pub async fn port_unbind_on_conn(conn: &mut Conn, ports: &[PortId]) -> Result<Vec<Port>> {
    let mut unbound = Vec::new();
    for &id in ports {
        match store::port::find(conn, id).await? {
            Some(port) if port.host.is_some() => {
                unbound.push(rebind(conn, port, None, PortStatus::Down).await?);
            }
            _ => {}
        }
    }
    Ok(unbound)
}

async fn rebind(
    conn: &mut Conn,
    mut port: Port,
    host: Option<&str>,
    status: PortStatus,
) -> Result<Port> {
    // Those that have it now learn that it goes, those that will have it that it comes.
    if port.host.is_some() {
        network_changed_on_conn(conn, port.network).await?;
    }
    port.host = host.map(str::to_owned);
    port.status = status;
    port.revision += 1;
    port.updated_at = Time::now();
    if !store::port::update(conn, &port).await? {
        return Err(Error::Unavailable(format!(
            "port {} was changed by somebody else at the same time; try again",
            port.id
        )));
    }
    if host.is_some() {
        network_changed_on_conn(conn, port.network).await?;
    }
    Ok(port)
}
