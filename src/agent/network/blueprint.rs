//! What the control plane wants of a node's networking, in the host's own terms: bridges with addresses, one DHCP and
//! name server per network, and the packet filter.
//!
//! Pure. Everything that comes from outside is checked here, once: what passes can not break out of a configuration
//! file or a rule, and can not take an address the machine itself lives on. What does not pass is left out and named as
//! a problem; the rest is still made, so that one bad subnet does not cost the others their network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net};

use super::dhcp::{self, DhcpServer, Reservation, RunAs, ServedSubnet, ServerFiles};
use super::filter::{Filter, GuestPort};
use super::room::Room;
use super::router;
use super::security::GroupedPort;
use super::tunnel::{self, OVERHEAD, Tunnel};
use crate::ids::NetworkId;
use crate::network::names::{
    METADATA, bridge_name, dhcp_interface, dhcp_namespace, router_namespace, tap_name, tunnel_name,
};
use crate::network::rpc::{
    AllowedPair, NetworkDesired, NetworkSpec, PortSpec, Segment, ServicePort, StationSpec,
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
    /// Interfaces to physical networks, and the bridge of each.
    pub uplinks: BTreeMap<String, String>,
    /// Namespaces by name.
    pub rooms: BTreeMap<String, Room>,
    /// Who may send what.
    pub filter: Filter,
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
    pub foreign: Vec<(String, Ipv4Net)>,
    /// Where its tunnels end, and the largest packet that passes there in bytes; none if that is not known.
    pub tunnel: Option<(IpAddr, u32)>,
    /// Its interfaces to physical networks, by the networks' names; why it can not be used where it can not.
    pub physical: BTreeMap<String, Result<String, String>>,
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
        for network in networks.values() {
            blueprint.add_network(network, site, &mut taken);
        }
        for router in &desired.routers {
            let room = router::room(router, &networks, &mut blueprint.problems);
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
        taken: &mut Vec<(String, Ipv4Net)>,
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
                mtu: network.mtu,
                mac: bridge_mac(network.id),
                addresses: BTreeSet::new(),
            };
            self.bridges.insert(name.clone(), bridge);
            let subnets: Vec<&SubnetSpec> = network.subnets.iter().collect();
            let mut reservations = self.add_ports(network, &name, &subnets);
            if let Some(port) = &network.dhcp {
                reservations.extend(network.stations.iter().filter_map(stationed));
                self.add_dhcp(network, port, &name, domain, reservations, site);
            }
        }
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
                Some(Ok(interface)) => {
                    if let Some(other) = self.uplinks.insert(interface.clone(), bridge.to_owned()) {
                        self.problem(network, &format!("{interface} is on {other} already"));
                    }
                }
                Some(Err(why)) => self.problem(network, why),
                None => self.problem(
                    network,
                    &format!("this node has no physical network {physical}: name its interface in agent.physical_networks"),
                ),
            },
            Segment::Node { .. } | Segment::None => {}
        }
    }

    /// A network of the node alone: it is the gateway and answers DHCP itself.
    fn add_own(
        &mut self,
        network: &NetworkSpec,
        name: &str,
        domain: String,
        site: &Site,
        taken: &mut Vec<(String, Ipv4Net)>,
    ) {
        let nat = matches!(network.segment, Segment::Node { nat: true });
        let subnets = self.usable_subnets(network, taken);
        let reservations = self.add_ports(network, name, &subnets);
        let served: Vec<ServedSubnet> = subnets
            .iter()
            .filter(|subnet| subnet.dhcp)
            .map(|subnet| serve(network, subnet))
            .collect();
        let gateways = subnets
            .iter()
            .filter_map(|subnet| Some((subnet.gateway?, subnet.cidr)));
        let servers = served.iter().map(|subnet| (subnet.server, subnet.cidr));
        let bridge = Bridge {
            mtu: network.mtu,
            mac: bridge_mac(network.id),
            addresses: gateways
                .chain(servers)
                .map(|(address, cidr)| NodeAddress {
                    address,
                    on_link: cidr.trunc(),
                })
                .collect(),
        };
        if !served.is_empty() {
            let server = DhcpServer {
                domain,
                mtu: network.mtu,
                forwards: nat,
                resolvers: network.resolvers.clone(),
                subnets: served,
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
        wire.addresses.insert(IpNet::from(IpAddr::V4(METADATA)));
        let served: Vec<ServedSubnet> = network
            .subnets
            .iter()
            .filter(|subnet| subnet.dhcp)
            .filter_map(|subnet| serve_from(port, subnet))
            .collect();
        let everywhere = IpNet::from(Ipv4Net::default());
        let way_out = served.iter().find_map(|subnet| subnet.gateway);
        let way_out = way_out.filter(|_| !network.resolvers.is_empty());
        let room = Room {
            wires: [(outer, wire)].into(),
            routes: way_out
                .map(|hop| (everywhere, hop.into()))
                .into_iter()
                .collect(),
            ..Room::default()
        };
        let namespace = dhcp_namespace(network.id);
        self.rooms.insert(namespace.clone(), room);
        if served.is_empty() {
            return;
        }
        let server = DhcpServer {
            domain,
            mtu: network.mtu,
            // Its namespace has no way to the node's own.
            forwards: !network.resolvers.is_empty(),
            resolvers: network.resolvers.clone(),
            subnets: served,
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
        taken: &mut Vec<(String, Ipv4Net)>,
    ) -> Vec<&'a SubnetSpec> {
        let mut usable: Vec<&SubnetSpec> = Vec::new();
        for subnet in &network.subnets {
            let cidr = subnet.cidr.trunc();
            let overlap = taken
                .iter()
                .find(|(_, other)| other.contains(&cidr) || cidr.contains(other));
            if let Some((owner, other)) = overlap {
                let text = format!(
                    "its subnet {cidr} overlaps {other} of {owner}, so this node gives it no address, DHCP or way out; use another range"
                );
                self.problem(network, &text);
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
            taken.push((format!("network {}", network.id), cidr));
            usable.push(subnet);
        }
        usable
    }

    /// Adds what the filter must know of the ports; returns their reservations and names.
    fn add_ports(
        &mut self,
        network: &NetworkSpec,
        bridge: &str,
        subnets: &[&SubnetSpec],
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
            self.taps.insert(tap.clone(), bridge.to_owned());
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
                    .filter(|address| subnets.iter().any(|subnet| subnet.cidr.contains(address)))
                    .collect(),
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

/// How a subnet is served by the node itself. Without a gateway the node has no address in it: the server then speaks from
/// a link-local one, to which guests are given a route.
fn serve(network: &NetworkSpec, subnet: &SubnetSpec) -> ServedSubnet {
    match subnet.gateway {
        Some(gateway) => served(subnet, gateway, None),
        None => {
            let server = link_local(network.id);
            let route = (Ipv4Net::from(server), Ipv4Addr::UNSPECIFIED);
            served(subnet, server, Some(route))
        }
    }
}

/// How a subnet is served by a namespace's server, if that has an address in it.
fn serve_from(port: &ServicePort, subnet: &SubnetSpec) -> Option<ServedSubnet> {
    let own: Vec<IpAddr> = port.addresses.iter().map(IpNet::addr).collect();
    let server = v4(&own).find(|address| subnet.cidr.contains(address))?;
    let route = (Ipv4Net::from(METADATA), server);
    Some(served(subnet, server, Some(route)))
}

/// A subnet served from an address, with a route more than it says itself.
fn served(
    subnet: &SubnetSpec,
    server: Ipv4Addr,
    route: Option<(Ipv4Net, Ipv4Addr)>,
) -> ServedSubnet {
    let mut routes = subnet.routes.clone();
    routes.extend(route);
    let mut dns: Vec<Ipv4Addr> = v4(&subnet.dns).collect();
    if dns.is_empty() {
        dns.push(server);
    }
    ServedSubnet {
        tag: dhcp::tag(subnet.id),
        cidr: subnet.cidr.trunc(),
        server,
        gateway: subnet.gateway,
        dns,
        routes,
    }
}

/// The IPv4 ones of some addresses.
fn v4(addresses: &[IpAddr]) -> impl Iterator<Item = Ipv4Addr> + '_ {
    addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    })
}

/// What DHCP knows of a port that is elsewhere.
fn stationed(station: &StationSpec) -> Option<Reservation> {
    Some(Reservation {
        mac: parse_mac(&station.mac)?,
        addresses: v4(&station.addresses).collect(),
        hostname: station.hostname.clone().filter(|name| is_label(name)),
    })
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
        neighbours.extend(station.addresses.iter().map(|address| (*address, mac)));
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

/// The Ethernet address of a network's bridge: locally administered, from the id.
fn bridge_mac(network: NetworkId) -> [u8; 6] {
    let bytes = network.uuid().into_bytes();
    [0xfa, 0x16, 0x3f, bytes[13], bytes[14], bytes[15]]
}

/// An address on the link alone, from the id; not 169.254.169.254, which is for metadata.
fn link_local(network: NetworkId) -> Ipv4Addr {
    let bytes = network.uuid().into_bytes();
    // Third byte 1 to 128, fourth 1 to 254.
    Ipv4Addr::new(169, 254, bytes[14] % 128 + 1, bytes[15] % 254 + 1)
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
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_domain(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::testing::{desired, network, port};
    use super::*;

    #[test]
    fn a_network_becomes_a_bridge_a_server_and_rules_for_its_ports() {
        let mut network = network("10.1.0.0/24");
        network.ports.push(port("fa:16:3e:00:00:01", "10.1.0.5"));
        let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
        let name = bridge_name(network.id);
        assert!(blueprint.problems.is_empty(), "{:?}", blueprint.problems);
        assert_eq!(
            blueprint.bridges[&name].addresses,
            [NodeAddress {
                address: Ipv4Addr::new(10, 1, 0, 1),
                on_link: "10.1.0.0/24".parse().unwrap(),
            }]
            .into()
        );
        assert_eq!(blueprint.servers[&name].holders.len(), 1);
        assert_eq!(blueprint.taps[&tap_name(network.ports[0].id)], name);
        assert!(blueprint.filter.bridges[&name]);
    }

    #[test]
    fn what_overlaps_the_machine_or_an_older_network_is_left_out_and_named() {
        let (first, second) = (network("10.1.0.0/24"), network("10.1.0.0/16"));
        let site = Site {
            foreign: vec![("eth0".into(), "10.9.0.0/16".parse().unwrap())],
            ..Site::default()
        };
        let third = network("10.9.1.0/24");
        let all = desired(&[second.clone(), first.clone(), third.clone()]);
        let blueprint = Blueprint::new(&all, &site);
        assert_eq!(blueprint.problems.len(), 2, "{:?}", blueprint.problems);
        assert!(
            blueprint
                .problems
                .iter()
                .any(|text| text.contains("of eth0"))
        );
        assert_eq!(blueprint.bridges[&bridge_name(first.id)].addresses.len(), 1);
        assert_eq!(
            blueprint.bridges[&bridge_name(second.id)].addresses.len(),
            0
        );
        assert_eq!(blueprint.servers.len(), 1);
        assert_eq!(blueprint.filter.translated.len(), 1);
    }

    #[test]
    fn a_subnet_without_gateway_is_served_from_a_link_local_address_and_not_translated() {
        let mut network = network("10.1.0.0/24");
        network.subnets[0].gateway = None;
        let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
        let bridge = &blueprint.bridges[&bridge_name(network.id)];
        let server = bridge.addresses.first().unwrap().address;
        assert!(server.is_link_local());
        let text = &blueprint.servers[&bridge_name(network.id)].configuration;
        assert!(text.contains(&format!(
            ",option:classless-static-route,{server}/32,0.0.0.0\n"
        )));
        assert!(blueprint.filter.translated.is_empty());
    }

    #[rstest]
    #[case("fa:16:3e:00:00:0g")]
    #[case("fa:16:3e:00:00")]
    #[case("01:00:5e:00:00:01")]
    #[case("00:00:00:00:00:00")]
    #[case("fa:16:3e:00:00:01,evil")]
    fn no_station(#[case] mac: &str) {
        assert_eq!(parse_mac(mac), None);
    }

    #[rstest]
    #[case("web\n10.0.0.1 bank")]
    #[case("-x")]
    #[case("")]
    #[case("a.b")]
    fn no_host_name(#[case] name: &str) {
        let mut network = network("10.1.0.0/24");
        network.ports.push(PortSpec {
            hostname: Some(name.into()),
            ..port("fa:16:3e:00:00:01", "10.1.0.5")
        });
        let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
        assert_eq!(blueprint.problems.len(), 1);
        let server = &blueprint.servers[&bridge_name(network.id)];
        assert_eq!(server.reservations, "fa:16:3e:00:00:01,10.1.0.5\n");
        assert_eq!(server.names, "");
    }
}
