//! Ports as compute needs them: what a guest is told of its ports, and the addresses of many servers at once.

use std::collections::BTreeSet;

use super::desired::port_spec_on_conn;
use super::desired_subnet::{subnet_spec, subnet6_spec};
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId, ServerId};
use crate::network::model::{ServerPortAddress, Subnet};
use crate::network::rpc::{PortSpec, Subnet6Spec, SubnetSpec};
use crate::network::store;

/// A port with the subnets of its network.
#[derive(Clone, Debug)]
pub struct PortGuest {
    /// The port as its node needs to know it.
    pub spec: PortSpec,
    /// IPv4 subnets of its network.
    pub subnets: Vec<SubnetSpec>,
    /// IPv6 subnets of its network.
    pub subnets6: Vec<Subnet6Spec>,
}

/// These ports, in the same order.
pub async fn port_guests(cx: &Context, ports: &[PortId]) -> Result<Vec<PortGuest>> {
    let mut conn = cx.db.read().await?;
    let mut guests = Vec::with_capacity(ports.len());
    for &id in ports {
        guests.push(port_spec_on_conn(&mut conn, cx, id).await?);
    }
    let networks: Vec<NetworkId> = guests.iter().map(|spec| spec.network).collect();
    let subnets = store::subnet::of_networks(&mut conn, &networks).await?;
    Ok(guests
        .into_iter()
        .map(|spec| PortGuest {
            subnets: of(&subnets, spec.network).filter_map(subnet_spec).collect(),
            subnets6: of(&subnets, spec.network)
                .filter_map(|subnet| subnet6_spec(subnet, &[]))
                .collect(),
            spec,
        })
        .collect())
}

/// Physical networks that a host must be plugged into to have this server, which will have ports on these networks, too.
pub async fn physical_networks_on_conn(
    conn: &mut Conn,
    server: ServerId,
    networks: &[NetworkId],
) -> Result<BTreeSet<String>> {
    Ok(store::network::physical(conn, server, networks).await?)
}

fn of(subnets: &[Subnet], network: NetworkId) -> impl Iterator<Item = &Subnet> {
    subnets
        .iter()
        .filter(move |subnet| subnet.network == network)
}

/// Addresses of all ports of these servers, oldest port first, in one statement.
pub async fn server_addresses_on_conn(
    conn: &mut Conn,
    servers: &[ServerId],
) -> Result<Vec<ServerPortAddress>> {
    Ok(store::port::addresses_of_servers(conn, servers).await?)
}
