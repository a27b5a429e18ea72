//! Ports that the cloud makes for itself: of DHCP, of routers, and the places of floating addresses.
//!
//! They are no guests': nothing is filtered there, and only what made them changes or removes them.

use super::address_give::{Gateways, address_give_on_conn};
use super::desired::port_changed_on_conn;
use super::port_bind::port_write_on_conn;
use super::port_create::insert;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, ProjectId};
use crate::network::model::{Addresses, DHCP_OWNER, Network, NewPort, Port, PortStatus};
use crate::network::store;

/// Makes one, bound to a host if there is one.
pub(super) async fn service_port_on_conn(
    conn: &mut Conn,
    network: &Network,
    project: ProjectId,
    owner: &str,
    device: String,
    addresses: &Addresses,
    host: Option<&str>,
) -> Result<Port> {
    // From here on nobody deletes the network.
    if !store::network::lock(conn, network.id).await? {
        return Err(Error::not_found("network", network.id));
    }
    let new = NewPort {
        device_id: device,
        device_owner: owner.to_owned(),
        port_security: Some(false),
        ..NewPort::new(PortId::new(), network.id, project)
    };
    let mut port = insert(conn, network, &new).await?;
    port.addresses =
        address_give_on_conn(conn, &port, addresses, &[], Gateways::MayBeGiven).await?;
    if host.is_none() && owner != DHCP_OWNER {
        return Ok(port);
    }
    service_bind_on_conn(conn, port, host).await
}

/// Binds one to a host, or to none; both hosts follow.
pub(super) async fn service_bind_on_conn(
    conn: &mut Conn,
    mut port: Port,
    host: Option<&str>,
) -> Result<Port> {
    port_changed_on_conn(conn, &port).await?;
    port.host = host.map(str::to_owned);
    port.status = match host {
        Some(_) => PortStatus::Build,
        // On no host, and so on each that has the network.
        None if port.device_owner == DHCP_OWNER => PortStatus::Active,
        None => PortStatus::Down,
    };
    port_write_on_conn(conn, port).await
}
