//! What a node's networking shall be, computed from rows.
//!
//! A node has the networks of the ports that are bound or come to it: those of guests, of DHCP, and of routers. Of its guests'
//! ports it is told everything, of all others on networks of tunnels where frames for them go, and of those that are nowhere
//! yet only if it answers their DHCP. A local network is each node's own: nothing of it elsewhere matters. Networks and ports
//! that are administratively down are left out. Equal rows give equal messages: everything is in order of id or address.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::desired_groups::{desired_groups, pairs_spec};
use super::desired_router::router_spec;
use super::desired_subnet::{subnet_spec, subnet6_spec};
use crate::compute::ops::host_addresses_on_conn;
use crate::config::Engine;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId, RouterId, SubnetId};
use crate::network::model::{
    DHCP_OWNER, Network, NetworkKind, Port, PortAddress, PortQuery, Subnet,
};
use crate::network::rpc::{
    NetworkDesired, NetworkSpec, OvnSpec, PortSpec, Segment, ServicePort, StationSpec,
};
use crate::network::store;

/// Raises the generation of every node that has this network, so that they are told.
pub(super) async fn network_changed_on_conn(conn: &mut Conn, network: NetworkId) -> Result<()> {
    let hosts = store::port::hosts_of_network(conn, network).await?;
    Ok(store::host::bump(conn, &hosts).await?)
}

/// The same where only this port changed: nobody else needs to know what is on a local network.
pub(super) async fn port_changed_on_conn(conn: &mut Conn, port: &Port) -> Result<()> {
    if !store::network::is_local(conn, port.network).await? {
        return network_changed_on_conn(conn, port.network).await;
    }
    let hosts: Vec<String> = port
        .host
        .iter()
        .chain(&port.migrating_to)
        .cloned()
        .collect();
    Ok(store::host::bump(conn, &hosts).await?)
}

/// A host has another address: those that send frames to it are told. To be called in the transaction that notes it.
pub async fn host_moved_on_conn(conn: &mut Conn, host: &str) -> Result<()> {
    let hosts = store::port::hosts_beside(conn, host).await?;
    Ok(store::host::bump(conn, &hosts).await?)
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
    let engine = cx.config.network.engine;
    // Of what OVN carries a node need not know what is elsewhere.
    let shared: Vec<NetworkId> = networks
        .iter()
        .filter(|network| network.kind != NetworkKind::Local && engine == Engine::Bridge)
        .map(|network| network.id)
        .collect();
    let here = store::port::of_host(&mut conn, host).await?;
    let elsewhere = store::port::elsewhere(&mut conn, &shared, host).await?;
    let names: BTreeSet<&str> = elsewhere
        .iter()
        .chain(&here)
        .flat_map(|port| port.host.iter().chain(&port.migrating_to))
        .map(String::as_str)
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let tunnels = host_addresses_on_conn(&mut conn, &names).await?;
    let subnets = store::subnet::of_networks(&mut conn, &ids).await?;
    let distributed = match engine {
        Engine::Bridge => Vec::new(),
        Engine::Ovn => {
            let query = PortQuery {
                device_owner: Some(DHCP_OWNER.to_owned()),
                ..PortQuery::default()
            };
            store::port::list(&mut conn, &query).await?
        }
    };
    let rows = Rows {
        engine,
        distributed: by_network(&distributed),
        host,
        here: by_network(&here),
        elsewhere: by_network(&elsewhere),
        tunnels: &tunnels,
        subnets: &subnets,
        resolvers: &cx.config.network.dns,
        domain: &cx.config.network.dns_domain,
    };
    let specs = networks
        .iter()
        .filter(|network| rows.is_for_node(network))
        .map(|network| rows.network(network))
        .collect();
    if engine == Engine::Ovn {
        return Ok(NetworkDesired {
            generation,
            networks: specs,
            // For ports of local networks; the others' rules are OVN's.
            security_groups: desired_groups(&mut conn, host).await?,
            routers: Vec::new(),
            ovn: Some(OvnSpec {
                chassis: host.to_owned(),
                southbound: cx.config.network.ovn_southbound.clone(),
            }),
        });
    }
    let routers = store::router::of_host(&mut conn, host).await?;
    let through: Vec<RouterId> = routers.iter().map(|router| router.id).collect();
    let floating = store::floating::of_routers(&mut conn, &through).await?;
    Ok(NetworkDesired {
        generation,
        ovn: None,
        networks: specs,
        security_groups: desired_groups(&mut conn, host).await?,
        routers: routers
            .iter()
            .filter(|router| router.admin_state_up)
            .map(|router| router_spec(router, &here, &subnets, &floating))
            .collect(),
    })
}

fn by_network(ports: &[Port]) -> HashMap<NetworkId, Vec<&Port>> {
    let mut found: HashMap<NetworkId, Vec<&Port>> = HashMap::new();
    for port in ports {
        found.entry(port.network).or_default().push(port);
    }
    found
}

/// What was read for one host.
struct Rows<'a> {
    engine: Engine,
    distributed: HashMap<NetworkId, Vec<&'a Port>>,
    host: &'a str,
    here: HashMap<NetworkId, Vec<&'a Port>>,
    elsewhere: HashMap<NetworkId, Vec<&'a Port>>,
    tunnels: &'a HashMap<String, IpAddr>,
    subnets: &'a [Subnet],
    resolvers: &'a [IpAddr],
    domain: &'a str,
}

impl Rows<'_> {
    /// Of what OVN carries a node has only what guests are plugged into.
    fn is_for_node(&self, network: &Network) -> bool {
        let mut here = self.here.get(&network.id).into_iter().flatten();
        !is_logical(self.engine, network) || here.any(|port| !port.is_service())
    }

    fn logical(&self, network: &Network) -> NetworkSpec {
        let none = Vec::new();
        let here = self.here.get(&network.id).unwrap_or(&none);
        let metadata = self
            .distributed
            .get(&network.id)
            .and_then(|ports| ports.first());
        NetworkSpec {
            id: network.id,
            mtu: network.mtu,
            segment: Segment::Logical,
            subnets: Vec::new(),
            subnets6: Vec::new(),
            ports: here
                .iter()
                .filter(|port| !port.is_service())
                .map(|port| PortSpec {
                    arriving: port.migrating_to.as_deref() == Some(self.host),
                    ..spec(port, network.mtu, true)
                })
                .collect(),
            stations: Vec::new(),
            peers: Vec::new(),
            flood: false,
            dhcp: metadata.map(|port| service_port(port, self.subnets)),
            dns_domain: network.domain(self.domain).to_owned(),
            resolvers: Vec::new(),
        }
    }

    fn network(&self, network: &Network) -> NetworkSpec {
        if is_logical(self.engine, network) {
            return self.logical(network);
        }
        let none = Vec::new();
        let here = self.here.get(&network.id).unwrap_or(&none);
        let elsewhere = self.elsewhere.get(&network.id).unwrap_or(&none);
        let dhcp = here
            .iter()
            .find(|port| port.device_owner == DHCP_OWNER)
            .map(|port| service_port(port, self.subnets));
        let own = |subnet: &&Subnet| subnet.network == network.id;
        let served = here.iter().chain(elsewhere);
        let served: Vec<IpAddr> = served
            .filter(|port| port.device_owner == DHCP_OWNER)
            .flat_map(|port| port.addresses.iter().map(|at| at.address))
            .collect();
        let tunnelled = network.kind.vni().is_some();
        NetworkSpec {
            id: network.id,
            mtu: network.mtu,
            segment: segment(network),
            subnets: self
                .subnets
                .iter()
                .filter(own)
                .filter_map(subnet_spec)
                .collect(),
            subnets6: self
                .subnets
                .iter()
                .filter(own)
                .filter_map(|subnet| subnet6_spec(subnet, &served))
                .collect(),
            ports: here
                .iter()
                .filter(|port| !port.is_service())
                .map(|port| PortSpec {
                    arriving: port.migrating_to.as_deref() == Some(self.host),
                    ..spec(port, network.mtu, false)
                })
                .collect(),
            stations: elsewhere
                .iter()
                .filter(|port| match port.host {
                    Some(_) => tunnelled || dhcp.is_some(),
                    None => dhcp.is_some() && !port.is_service(),
                })
                .map(|port| self.station(port, tunnelled))
                .collect(),
            peers: if tunnelled {
                self.peers(here.iter().chain(elsewhere))
            } else {
                Vec::new()
            },
            flood: tunnelled && here.iter().chain(elsewhere).any(|port| is_anywhere(port)),
            dhcp,
            dns_domain: network.domain(self.domain).to_owned(),
            resolvers: self.resolvers.to_vec(),
        }
    }

    fn station(&self, port: &Port, tunnelled: bool) -> StationSpec {
        let settled = port.host.as_ref().filter(|_| port.migrating_to.is_none());
        StationSpec {
            mac: port.mac.clone(),
            addresses: port.addresses.iter().map(|at| at.address).collect(),
            hostname: port.hostname.clone(),
            server: port.server(),
            tunnel: settled
                .filter(|_| tunnelled)
                .and_then(|host| self.tunnels.get(host).copied()),
        }
    }

    /// Where the other hosts with these ports are.
    fn peers<'p>(&self, ports: impl Iterator<Item = &'p &'p Port>) -> Vec<IpAddr> {
        let own = self.tunnels.get(self.host);
        let peers: BTreeSet<IpAddr> = ports
            .flat_map(|port| port.host.iter().chain(&port.migrating_to))
            .filter(|host| *host != self.host)
            .filter_map(|host| self.tunnels.get(host))
            .filter(|address| Some(*address) != own)
            .copied()
            .collect();
        peers.into_iter().collect()
    }
}

/// Whether OVN carries it.
fn is_logical(engine: Engine, network: &Network) -> bool {
    engine == Engine::Ovn && network.kind != NetworkKind::Local
}

/// Whether frames for what is behind a port may have to go anywhere.
fn is_anywhere(port: &Port) -> bool {
    port.migrating_to.is_some()
        || (port.host.is_some() && !port.port_security && !port.is_service())
        || port.pairs.iter().any(|pair| pair.mac.is_some())
}

fn segment(network: &Network) -> Segment {
    match &network.kind {
        NetworkKind::Local => Segment::Node { nat: network.nat },
        NetworkKind::Vxlan { vni } => Segment::Vxlan { vni: *vni },
        NetworkKind::Flat { physical } => Segment::Flat {
            physical: physical.clone(),
        },
    }
}

/// A port of a node's own.
pub(super) fn service_port(port: &Port, subnets: &[Subnet]) -> ServicePort {
    let prefix = |id: SubnetId| subnets.iter().find(|subnet| subnet.id == id);
    let address = |at: &PortAddress| {
        let length = prefix(at.subnet)?.cidr.prefix_len();
        IpNet::new(at.address, length).ok()
    };
    ServicePort {
        port: port.id,
        network: port.network,
        mac: port.mac.clone(),
        addresses: port.addresses.iter().filter_map(address).collect(),
    }
}

fn spec(port: &Port, mtu: u32, logical: bool) -> PortSpec {
    PortSpec {
        id: port.id,
        network: port.network,
        mac: port.mac.clone(),
        addresses: port.addresses.iter().map(|have| have.address).collect(),
        mtu,
        port_security: port.port_security,
        allowed_pairs: pairs_spec(port),
        security_groups: Some(port.groups.clone()),
        logical,
        arriving: false,
        hostname: port.hostname.clone(),
        server: port.server(),
    }
}

/// A port as its node needs to know it for the guest.
pub async fn port_spec_on_conn(conn: &mut Conn, cx: &Context, id: PortId) -> Result<PortSpec> {
    let missing = || crate::error::Error::not_found("port", id);
    let port = store::port::find(conn, id).await?.ok_or_else(missing)?;
    let network = store::network::find(conn, port.network)
        .await?
        .ok_or_else(missing)?;
    let logical = is_logical(cx.config.network.engine, &network);
    Ok(spec(&port, network.mtu, logical))
}

/// These ports as their node needs to know them for the guest, in the same order.
pub async fn port_specs(cx: &Context, ports: &[PortId]) -> Result<Vec<PortSpec>> {
    let mut conn = cx.db.read().await?;
    let mut specs = Vec::with_capacity(ports.len());
    for &id in ports {
        specs.push(port_spec_on_conn(&mut conn, cx, id).await?);
    }
    Ok(specs)
}
