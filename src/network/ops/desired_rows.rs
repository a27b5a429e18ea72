//! Rows from which it is computed what nodes shall have: those that matter to one node, or all of them, read once for many
//! nodes.
//!
//! Where many nodes have to be told at a time, each port would be read for every node that has its network. Invariant: what is
//! computed for a node is the same, whichever way the rows were read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::desired_groups::GroupRows;
use crate::compute::ops::host_addresses_on_conn;
use crate::config::Engine;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, RouterId, SecurityGroupId, SubnetId};
use crate::network::model::{
    DHCP_OWNER, FloatingIp, Network, NetworkKind, NetworkQuery, Port, PortQuery, Router, Subnet,
    SubnetQuery,
};
use crate::network::store;

/// What was read.
pub struct DesiredRows {
    pub(super) engine: Engine,
    pub(super) southbound: String,
    pub(super) resolvers: Vec<IpAddr>,
    pub(super) domain: String,
    /// What is wanted of each node, read before all else: what changes meanwhile raises it, and the node is told again.
    pub(super) generations: HashMap<String, i64>,
    /// Networks that carry frames.
    pub(super) networks: BTreeMap<NetworkId, Network>,
    /// Networks of a node's ports, also of those that carry no frames.
    pub(super) having: HashMap<String, BTreeSet<NetworkId>>,
    pub(super) subnets: Subnets,
    /// Ports that carry frames, in order of id.
    ports: Vec<Port>,
    /// Where they are in `ports`, by the host that they are on or come to.
    on: HashMap<String, Vec<usize>>,
    /// Where they are in `ports`, by network.
    of: HashMap<NetworkId, Vec<usize>>,
    /// Ports in whose name OVN answers DHCP.
    pub(super) distributed: HashMap<NetworkId, Port>,
    /// Where frames for a host go.
    pub(super) tunnels: HashMap<String, IpAddr>,
    /// Routers in order of id, by host.
    pub(super) routers: HashMap<String, Vec<Router>>,
    pub(super) floating: HashMap<RouterId, Vec<FloatingIp>>,
    pub(super) groups: GroupRows,
}

/// Subnets, by id and by network.
#[derive(Default)]
pub struct Subnets {
    by_id: HashMap<SubnetId, Subnet>,
    of: HashMap<NetworkId, Vec<SubnetId>>,
}

impl Subnets {
    fn new(subnets: Vec<Subnet>) -> Self {
        let mut all = Self::default();
        for subnet in subnets {
            all.of.entry(subnet.network).or_default().push(subnet.id);
            all.by_id.insert(subnet.id, subnet);
        }
        all
    }

    /// One of them.
    pub fn get(&self, id: SubnetId) -> Option<&Subnet> {
        self.by_id.get(&id)
    }

    /// Those of a network, oldest first.
    pub fn of(&self, network: NetworkId) -> impl Iterator<Item = &Subnet> {
        let ids = self.of.get(&network).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }
}

impl DesiredRows {
    fn empty(cx: &Context) -> Self {
        let settings = &cx.config.network;
        Self {
            engine: settings.engine,
            southbound: settings.ovn_southbound.clone(),
            resolvers: settings.dns.clone(),
            domain: settings.dns_domain.clone(),
            generations: HashMap::new(),
            networks: BTreeMap::new(),
            having: HashMap::new(),
            subnets: Subnets::default(),
            ports: Vec::new(),
            on: HashMap::new(),
            of: HashMap::new(),
            distributed: HashMap::new(),
            tunnels: HashMap::new(),
            routers: HashMap::new(),
            floating: HashMap::new(),
            groups: GroupRows::default(),
        }
    }

    /// Those that matter to this node.
    pub async fn of_host(cx: &Context, host: &str) -> Result<Self> {
        let mut conn = cx.db.read().await?;
        let mut rows = Self::empty(cx);
        if let Some(state) = store::host::find(&mut conn, host).await? {
            rows.generations.insert(state.host, state.wanted);
        }
        let networks = store::network::of_host(&mut conn, host).await?;
        let ids: Vec<NetworkId> = networks.iter().map(|network| network.id).collect();
        let have = ids.iter().copied().collect();
        rows.having.insert(host.to_owned(), have);
        rows.networks = by_id(networks);
        rows.subnets = Subnets::new(store::subnet::of_networks(&mut conn, &ids).await?);
        let mut ports = store::port::of_host(&mut conn, host).await?;
        let groups = groups_of(ports.iter().filter(|port| rows.filters(port)));
        rows.groups = GroupRows::read(&mut conn, &groups).await?;
        let ids: Vec<NetworkId> = ids
            .into_iter()
            .filter(|id| rows.is_seen_elsewhere(*id))
            .collect();
        ports.extend(store::port::elsewhere(&mut conn, &ids, host).await?);
        rows.put_ports(&mut conn, ports).await?;
        if rows.engine == Engine::Ovn {
            let query = PortQuery {
                device_owner: Some(DHCP_OWNER.to_owned()),
                ..PortQuery::default()
            };
            rows.put_distributed(store::port::list(&mut conn, &query).await?);
            return Ok(rows);
        }
        let routers = store::router::of_host(&mut conn, host).await?;
        let through: Vec<RouterId> = routers.iter().map(|router| router.id).collect();
        rows.put_routers(
            routers,
            store::floating::of_routers(&mut conn, &through).await?,
        );
        Ok(rows)
    }

    /// All of them, for any node.
    pub async fn of_all(cx: &Context) -> Result<Self> {
        let mut conn = cx.db.read().await?;
        let mut rows = Self::empty(cx);
        let states = store::host::list(&mut conn).await?.into_iter();
        rows.generations = states.map(|state| (state.host, state.wanted)).collect();
        let mut networks = store::network::list(&mut conn, &NetworkQuery::default()).await?;
        networks.retain(|network| network.admin_state_up);
        rows.networks = by_id(networks);
        rows.subnets = Subnets::new(store::subnet::list(&mut conn, &SubnetQuery::default()).await?);
        let mut ports = store::port::list(&mut conn, &PortQuery::default()).await?;
        for port in &ports {
            if rows.networks.contains_key(&port.network) {
                for host in hosts(port) {
                    rows.having
                        .entry(host.clone())
                        .or_default()
                        .insert(port.network);
                }
            }
        }
        let rules = store::security_rule::list(&mut conn, None).await?;
        rows.groups = GroupRows::new(rules, &ports);
        if rows.engine == Engine::Ovn {
            let answering = ports.iter().filter(|port| port.device_owner == DHCP_OWNER);
            rows.put_distributed(answering.cloned().collect());
        } else {
            rows.put_routers(
                store::router::list(&mut conn, None).await?,
                store::floating::list(&mut conn, None).await?,
            );
        }
        ports.retain(|port| port.admin_state_up);
        rows.put_ports(&mut conn, ports).await?;
        Ok(rows)
    }

    async fn put_ports(&mut self, conn: &mut Conn, mut ports: Vec<Port>) -> Result<()> {
        ports.sort_by_key(|port| port.id);
        for (at, port) in ports.iter().enumerate() {
            self.of.entry(port.network).or_default().push(at);
            for host in hosts(port) {
                self.on.entry(host.clone()).or_default().push(at);
            }
        }
        let names: Vec<&str> = self.on.keys().map(String::as_str).collect();
        self.tunnels = host_addresses_on_conn(conn, &names).await?;
        self.ports = ports;
        Ok(())
    }

    /// The oldest of each network counts.
    fn put_distributed(&mut self, ports: Vec<Port>) {
        for port in ports {
            self.distributed.entry(port.network).or_insert(port);
        }
    }

    fn put_routers(&mut self, mut routers: Vec<Router>, mut floating: Vec<FloatingIp>) {
        routers.sort_by_key(|router| router.id);
        for router in routers {
            if let Some(host) = router.host.clone() {
                self.routers.entry(host).or_default().push(router);
            }
        }
        floating.sort_by_key(|floating| (floating.address, floating.id));
        for floating in floating {
            if let Some(target) = floating.target {
                let those = self.floating.entry(target.router).or_default();
                those.push(floating);
            }
        }
    }

    /// Ports that a node has or will have.
    pub(super) fn on(&self, host: &str) -> impl Iterator<Item = &Port> {
        let at = self.on.get(host).into_iter().flatten();
        at.map(|at| &self.ports[*at])
    }

    /// Ports of a network that a node neither has nor will have, as far as they matter there.
    pub(super) fn elsewhere<'a>(
        &'a self,
        network: NetworkId,
        host: &'a str,
    ) -> impl Iterator<Item = &'a Port> {
        let at = self.of.get(&network).into_iter().flatten();
        let at = at.filter(move |_| self.is_seen_elsewhere(network));
        at.map(|at| &self.ports[*at])
            .filter(move |port| !hosts(port).any(|at| at == host))
    }

    /// Whether nodes need to know where the others' ports of a network are. What OVN carries it knows by itself.
    fn is_seen_elsewhere(&self, network: NetworkId) -> bool {
        let network = self.networks.get(&network);
        self.engine == Engine::Bridge
            && network.is_some_and(|network| network.kind != NetworkKind::Local)
    }

    /// Whether OVN carries a network.
    pub(super) fn is_logical(&self, network: &Network) -> bool {
        is_logical(self.engine, network)
    }

    /// Whether a port's node keeps its security groups. Those of what OVN carries are OVN's.
    pub(super) fn filters(&self, port: &Port) -> bool {
        let network = self.networks.get(&port.network);
        network.is_some_and(|network| !self.is_logical(network))
    }
}

/// Whether this engine is OVN and carries the network.
pub(super) fn is_logical(engine: Engine, network: &Network) -> bool {
    engine == Engine::Ovn && network.kind != NetworkKind::Local
}

fn by_id(networks: Vec<Network>) -> BTreeMap<NetworkId, Network> {
    networks
        .into_iter()
        .map(|network| (network.id, network))
        .collect()
}

/// Where a port is, and where it comes to.
pub(super) fn hosts(port: &Port) -> impl Iterator<Item = &String> {
    let to = port.migrating_to.as_ref();
    let also = to.filter(|to| port.host.as_ref() != Some(*to));
    port.host.iter().chain(also)
}

/// Security groups of these ports.
pub(super) fn groups_of<'a>(ports: impl Iterator<Item = &'a Port>) -> Vec<SecurityGroupId> {
    let groups: BTreeSet<SecurityGroupId> = ports.flat_map(|port| &port.groups).copied().collect();
    groups.into_iter().collect()
}
