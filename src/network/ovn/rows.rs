//! What the northbound database is computed from.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::want::Want;
use super::{dhcp, dns, group, router, switch};
use crate::ids::{NetworkId, RouterId, SubnetId};
use crate::network::model::{DHCP_OWNER, FloatingIp, Network, NetworkKind, Port, Router, Subnet};
use crate::network::rpc::SecurityGroupSpec;

/// A host that may have a router's way out; the higher its priority, the sooner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHost {
    /// The host, which is a chassis of that name.
    pub host: String,
    /// 1 to 32,767.
    pub priority: i64,
}

/// All rows of the cloud that matter to OVN. Local networks, and what is on them, may be among them and are left out.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Networks.
    pub networks: Vec<Network>,
    /// Their subnets.
    pub subnets: Vec<Subnet>,
    /// Their ports.
    pub ports: Vec<Port>,
    /// Routers.
    pub routers: Vec<Router>,
    /// Floating addresses.
    pub floating: Vec<FloatingIp>,
    /// Groups that ports have, and those that their rules name.
    pub groups: Vec<SecurityGroupSpec>,
    /// Where the ways out of routers may be.
    pub gateways: BTreeMap<RouterId, Vec<GatewayHost>>,
    /// Name servers for guests whose subnet says none.
    pub resolvers: Vec<IpAddr>,
    /// Domain of networks that say none.
    pub domain: String,
}

/// The rows as they are looked for.
pub(super) struct Index<'a> {
    pub rows: &'a Rows,
    networks: HashMap<NetworkId, &'a Network>,
    subnets: HashMap<SubnetId, &'a Subnet>,
    distributed: HashMap<NetworkId, &'a Port>,
}

impl Rows {
    /// Everything that the northbound database shall have by these rows. Equal rows give equal wants.
    pub fn want(&self) -> Want {
        let mut want = Want::default();
        let index = Index::new(self);
        dhcp::add(&mut want, &index);
        dns::add(&mut want, &index);
        switch::add(&mut want, &index);
        group::add(&mut want, &index);
        router::add(&mut want, &index);
        want
    }
}

impl<'a> Index<'a> {
    fn new(rows: &'a Rows) -> Self {
        let carried = |network: &&Network| network.kind != NetworkKind::Local;
        let networks: HashMap<_, _> = rows
            .networks
            .iter()
            .filter(carried)
            .map(|network| (network.id, network))
            .collect();
        let own = |port: &&Port| port.device_owner == DHCP_OWNER;
        Self {
            rows,
            subnets: rows
                .subnets
                .iter()
                .filter(|subnet| networks.contains_key(&subnet.network))
                .map(|subnet| (subnet.id, subnet))
                .collect(),
            distributed: rows
                .ports
                .iter()
                .filter(own)
                .map(|port| (port.network, port))
                .collect(),
            networks,
        }
    }

    /// Networks that OVN carries.
    pub fn networks(&self) -> impl Iterator<Item = &'a Network> {
        let rows = self.rows.networks.iter();
        rows.filter(|network| self.networks.contains_key(&network.id))
    }

    /// Subnets on them.
    pub fn subnets(&self) -> impl Iterator<Item = &'a Subnet> {
        let rows = self.rows.subnets.iter();
        rows.filter(|subnet| self.networks.contains_key(&subnet.network))
    }

    /// Ports on them that OVN has: all but the places of floating addresses.
    pub fn ports(&self) -> impl Iterator<Item = (&'a Port, &'a Network)> {
        let rows = self.rows.ports.iter();
        rows.filter(|port| port.device_owner != crate::network::model::FLOATING_OWNER)
            .filter_map(|port| Some((port, *self.networks.get(&port.network)?)))
    }

    pub fn network(&self, id: NetworkId) -> Option<&'a Network> {
        self.networks.get(&id).copied()
    }

    pub fn subnet(&self, id: SubnetId) -> Option<&'a Subnet> {
        self.subnets.get(&id).copied()
    }

    /// Where metadata of a network is answered on each host, within this subnet.
    pub fn metadata(&self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let port = self.distributed.get(&subnet.network)?;
        port.addresses.iter().find_map(|at| match at.address {
            IpAddr::V4(address) if at.subnet == subnet.id => Some(address),
            _ => None,
        })
    }

    /// The domain of a network's names, without a dot at the end.
    pub fn domain(&self, network: &'a Network) -> &'a str {
        network.domain(&self.rows.domain)
    }

    /// The addresses of a port with the lengths of their subnets' prefixes.
    pub fn prefixed(&self, port: &Port) -> Vec<IpNet> {
        port.addresses
            .iter()
            .filter_map(|at| {
                let length = self.subnet(at.subnet)?.cidr.prefix_len();
                IpNet::new(at.address, length).ok()
            })
            .collect()
    }
}
