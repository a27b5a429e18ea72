//! What a node's networking shall be, computed from rows.
//!
//! A node has the networks of the ports that are bound or come to it: those of guests, of DHCP, and of routers. Of its guests'
//! ports it is told everything, of all others on networks of tunnels where frames for them go, and of those that are nowhere
//! yet only if it answers their DHCP. A local network is each node's own: nothing of it elsewhere matters. Networks and ports
//! that are administratively down are left out. Equal rows give equal messages: everything is in order of id or address.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::desired_groups::pairs_spec;
use super::desired_router::router_spec;
use super::desired_rows::{DesiredRows, Subnets, groups_of, hosts, is_logical};
use super::desired_subnet::{subnet_spec, subnet6_spec};
use crate::config::Engine;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId};
use crate::network::model::{DHCP_OWNER, Network, NetworkKind, Port, PortAddress};
use crate::network::rpc::{
    NetworkDesired, NetworkSpec, OvnSpec, PortSpec, RouterSpec, Segment, ServicePort, StationSpec,
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
    let hosts: Vec<String> = hosts(port).cloned().collect();
    Ok(store::host::bump(conn, &hosts).await?)
}

/// A host has another address: those that send frames to it are told. To be called in the transaction that notes it.
pub async fn host_moved_on_conn(conn: &mut Conn, host: &str) -> Result<()> {
    let hosts = store::port::hosts_beside(conn, host).await?;
    Ok(store::host::bump(conn, &hosts).await?)
}

/// Everything a node's networking shall be.
pub async fn network_desired(cx: &Context, host: &str) -> Result<NetworkDesired> {
    Ok(DesiredRows::of_host(cx, host).await?.desired(host))
}

impl DesiredRows {
    /// What this node's networking shall be; one of those that the rows were read for.
    pub fn desired(&self, host: &str) -> NetworkDesired {
        let mut node = Node {
            rows: self,
            host,
            here: HashMap::new(),
        };
        for port in self.on(host) {
            node.here.entry(port.network).or_default().push(port);
        }
        let having = self.having.get(host).into_iter().flatten();
        let networks = having.filter_map(|id| self.networks.get(id));
        let networks = networks.filter(|network| node.is_for_node(network));
        let groups = groups_of(self.on(host).filter(|port| self.filters(port)));
        NetworkDesired {
            generation: self.generations.get(host).copied().unwrap_or(0),
            networks: networks.map(|network| node.network(network)).collect(),
            security_groups: self.groups.specs(&groups),
            routers: node.routers(),
            ovn: (self.engine == Engine::Ovn).then(|| OvnSpec {
                chassis: host.to_owned(),
                southbound: self.southbound.clone(),
            }),
        }
    }
}

/// A node, and its ports by network.
struct Node<'a> {
    rows: &'a DesiredRows,
    host: &'a str,
    here: HashMap<NetworkId, Vec<&'a Port>>,
}

impl Node<'_> {
    /// Of what OVN carries a node has only what guests are plugged into.
    fn is_for_node(&self, network: &Network) -> bool {
        let mut here = self.here.get(&network.id).into_iter().flatten();
        !self.rows.is_logical(network) || here.any(|port| !port.is_service())
    }

    fn guests(&self, network: &Network) -> Vec<PortSpec> {
        let here = self.here.get(&network.id).into_iter().flatten();
        here.filter(|port| !port.is_service())
            .map(|port| PortSpec {
                arriving: port.migrating_to.as_deref() == Some(self.host),
                ..spec(port, network.mtu, self.rows.is_logical(network))
            })
            .collect()
    }

    fn logical(&self, network: &Network) -> NetworkSpec {
        let metadata = self.rows.distributed.get(&network.id);
        NetworkSpec {
            id: network.id,
            mtu: network.mtu,
            segment: Segment::Logical,
            subnets: Vec::new(),
            subnets6: Vec::new(),
            ports: self.guests(network),
            stations: Vec::new(),
            peers: Vec::new(),
            flood: false,
            dhcp: metadata.map(|port| service_port(port, &self.rows.subnets)),
            dns_domain: network.domain(&self.rows.domain).to_owned(),
            resolvers: Vec::new(),
        }
    }

    fn network(&self, network: &Network) -> NetworkSpec {
        if self.rows.is_logical(network) {
            return self.logical(network);
        }
        let here = self.here.get(&network.id).map_or(&[][..], Vec::as_slice);
        let elsewhere: Vec<&Port> = self.rows.elsewhere(network.id, self.host).collect();
        let all = || here.iter().chain(&elsewhere).copied();
        let dhcp = here
            .iter()
            .find(|port| port.device_owner == DHCP_OWNER)
            .map(|port| service_port(port, &self.rows.subnets));
        let served: Vec<IpAddr> = all()
            .filter(|port| port.device_owner == DHCP_OWNER)
            .flat_map(|port| port.addresses.iter().map(|at| at.address))
            .collect();
        let tunnelled = network.kind.vni().is_some();
        let subnets = || self.rows.subnets.of(network.id);
        NetworkSpec {
            id: network.id,
            mtu: network.mtu,
            segment: segment(network),
            subnets: subnets().filter_map(subnet_spec).collect(),
            subnets6: subnets()
                .filter_map(|subnet| subnet6_spec(subnet, &served))
                .collect(),
            ports: self.guests(network),
            stations: elsewhere
                .iter()
                .filter(|port| match port.host {
                    Some(_) => tunnelled || dhcp.is_some(),
                    None => dhcp.is_some() && !port.is_service(),
                })
                .map(|port| self.station(port, tunnelled))
                .collect(),
            peers: match tunnelled {
                true => self.peers(all()),
                false => Vec::new(),
            },
            flood: tunnelled && all().any(is_anywhere),
            dhcp,
            dns_domain: network.domain(&self.rows.domain).to_owned(),
            resolvers: self.rows.resolvers.clone(),
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
                .and_then(|host| self.rows.tunnels.get(host).copied()),
        }
    }

    /// Where the other hosts with these ports are.
    fn peers<'p>(&self, ports: impl Iterator<Item = &'p Port>) -> Vec<IpAddr> {
        let own = self.rows.tunnels.get(self.host);
        let peers: BTreeSet<IpAddr> = ports
            .flat_map(hosts)
            .filter(|host| *host != self.host)
            .filter_map(|host| self.rows.tunnels.get(host))
            .filter(|address| Some(*address) != own)
            .copied()
            .collect();
        peers.into_iter().collect()
    }

    fn routers(&self) -> Vec<RouterSpec> {
        let here: Vec<&Port> = self.rows.on(self.host).collect();
        let routers = self.rows.routers.get(self.host).into_iter().flatten();
        routers
            .filter(|router| router.admin_state_up)
            .map(|router| {
                let floating = self.rows.floating.get(&router.id);
                let floating = floating.map_or(&[][..], Vec::as_slice);
                router_spec(router, &here, &self.rows.subnets, floating)
            })
            .collect()
    }
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
pub(super) fn service_port(port: &Port, subnets: &Subnets) -> ServicePort {
    let address = |at: &PortAddress| {
        let length = subnets.get(at.subnet)?.cidr.prefix_len();
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
        // Those of what OVN carries are OVN's.
        security_groups: (!logical).then(|| port.groups.clone()),
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
