//! What a node's networking shall be, computed from rows.
//!
//! A node has the networks of the ports that are bound to it. It is told all ports of each, also those elsewhere, so that
//! its DHCP and name server know them. Networks and ports that are administratively down are left out.

use std::collections::HashMap;

use super::desired_groups::{desired_groups, pairs_spec};
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId};
use crate::network::model::{Network, Port, Subnet};
use crate::network::rpc::{NetworkDesired, NetworkSpec, PortSpec, Segment, SubnetSpec};
use crate::network::store;

/// Raises the generation of every node that has this network, so that they are told.
pub(super) async fn network_changed_on_conn(conn: &mut Conn, network: NetworkId) -> Result<()> {
    for host in store::port::hosts_of_network(conn, network).await? {
        store::host::bump(conn, &host).await?;
    }
    Ok(())
}

/// Everything a node's networking shall be. Its generation is read first: what changes while the rest is read raises it,
/// and the node is told again.
pub async fn network_desired(cx: &Context, host: &str) -> Result<NetworkDesired> {
    let mut conn = cx.db.read().await?;
    let generation = store::host::find(&mut conn, host)
        .await?
        .map_or(0, |state| state.wanted);
    let networks = store::network::of_host(&mut conn, host).await?;
    let ids: Vec<NetworkId> = networks.iter().map(|network| network.id).collect();
    let mut ports: HashMap<NetworkId, Vec<PortSpec>> = HashMap::new();
    let mtu: HashMap<NetworkId, u32> = networks
        .iter()
        .map(|network| (network.id, network.mtu))
        .collect();
    for port in store::port::of_networks(&mut conn, &ids).await? {
        if let Some(&mtu) = mtu.get(&port.network) {
            ports
                .entry(port.network)
                .or_default()
                .push(spec(&port, mtu));
        }
    }
    let subnets = store::subnet::of_networks(&mut conn, &ids).await?;
    let networks = networks
        .into_iter()
        .map(|network| NetworkSpec {
            ports: ports.remove(&network.id).unwrap_or_default(),
            subnets: subnets
                .iter()
                .filter(|subnet| subnet.network == network.id)
                .map(subnet_spec)
                .collect(),
            id: network.id,
            mtu: network.mtu,
            segment: Segment::Node { nat: network.nat },
            stations: Vec::new(),
            peers: Vec::new(),
            flood: false,
            dhcp: None,
            dns_domain: domain(cx, &network),
        })
        .collect();
    let security_groups = desired_groups(&mut conn, host).await?;
    Ok(NetworkDesired {
        generation,
        networks,
        security_groups,
        ..NetworkDesired::default()
    })
}

/// The domain of a network's names, without a dot at the end.
fn domain(cx: &Context, network: &Network) -> String {
    let own = network.dns_domain.trim_end_matches('.');
    if own.is_empty() {
        cx.config.network.dns_domain.clone()
    } else {
        own.to_owned()
    }
}

pub(super) fn subnet_spec(subnet: &Subnet) -> SubnetSpec {
    SubnetSpec {
        id: subnet.id,
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        dhcp: subnet.dhcp,
        dns: subnet.dns.clone(),
        routes: subnet
            .routes
            .iter()
            .map(|route| (route.destination, route.nexthop))
            .collect(),
    }
}

fn spec(port: &Port, mtu: u32) -> PortSpec {
    PortSpec {
        id: port.id,
        network: port.network,
        mac: port.mac.clone(),
        addresses: port
            .addresses
            .iter()
            .map(|have| have.address.into())
            .collect(),
        mtu,
        port_security: port.port_security,
        allowed_pairs: pairs_spec(port),
        security_groups: Some(port.groups.clone()),
        arriving: false,
        hostname: port.hostname.clone(),
        server: port.server(),
    }
}

/// A port as its node needs to know it for the guest.
pub async fn port_spec_on_conn(conn: &mut Conn, id: PortId) -> Result<PortSpec> {
    let missing = || crate::error::Error::not_found("port", id);
    let port = store::port::find(conn, id).await?.ok_or_else(missing)?;
    let network = store::network::find(conn, port.network)
        .await?
        .ok_or_else(missing)?;
    Ok(spec(&port, network.mtu))
}

/// These ports as their node needs to know them for the guest, in the same order.
pub async fn port_specs(cx: &Context, ports: &[PortId]) -> Result<Vec<PortSpec>> {
    let mut conn = cx.db.read().await?;
    let mut specs = Vec::with_capacity(ports.len());
    for &id in ports {
        specs.push(port_spec_on_conn(&mut conn, id).await?);
    }
    Ok(specs)
}
