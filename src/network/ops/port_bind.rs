//! Binding ports to nodes. A port that moves has two for a while: the one it is bound to, and the one that expects it.

use super::desired::port_changed_on_conn;
use super::dhcp_service::dhcp_fit_on_conn;
use crate::compute::ops::host_physical_networks_on_conn;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, Time};
use crate::network::model::{Port, PortStatus};
use crate::network::refusal;
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
        check_plugged(conn, &port, host).await?;
        let port = rebind(conn, port, Some(host), PortStatus::Build).await?;
        // It finds its address when it starts.
        dhcp_fit_on_conn(conn, port.network, Some(host)).await?;
        bound.push(port);
    }
    Ok(bound)
}

/// Says that ports will move to another node, which is to be told; or with `None` that they will not. Ports of which that
/// is so, or that do not exist, are left alone: safe to repeat.
pub async fn port_expect_on_conn(
    conn: &mut Conn,
    ports: &[PortId],
    host: Option<&str>,
) -> Result<()> {
    for &id in ports {
        let Some(mut port) = store::port::find(conn, id).await? else {
            continue;
        };
        if port.migrating_to.as_deref() == host {
            continue;
        }
        // Whoever expected it so far learns that it does not come.
        if let Some(host) = host {
            check_plugged(conn, &port, host).await?;
        }
        if port.migrating_to.is_some() {
            port_changed_on_conn(conn, &port).await?;
        }
        port.migrating_to = host.map(str::to_owned);
        port_write_on_conn(conn, port).await?;
    }
    Ok(())
}

/// Ports that were expected at a node are there now, working already: their server was moved. Safe to repeat.
pub async fn port_arrived_on_conn(
    conn: &mut Conn,
    ports: &[PortId],
    host: &str,
) -> Result<Vec<Port>> {
    let mut arrived = Vec::new();
    for &id in ports {
        let Some(mut port) = store::port::find(conn, id).await? else {
            continue;
        };
        if port.host.as_deref() == Some(host) && port.migrating_to.is_none() {
            arrived.push(port);
            continue;
        }
        port_changed_on_conn(conn, &port).await?;
        port.host = Some(host.to_owned());
        port.migrating_to = None;
        port.status = PortStatus::Active;
        arrived.push(port_write_on_conn(conn, port).await?);
    }
    Ok(arrived)
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

/// A flat network is where nodes are plugged into it, and nowhere else.
async fn check_plugged(conn: &mut Conn, port: &Port, host: &str) -> Result<()> {
    let network = store::network::find(conn, port.network).await?;
    if let Some(physical) = network.as_ref().and_then(|network| network.kind.physical())
        && !host_physical_networks_on_conn(conn, host)
            .await?
            .iter()
            .any(|name| name == physical)
    {
        return Err(refusal::not_plugged(port.id, host, physical));
    }
    Ok(())
}

async fn rebind(
    conn: &mut Conn,
    mut port: Port,
    host: Option<&str>,
    status: PortStatus,
) -> Result<Port> {
    // Those that have it now learn that it goes, those that will have it that it comes.
    if port.host.is_some() {
        port_changed_on_conn(conn, &port).await?;
    }
    port.host = host.map(str::to_owned);
    port.migrating_to = None;
    port.status = status;
    port_write_on_conn(conn, port).await
}

/// Writes a port that was read before, and tells those that have its network.
pub(super) async fn port_write_on_conn(conn: &mut Conn, mut port: Port) -> Result<Port> {
    port.revision += 1;
    port.updated_at = Time::now();
    if !store::port::update(conn, &port).await? {
        return Err(Error::Unavailable(format!(
            "port {} was changed by somebody else at the same time; try again",
            port.id
        )));
    }
    port_changed_on_conn(conn, &port).await?;
    Ok(port)
}
