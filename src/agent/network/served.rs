//! How subnets of a network are served: from which address the server speaks, where metadata is, and what guests are
//! told. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::blueprint::{is_label, parse_mac};
use super::dhcp::{self, Reservation, ServedSubnet, ServedSubnet6};
use crate::ids::NetworkId;
use crate::network::names::{METADATA, METADATA6};
use crate::network::rpc::{
    Announced, NetworkSpec, ServicePort, StationSpec, Subnet6Spec, SubnetSpec,
};

/// How a subnet is served by the node itself. Without a gateway the node has no address in it: the server then speaks from
/// a link-local one, to which guests are given a route.
pub fn serve(network: &NetworkSpec, subnet: &SubnetSpec) -> ServedSubnet {
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
pub fn serve_from(port: &ServicePort, subnet: &SubnetSpec) -> Option<ServedSubnet> {
    let own: Vec<IpAddr> = port.addresses.iter().map(IpNet::addr).collect();
    let server = v4(&own).find(|address| subnet.cidr.contains(address))?;
    let route = (Ipv4Net::from(METADATA), server);
    Some(served(subnet, server, Some(route)))
}

/// Where metadata is asked for at a port that answers: by IPv6 as well, if it has an address of that.
pub fn metadata_addresses(port: &ServicePort) -> impl Iterator<Item = IpNet> {
    let is_spoken = port.addresses.iter().any(|net| net.addr().is_ipv6());
    let link = is_spoken.then(|| IpNet::V6(metadata_link()));
    link.into_iter().chain([IpNet::from(IpAddr::V4(METADATA))])
}

/// The address of metadata by IPv6, with the link that it is on.
pub fn metadata_link() -> Ipv6Net {
    Ipv6Net::new_assert(METADATA6, 64)
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
pub fn v4(addresses: &[IpAddr]) -> impl Iterator<Item = Ipv4Addr> + '_ {
    addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    })
}

/// The IPv6 ones of some addresses.
pub fn v6(addresses: &[IpAddr]) -> impl Iterator<Item = Ipv6Addr> + '_ {
    addresses.iter().filter_map(|address| match address {
        IpAddr::V6(address) => Some(*address),
        IpAddr::V4(_) => None,
    })
}

/// How a subnet of IPv6 is served by a namespace's server, if that has an address in it. What is announced there comes from a
/// router.
pub fn serve6_from(port: &ServicePort, subnet: &Subnet6Spec) -> Option<ServedSubnet6> {
    let own: Vec<IpAddr> = port.addresses.iter().map(IpNet::addr).collect();
    let server = v6(&own).find(|address| subnet.cidr.contains(address))?;
    served6(subnet, server, None)
}

/// How a subnet of IPv6 is served by the node itself, which is its gateway and says what a router would: also whether it is a
/// way out, or only the one who tells of the prefix.
pub fn serve6_own(subnet: &Subnet6Spec, gateway: Ipv6Addr, way_out: bool) -> Option<ServedSubnet6> {
    let lifetime = if way_out { WAY_OUT_SECONDS } else { 0 };
    let announced = subnet.announced.map(|announced| (announced, lifetime));
    served6(subnet, gateway, announced)
}

fn served6(
    subnet: &Subnet6Spec,
    server: Ipv6Addr,
    announced: Option<(Announced, u16)>,
) -> Option<ServedSubnet6> {
    let mut dns = subnet.dns.clone();
    if dns.is_empty() {
        dns.push(server);
    }
    Some(ServedSubnet6 {
        tag: dhcp::tag(subnet.id),
        cidr: subnet.cidr.trunc(),
        dhcp: subnet.dhcp?,
        dns,
        announced,
    })
}

/// How long a node stays a way out of a network of its own unless it says so again.
const WAY_OUT_SECONDS: u16 = 300;

/// What DHCP knows of a port that is elsewhere.
pub fn stationed(station: &StationSpec) -> Option<Reservation> {
    Some(Reservation {
        mac: parse_mac(&station.mac)?,
        addresses: v4(&station.addresses).collect(),
        addresses6: v6(&station.addresses).collect(),
        hostname: station.hostname.clone().filter(|name| is_label(name)),
    })
}

/// An address on the link alone, from the id; not 169.254.169.254, which is for metadata.
fn link_local(network: NetworkId) -> Ipv4Addr {
    let bytes = network.uuid().into_bytes();
    // Third byte 1 to 128, fourth 1 to 254.
    Ipv4Addr::new(169, 254, bytes[14] % 128 + 1, bytes[15] % 254 + 1)
}
