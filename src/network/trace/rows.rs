//! What a trace is made from, and how it is looked up.

use std::collections::HashMap;
use std::net::IpAddr;

use super::End;
use crate::ids::{NetworkId, PortId, RouterId, SecurityGroupId, SubnetId};
use crate::network::model::{
    DHCP_OWNER, FloatingIp, GATEWAY_OWNER, INTERFACE_OWNER, Network, NetworkKind, Port, Router,
    Subnet,
};
use crate::network::rpc::SecurityGroupSpec;

/// A host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRow {
    /// Whether it reports.
    pub up: bool,
    /// Where its tunnels end.
    pub address: Option<IpAddr>,
    /// Networks that it is plugged into.
    pub physical: Vec<String>,
    /// Whether routers may be there.
    pub routes: bool,
    /// Why it has not what it shall have; none if it has.
    pub behind: Option<String>,
    /// What it could not make as it is wanted, one text each, which begins with what it is about.
    pub left_out: Vec<String>,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its name.
    pub name: String,
    /// Whether it is its project's default one.
    pub is_default: bool,
    /// What nodes are told of it.
    pub spec: SecurityGroupSpec,
}

/// All that matters for one question.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Networks.
    pub networks: HashMap<NetworkId, Network>,
    /// Their subnets, oldest first.
    pub subnets: Vec<Subnet>,
    /// Ports of the ends, of routers and DHCP, and those with addresses that are asked for or led to; oldest first.
    pub ports: Vec<Port>,
    /// Routers.
    pub routers: Vec<Router>,
    /// Floating addresses.
    pub floating: Vec<FloatingIp>,
    /// Groups of the ends, and those that their rules name.
    pub groups: HashMap<SecurityGroupId, GroupRow>,
    /// Whether OVN carries what is not local: routers are where the guest is, and ports are on its integration bridge.
    pub ovn: bool,
    /// Hosts by name.
    pub hosts: HashMap<String, HostRow>,
}

/// Who has an address on a network.
pub(super) enum Holder<'a> {
    /// A port of a router.
    Router(&'a Router, &'a Port),
    /// A floating address that leads nowhere.
    Unused(&'a FloatingIp),
    /// Where DHCP is answered.
    Dhcp(&'a Port),
    /// A guest.
    Guest(&'a Port),
}

impl Rows {
    pub(super) fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.iter().find(|port| port.id == id)
    }

    pub(super) fn router(&self, id: RouterId) -> Option<&Router> {
        self.routers.iter().find(|router| router.id == id)
    }

    pub(super) fn subnet(&self, id: SubnetId) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    pub(super) fn subnets_of(&self, network: NetworkId) -> impl Iterator<Item = &Subnet> {
        let all = self.subnets.iter();
        all.filter(move |subnet| subnet.network == network)
    }

    pub(super) fn kind(&self, network: NetworkId) -> &NetworkKind {
        const NONE: &NetworkKind = &NetworkKind::Local;
        self.networks
            .get(&network)
            .map_or(NONE, |network| &network.kind)
    }

    /// Whether a network is there outside the cloud as well.
    pub(super) fn is_physical(&self, network: NetworkId) -> bool {
        self.kind(network).physical().is_some()
    }

    /// Its name, or its id if it has none.
    pub(super) fn network_name(&self, id: NetworkId) -> String {
        let named = self.networks.get(&id);
        named.map_or_else(|| id.to_string(), |network| named_or(&network.name, id))
    }

    /// Ports that an end may be, oldest first. A floating address is who sends by it, but whom it leads to is found on the way.
    pub(super) fn ports_of(&self, end: &End, sends: bool) -> Vec<&Port> {
        match end {
            End::Ports(ids) => ids.iter().filter_map(|id| self.port(*id)).collect(),
            End::Address(address) => {
                let floating = self.floating.iter().find(|f| f.address == *address);
                if let Some(floating) = floating {
                    let target = floating.target.and_then(|to| self.port(to.port));
                    return target.into_iter().filter(|_| sends).collect();
                }
                let has = |port: &&Port| port.addresses.iter().any(|at| at.address == *address);
                self.ports.iter().filter(has).collect()
            }
            End::Outside => Vec::new(),
        }
    }

    /// The floating address of a port that works, or else any.
    pub(super) fn floating_of(&self, port: PortId) -> Option<&FloatingIp> {
        let leads = |f: &&FloatingIp| f.target.is_some_and(|to| to.port == port);
        let all = || self.floating.iter().filter(leads);
        all().find(|f| f.is_active).or_else(|| all().next())
    }

    /// All ports of a router.
    pub(super) fn router_ports(&self, router: RouterId) -> impl Iterator<Item = &Port> {
        let id = router.to_string();
        let owners = [INTERFACE_OWNER, GATEWAY_OWNER];
        self.ports.iter().filter(move |port| {
            port.device_id == id && owners.contains(&port.device_owner.as_str())
        })
    }

    /// A router with interfaces on both networks.
    pub(super) fn router_between(&self, a: NetworkId, b: NetworkId) -> Option<&Router> {
        self.routers.iter().find(|router| {
            let on = |network| {
                self.router_ports(router.id)
                    .any(|port| port.network == network)
            };
            on(a) && on(b)
        })
    }

    pub(super) fn holder(&self, network: NetworkId, address: IpAddr) -> Option<Holder<'_>> {
        let here = |f: &&FloatingIp| f.network == network && f.address == address;
        if let Some(floating) = self.floating.iter().find(here) {
            let router = floating.target.and_then(|to| self.router(to.router));
            let way = router.and_then(|router| self.port(router.gateway.as_ref()?.port));
            return Some(match (router, way) {
                (Some(router), Some(way)) => Holder::Router(router, way),
                _ => Holder::Unused(floating),
            });
        }
        let has = |port: &&Port| {
            port.network == network && port.addresses.iter().any(|at| at.address == address)
        };
        let port = self.ports.iter().find(has)?;
        Some(match port.device_owner.as_str() {
            INTERFACE_OWNER | GATEWAY_OWNER => {
                let id = port.device_id.parse().ok();
                Holder::Router(id.and_then(|id| self.router(id))?, port)
            }
            DHCP_OWNER => Holder::Dhcp(port),
            _ => Holder::Guest(port),
        })
    }

    /// The subnet that an address is of: on one of these networks, or else on any that does not lead outside.
    pub(super) fn subnet_with(
        &self,
        address: IpAddr,
        network: Option<NetworkId>,
    ) -> Option<&Subnet> {
        let with = || {
            let all = self.subnets.iter();
            all.filter(move |subnet| subnet.cidr.contains(&address))
        };
        let inner = |subnet: &&Subnet| {
            let network = self.networks.get(&subnet.network);
            network.is_some_and(|network| !network.external)
        };
        match network {
            Some(network) => with().find(|subnet| subnet.network == network),
            None => with().find(inner),
        }
    }
}

/// A name, or the id of what has none.
pub(super) fn named_or(name: &str, id: impl ToString) -> String {
    if name.is_empty() {
        id.to_string()
    } else {
        name.to_owned()
    }
}
