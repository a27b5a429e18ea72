//! What the control plane wants of a node's networking, in the host's own terms: bridges with addresses, one DHCP and
//! name server per network, and the packet filter.
//!
//! Pure. Everything that comes from outside is checked here, once: what passes can not break out of a configuration
//! file or a rule, and can not take an address the machine itself lives on. What does not pass is left out and named as
//! a problem; the rest is still made, so that one bad subnet does not cost the others their network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::advert;
use super::dhcp::{DhcpServer, Reservation, RunAs, ServedSubnet, ServedSubnet6, ServerFiles};
use super::filter::{Filter, GuestPort};
use super::plug::Plug;
use super::room::Room;
use super::router;
use super::security::GroupedPort;
use super::served::{
    metadata_addresses, metadata_link, serve, serve_from, serve6_from, serve6_own, stationed, v4,
    v6,
};
use super::tunnel::{self, OVERHEAD, Tunnel};
use super::uplink::Uplink;
use super::vswitch::{self, Datapath, Switch, SwitchPort, switch};
use super::worked::Worked;
use crate::ids::{NetworkId, PortId};
use crate::network::model::mac_interface_id;
use crate::network::names::{
    INTEGRATION_BRIDGE, bridge_name, dhcp_interface, dhcp_namespace, metadata_namespace, plug_name,
    port_bridge_name, router_namespace, tap_name, tunnel_name, wire_name,
};
use crate::network::rpc::{
    AllowedPair, NetworkDesired, NetworkSpec, PortSpec, Segment, ServicePort, Subnet6Spec,
    SubnetSpec,
};

/// A whole node's networking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blueprint {
    /// Bridges by name.
    pub bridges: BTreeMap<String, Bridge>,
    /// The bridge of each tap that may be there.
    pub taps: BTreeMap<String, String>,
    /// DHCP and name servers by the bridge they serve.
    pub servers: BTreeMap<String, ServerFiles>,
    /// Tunnels by name.
    pub tunnels: BTreeMap<String, Tunnel>,
    /// Interfaces to physical networks, ends of wires there among them, and the bridge of each.
    pub uplinks: BTreeMap<String, String>,
    /// Wires from guests' own bridges to Open vSwitch, by the names of their ends there.
    pub plugs: BTreeMap<String, Plug>,
    /// Namespaces by name.
    pub rooms: BTreeMap<String, Room>,
    /// What routers announce, by the namespace of each.
    pub adverts: BTreeMap<String, String>,
    /// Open vSwitch; none where the node is no chassis of OVN.
    pub switch: Option<Switch>,
    /// Who may send what.
    pub filter: Filter,
    /// What that comes to.
    pub worked: Worked,
    /// What was left out, and why; one line each.
    pub problems: Vec<String>,
}

/// One bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Its own Ethernet address, the same for ever: guests remember it.
    pub mac: [u8; 6],
    /// The node's addresses on it.
    pub addresses: BTreeSet<NodeAddress>,
    /// The same of IPv6.
    pub addresses6: BTreeSet<Ipv6Net>,
    /// Whether the node speaks IPv6 there.
    pub ipv6: Ipv6,
    /// Whether what is bridged is shown to the rules for packets, where security groups are. That is set when it is made, and
    /// not looked at.
    pub is_shown: bool,
}

/// How a node speaks IPv6 on a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ipv6 {
    /// Not at all.
    #[default]
    Off,
    /// It has no address, not even one for the link; but the bridge knows neighbours, for which it answers.
    Silent,
    /// It has addresses.
    Spoken,
}

/// An address of the node, and the addresses it reaches on the link with it. The one need not be among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// What is on the link.
    pub on_link: Ipv4Net,
}

/// What of the node matters for a blueprint.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Directory with one directory per DHCP server.
    pub servers: PathBuf,
    /// Who DHCP servers run as.
    pub run_as: RunAs,
    /// Networks the machine has on interfaces that are not ours.
    pub foreign: Vec<(String, IpNet)>,
    /// Whether the machine forwards IPv6 packets, which Skydeck leaves to who runs it.
    pub forwards6: bool,
    /// Where its tunnels end, and the largest packet that passes there in bytes; none if that is not known.
    pub tunnel: Option<(IpAddr, u32)>,
    /// Where OVN's tunnels end, if that is known.
    pub encapsulation: Option<IpAddr>,
    /// What carries the packets of Open vSwitch.
    pub datapath: Datapath,
    /// Whether Open vSwitch has a certificate for TLS.
    pub has_certificate: bool,
    /// Its ways into physical networks, by the networks' names; why one can not be used where it can not.
    pub physical: BTreeMap<String, Result<Uplink, String>>,
}

impl Blueprint {
    /// Translates `desired`. The same input gives the same blueprint; networks made earlier win where two collide.
    pub fn new(desired: &NetworkDesired, site: &Site) -> Self {
        let mut blueprint = Self::default();
        let mut taken = site.foreign.clone();
        let networks: BTreeMap<NetworkId, &NetworkSpec> = desired
            .networks
            .iter()
            .map(|network| (network.id, network))
            .collect();
        if let Some(ovn) = &desired.ovn {
            blueprint.switch = Some(switch(ovn, site, &mut blueprint.problems));
            blueprint.plugs = vswitch::plugs(site);
        }
        for network in networks.values() {
            blueprint.add_network(network, site, &mut taken);
        }
        for router in &desired.routers {
            let room = router::room(router, &networks, &mut blueprint.problems);
            if let Some(text) = advert::configuration(router, &networks) {
                blueprint.adverts.insert(router_namespace(router.id), text);
            }
            blueprint.rooms.insert(router_namespace(router.id), room);
        }
        let groups = desired.security_groups.iter();
        blueprint.filter.security.groups = groups.map(|group| (group.id, group.clone())).collect();
        blueprint
    }

    fn add_network(
        &mut self,
        network: &NetworkSpec,
        site: &Site,
        taken: &mut Vec<(String, IpNet)>,
    ) {
        let name = bridge_name(network.id);
        let nat = matches!(network.segment, Segment::Node { nat: true });
        if !(68..=65_535).contains(&network.mtu) {
            self.problem(
                network,
                &format!("an MTU of {} is not possible", network.mtu),
            );
            return;
        }
        if network.segment == Segment::Logical {
            self.add_logical(network);
            return;
        }
        let domain = if network.dns_domain.is_empty() || is_domain(&network.dns_domain) {
            network.dns_domain.trim_end_matches('.').to_owned()
        } else {
            self.problem(
                network,
                &format!("{:?} is no DNS domain", network.dns_domain),
            );
            String::new()
        };
        self.filter.bridges.insert(name.clone(), nat);
        self.add_segment(network, &name, site);
        if matches!(network.segment, Segment::Node { .. }) {
            self.add_own(network, &name, domain, site, taken);
        } else {
            let zone = zone(network);
            self.filter.security.zones.insert(name.clone(), zone);
            let bridge = Bridge {
                ipv6: match network.segment {
                    Segment::Vxlan { .. } if !network.subnets6.is_empty() => Ipv6::Silent,
                    _ => Ipv6::Off,
                },
                is_shown: true,
                ..silent_bridge(network)
            };
            self.bridges.insert(name.clone(), bridge);
            let mut reservations = self.add_ports(network, |_| name.clone(), |_| true);
            if let Some(port) = &network.dhcp {
                reservations.extend(network.stations.iter().filter_map(stationed));
                self.add_dhcp(network, port, &name, domain, reservations, site);
            }
        }
    }

    /// A network that OVN carries: each guest's port has a bridge of its own with a wire to Open vSwitch, and metadata is
    /// answered.
    fn add_logical(&mut self, network: &NetworkSpec) {
        if self.switch.is_none() {
            self.problem(
                network,
                "OVN carries its frames, and this node is no chassis of it: set network.engine and network.ovn_southbound where the control plane runs",
            );
            return;
        }
        // They have no subnets here, so nothing is reserved.
        self.add_ports(network, |port| port_bridge_name(port.id), |_| false);
        let Some(switch) = &mut self.switch else {
            return;
        };
        for port in &network.ports {
            let (bridge, outer) = (port_bridge_name(port.id), wire_name(port.id));
            self.filter.bridges.insert(bridge.clone(), false);
            let zone = zone(network);
            self.filter.security.zones.insert(bridge.clone(), zone);
            self.bridges.insert(bridge.clone(), silent_bridge(network));
            let plug = Plug {
                inner: plug_name(port.id),
                bridge,
                checksums: switch.datapath == Datapath::User,
                mtu: network.mtu,
            };
            self.plugs.insert(outer.clone(), plug);
            switch.ports.insert(outer, switch_port(port.id, network));
        }
        let Some(port) = &network.dhcp else { return };
        let Some((outer, mut wire)) = router::wire(port, dhcp_interface(port.port), network) else {
            let text = format!("{:?} of its metadata port is no Ethernet address", port.mac);
            self.problem(network, &text);
            return;
        };
        wire.bridge = None;
        wire.checksums = switch.datapath == Datapath::User;
        wire.addresses.extend(metadata_addresses(port));
        let plug = switch_port(port.port, network);
        switch.ports.insert(outer.clone(), plug);
        let room = Room {
            wires: [(outer, wire)].into(),
            ..Room::default()
        };
        self.rooms.insert(metadata_namespace(network.id), room);
    }

    /// What the network's frames travel on.
    fn add_segment(&mut self, network: &NetworkSpec, bridge: &str, site: &Site) {
        match &network.segment {
            Segment::Vxlan { vni } => match site.tunnel {
                Some((local, mtu)) => {
                    if network.mtu + OVERHEAD > mtu {
                        let text = format!(
                            "its packets of {} bytes do not fit into tunnels of this node, whose interface at {local} takes {mtu} with {OVERHEAD} around them: guests will lose large packets",
                            network.mtu
                        );
                        self.problem(network, &text);
                    }
                    let tunnel = tunnel(network, bridge, *vni, local);
                    self.filter.security.peers.extend(&network.peers);
                    self.tunnels.insert(tunnel_name(network.id), tunnel);
                }
                None => self.problem(
                    network,
                    "this node does not know its own address, so it has no tunnels to others: say it as agent.my_ip",
                ),
            },
            Segment::Flat { physical } => match site.physical.get(physical) {
                Some(Ok(Uplink { interface, plug })) => {
                    if let Some(other) = self.uplinks.insert(interface.clone(), bridge.to_owned()) {
                        self.problem(network, &format!("{interface} is on {other} already"));
                    }
                    self.plugs.extend(plug.clone().map(|plug| (interface.clone(), plug)));
                }
                Some(Err(why)) => self.problem(network, why),
                None => self.problem(
                    network,
                    &format!("this node has no physical network {physical}: name its interface in agent.physical_networks"),
                ),
            },
            Segment::Node { .. } | Segment::Logical | Segment::None => {}
        }
    }

    /// A network of the node alone: it is the gateway and answers DHCP itself.
    fn add_own(
        &mut self,
        network: &NetworkSpec,
        name: &str,
        domain: String,
        site: &Site,
        taken: &mut Vec<(String, IpNet)>,
    ) {
        let nat = matches!(network.segment, Segment::Node { nat: true });
        let subnets = self.usable_subnets(network, taken);
        let subnets6 = self.usable_subnets6(network, taken);
        let served = |address| subnets.iter().any(|subnet| subnet.cidr.contains(&address));
        let reservations = self.add_ports(network, |_| name.to_owned(), served);
        let served: Vec<ServedSubnet> = subnets
            .iter()
            .filter(|subnet| subnet.dhcp)
            .map(|subnet| serve(network, subnet))
            .collect();
        let gateways = subnets
            .iter()
            .filter_map(|subnet| Some((subnet.gateway?, subnet.cidr)));
        let servers = served.iter().map(|subnet| (subnet.server, subnet.cidr));
        let has_gateway6 = subnets6.iter().any(|subnet| subnet.gateway.is_some());
        let bridge = Bridge {
            mtu: network.mtu,
            mac: bridge_mac(network.id),
            is_shown: true,
            ipv6: if has_gateway6 {
                Ipv6::Spoken
            } else {
                Ipv6::Off
            },
            addresses: gateways
                .chain(servers)
                .map(|(address, cidr)| NodeAddress {
                    address,
                    on_link: cidr.trunc(),
                })
                .collect(),
            addresses6: subnets6
                .iter()
                .filter_map(|subnet| Ipv6Net::new(subnet.gateway?, subnet.cidr.prefix_len()).ok())
                .chain(has_gateway6.then(metadata_link))
                .collect(),
        };
        // Without an address the node can not be heard there.
        let way_out = nat && site.forwards6;
        let served6: Vec<ServedSubnet6> = subnets6
            .iter()
            .filter_map(|subnet| serve6_own(subnet, subnet.gateway?, way_out))
            .collect();
        if !served.is_empty() || !served6.is_empty() {
            let server = DhcpServer {
                domain,
                mtu: network.mtu,
                forwards: nat,
                resolvers: network.resolvers.clone(),
                subnets: served,
                subnets6: served6,
                reservations,
            };
            let files = server.files(name, &site.servers.join(name), &site.run_as);
            self.servers.insert(name.to_owned(), files);
        }
        if nat {
            let translated = subnets.iter().filter(|subnet| subnet.gateway.is_some());
            self.filter
                .translated
                .extend(translated.map(|subnet| subnet.cidr));
        }
        self.bridges.insert(name.to_owned(), bridge);
    }

    /// A namespace that answers DHCP for a network.
    fn add_dhcp(
        &mut self,
        network: &NetworkSpec,
        port: &ServicePort,
        name: &str,
        domain: String,
        reservations: Vec<Reservation>,
        site: &Site,
    ) {
        let interface = dhcp_interface(port.port);
        let Some((outer, mut wire)) = router::wire(port, interface.clone(), network) else {
            let text = format!("{:?} of its DHCP port is no Ethernet address", port.mac);
            self.problem(network, &text);
            return;
        };
        wire.addresses.extend(metadata_addresses(port));
        let served: Vec<ServedSubnet> = network
            .subnets
            .iter()
            .filter(|subnet| subnet.dhcp)
            .filter_map(|subnet| serve_from(port, subnet))
            .collect();
        let everywhere = IpNet::from(Ipv4Net::default());
        let everywhere6 = IpNet::from(Ipv6Net::default());
        let way_out = served.iter().find_map(|subnet| subnet.gateway);
        let way_out = way_out.map(|hop| (everywhere, IpAddr::V4(hop)));
        let way_out6 = network.subnets6.iter().find_map(|subnet| subnet.gateway);
        let way_out6 = way_out6.map(|hop| (everywhere6, IpAddr::V6(hop)));
        let ways = way_out.into_iter().chain(way_out6);
        let served6: Vec<ServedSubnet6> = network
            .subnets6
            .iter()
            .filter_map(|subnet| serve6_from(port, subnet))
            .collect();
        let room = Room {
            wires: [(outer, wire)].into(),
            routes: ways.filter(|_| !network.resolvers.is_empty()).collect(),
            ..Room::default()
        };
        let namespace = dhcp_namespace(network.id);
        self.rooms.insert(namespace.clone(), room);
        if served.is_empty() && served6.is_empty() {
            return;
        }
        let server = DhcpServer {
            domain,
            mtu: network.mtu,
            // Its namespace has no way to the node's own.
            forwards: !network.resolvers.is_empty(),
            resolvers: network.resolvers.clone(),
            subnets: served,
            subnets6: served6,
            reservations,
        };
        let mut files = server.files(&interface, &site.servers.join(name), &site.run_as);
        files.namespace = Some(namespace);
        self.servers.insert(name.to_owned(), files);
    }

    /// The subnets of a network that can be made on this machine.
    fn usable_subnets<'a>(
        &mut self,
        network: &'a NetworkSpec,
        taken: &mut Vec<(String, IpNet)>,
    ) -> Vec<&'a SubnetSpec> {
        let mut usable: Vec<&SubnetSpec> = Vec::new();
        for subnet in &network.subnets {
            let cidr = subnet.cidr.trunc();
            if self.overlaps(network, cidr.into(), taken) {
                continue;
            }
            if let Some(gateway) = subnet.gateway
                && !is_host_of(gateway, cidr)
            {
                self.problem(
                    network,
                    &format!("{gateway} can not be the gateway of {cidr}"),
                );
                continue;
            }
            taken.push((format!("network {}", network.id), cidr.into()));
            usable.push(subnet);
        }
        usable
    }

    /// The same of IPv6.
    fn usable_subnets6<'a>(
        &mut self,
        network: &'a NetworkSpec,
        taken: &mut Vec<(String, IpNet)>,
    ) -> Vec<&'a Subnet6Spec> {
        let mut usable: Vec<&Subnet6Spec> = Vec::new();
        for subnet in &network.subnets6 {
            let cidr = subnet.cidr.trunc();
            if self.overlaps(network, cidr.into(), taken) {
                continue;
            }
            if let Some(gateway) = subnet.gateway
                && (!cidr.contains(&gateway) || gateway == cidr.network())
            {
                self.problem(
                    network,
                    &format!("{gateway} can not be the gateway of {cidr}"),
                );
                continue;
            }
            taken.push((format!("network {}", network.id), cidr.into()));
            usable.push(subnet);
        }
        usable
    }

    /// Whether a range has addresses in common with one that is taken, which is a problem.
    fn overlaps(&mut self, network: &NetworkSpec, cidr: IpNet, taken: &[(String, IpNet)]) -> bool {
        let overlap = taken
            .iter()
            .find(|(_, other)| other.contains(&cidr) || cidr.contains(other));
        let Some((owner, other)) = overlap else {
            return false;
        };
        let text = format!(
            "its subnet {cidr} overlaps {other} of {owner}, so this node gives it no address, DHCP or way out; use another range"
        );
        self.problem(network, &text);
        true
    }

    /// Adds what the filter must know of the ports; returns their reservations and names. `bridge` says where a port's tap
    /// is, `served` of an address of IPv4 whether its subnet is made here.
    fn add_ports(
        &mut self,
        network: &NetworkSpec,
        bridge: impl Fn(&PortSpec) -> String,
        served: impl Fn(Ipv4Addr) -> bool,
    ) -> Vec<Reservation> {
        let mut reservations = Vec::new();
        let ports: BTreeMap<_, &PortSpec> =
            network.ports.iter().map(|port| (port.id, port)).collect();
        for port in ports.into_values() {
            let Some(mac) = parse_mac(&port.mac) else {
                self.problem(
                    network,
                    &format!(
                        "{:?} of port {} is no Ethernet address of one station",
                        port.mac, port.id
                    ),
                );
                continue;
            };
            let hostname = port.hostname.clone().filter(|name| {
                let fine = is_label(name);
                if !fine {
                    self.problem(
                        network,
                        &format!("{name:?} of port {} is no host name", port.id),
                    );
                }
                fine
            });
            let tap = tap_name(port.id);
            self.taps.insert(tap.clone(), bridge(port));
            if let Some(groups) = port.security_groups.as_ref().filter(|_| port.port_security) {
                let port = GroupedPort {
                    groups: groups.clone(),
                    arriving: port.arriving,
                };
                self.filter.security.ports.insert(tap.clone(), port);
            }
            let pair = |pair: &AllowedPair| {
                let from = pair.mac.as_deref().map_or(Some(mac), parse_mac)?;
                Some((from, pair.prefix))
            };
            self.filter.ports.insert(
                tap,
                port.port_security.then(|| GuestPort {
                    mac,
                    addresses: port.addresses.iter().copied().collect(),
                    pairs: port.allowed_pairs.iter().filter_map(pair).collect(),
                }),
            );
            reservations.push(Reservation {
                mac,
                addresses: v4(&port.addresses)
                    .filter(|address| {
                        let mut subnets = network.subnets.iter();
                        served(*address) && subnets.any(|subnet| subnet.cidr.contains(address))
                    })
                    .collect(),
                addresses6: v6(&port.addresses).collect(),
                hostname,
            });
        }
        reservations
    }

    fn problem(&mut self, network: &NetworkSpec, text: &str) {
        self.problems
            .push(format!("network {}: {text}", network.id));
    }
}

/// A network's tunnel. A station on its way, or nowhere, is in none of its tables.
fn tunnel(network: &NetworkSpec, bridge: &str, vni: u32, local: IpAddr) -> Tunnel {
    let mut entries: BTreeSet<([u8; 6], IpAddr)> = network
        .peers
        .iter()
        .map(|peer| (tunnel::ALL, *peer))
        .collect();
    let mut neighbours = BTreeMap::new();
    let mut known = BTreeSet::new();
    for station in &network.stations {
        let (Some(mac), Some(node)) = (parse_mac(&station.mac), station.tunnel) else {
            continue;
        };
        // Of two with one Ethernet address the first counts, since the kernel takes but one.
        if node == local || !known.insert(mac) {
            continue;
        }
        entries.insert((mac, node));
        let known = |address: &&IpAddr| address.is_ipv4() || !network.subnets6.is_empty();
        let addresses = station.addresses.iter().filter(known);
        neighbours.extend(addresses.map(|address| (*address, mac)));
        // Routers are reached by what they make up for the link.
        if station.addresses.iter().any(IpAddr::is_ipv6) && !network.subnets6.is_empty() {
            neighbours.insert(link_local6(mac).into(), mac);
        }
    }
    Tunnel {
        bridge: bridge.to_owned(),
        vni,
        local,
        mtu: network.mtu,
        flood: network.flood,
        entries,
        neighbours,
    }
}

/// The zone of a network's connections, the same as long as the network is. Two networks with the same one can only get
/// in each other's way with equal addresses and ports on both ends.
fn zone(network: &NetworkSpec) -> u16 {
    let number = match network.segment {
        Segment::Vxlan { vni } => vni,
        _ => {
            let bytes = network.id.uuid().into_bytes();
            u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
        }
    };
    u16::try_from(number % u32::from(u16::MAX)).unwrap_or(0) + 1
}

/// A bridge on which the node itself does not speak.
fn silent_bridge(network: &NetworkSpec) -> Bridge {
    Bridge {
        mtu: network.mtu,
        mac: bridge_mac(network.id),
        addresses: BTreeSet::new(),
        addresses6: BTreeSet::new(),
        ipv6: Ipv6::Off,
        is_shown: false,
    }
}

/// The end of a wire on the integration bridge, which is this port for OVN.
fn switch_port(port: PortId, network: &NetworkSpec) -> SwitchPort {
    SwitchPort {
        bridge: INTEGRATION_BRIDGE.to_owned(),
        iface_id: Some(port.to_string()),
        mark: network.id.to_string(),
    }
}

/// The Ethernet address of a network's bridge: locally administered, from the id.
fn bridge_mac(network: NetworkId) -> [u8; 6] {
    let bytes = network.uuid().into_bytes();
    [0xfa, 0x16, 0x3f, bytes[13], bytes[14], bytes[15]]
}

/// The IPv6 address that a station makes of its Ethernet address for the link alone (RFC 4862).
pub fn link_local6(mac: [u8; 6]) -> Ipv6Addr {
    let id = mac_interface_id(&mac_text(mac)).unwrap_or_default();
    Ipv6Addr::from(0xfe80 << 112 | u128::from(id))
}

fn is_host_of(address: Ipv4Addr, cidr: Ipv4Net) -> bool {
    let ends = cidr.prefix_len() < 31;
    cidr.contains(&address)
        && !(ends && (address == cidr.network() || address == cidr.broadcast()))
        && !address.is_multicast()
        && !address.is_loopback()
        && !address.is_unspecified()
}

/// Reads `fa:16:3e:00:00:01`; none unless it is the address of one station.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let parts: Vec<u8> = text
        .split(':')
        .map(|part| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok())?)
        .collect::<Option<_>>()?;
    let mac: [u8; 6] = parts.try_into().ok()?;
    (mac[0] & 1 == 0 && mac != [0; 6]).then_some(mac)
}

/// Writes an Ethernet address.
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Whether this is one label of a host name.
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub fn is_domain(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
#[path = "blueprint_tests.rs"]
mod tests;
