//! Ports as compute needs them: what a guest is told of its ports, and the addresses of many servers at once.

use super::desired::{port_spec_on_conn, subnet_spec};
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId, ServerId};
use crate::network::model::ServerPortAddress;
use crate::network::rpc::{PortSpec, SubnetSpec};
use crate::network::store;

/// A port with the subnets of its network.
#[derive(Clone, Debug)]
pub struct PortGuest {
    /// The port as its node needs to know it.
    pub spec: PortSpec,
    /// Subnets of its network.
    pub subnets: Vec<SubnetSpec>,
}

/// These ports, in the same order.
pub async fn port_guests(cx: &Context, ports: &[PortId]) -> Result<Vec<PortGuest>> {
    let mut conn = cx.db.read().await?;
    let mut guests = Vec::with_capacity(ports.len());
    for &id in ports {
        guests.push(port_spec_on_conn(&mut conn, id).await?);
    }
    let networks: Vec<NetworkId> = guests.iter().map(|spec| spec.network).collect();
    let subnets = store::subnet::of_networks(&mut conn, &networks).await?;
    Ok(guests
        .into_iter()
        .map(|spec| PortGuest {
            subnets: subnets
                .iter()
                .filter(|subnet| subnet.network == spec.network)
                .map(subnet_spec)
                .collect(),
            spec,
        })
        .collect())
}

/// Addresses of all ports of these servers, oldest port first, in one statement.
pub async fn server_addresses_on_conn(
    conn: &mut Conn,
    servers: &[ServerId],
) -> Result<Vec<ServerPortAddress>> {
    Ok(store::port::addresses_of_servers(conn, servers).await?)
}
