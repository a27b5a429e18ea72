//! What OVN's own DHCP tells guests: one row per subnet that has it (ovn-nb(5), `DHCP_Options`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::rows::Index;
use super::want::{Key, Table, Want, map, text};
use crate::ids::{NetworkId, SubnetId};
use crate::network::model::{Ipv6Mode, Network, Port, Subnet};
use crate::network::names::METADATA;

/// Seconds that an address is given for; who asks again gets it again.
const LEASE: &str = "43200";

fn key(id: SubnetId) -> Key {
    format!("dhcp:{id}")
}

/// Adds what all subnets say.
pub fn add(want: &mut Want, index: &Index<'_>) {
    for subnet in index.subnets().filter(|subnet| is_served(subnet)) {
        let Some(network) = index.network(subnet.network) else {
            continue;
        };
        let options = match subnet.cidr {
            IpNet::V4(_) => options4(index, network, subnet),
            IpNet::V6(_) => options6(index, network, subnet),
        };
        let columns = [
            ("cidr", text(subnet.cidr.to_string())),
            ("options", map(options)),
        ];
        want.add(Table::Dhcp, key(subnet.id), columns, []);
    }
}

/// Rows that are for a guest's port, of each family.
pub fn options_of(index: &Index<'_>, port: &Port) -> (Option<Key>, Option<Key>) {
    let of = |is_v6: bool| {
        let mut subnets = port
            .addresses
            .iter()
            .filter_map(|at| index.subnet(at.subnet));
        let subnet = subnets.find(|subnet| subnet.is_v6() == is_v6 && is_served(subnet))?;
        Some(key(subnet.id))
    };
    (of(false), of(true))
}

fn is_served(subnet: &Subnet) -> bool {
    subnet.dhcp && !(subnet.is_v6() && subnet.address_mode == Some(Ipv6Mode::Slaac))
}

/// The Ethernet address that DHCP answers from: local, and of the network alone.
fn server_mac(network: NetworkId) -> String {
    let id = network.uuid().into_bytes();
    let own: Vec<String> = id[11..].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("02:{}", own.join(":"))
}

fn options4<'a>(index: &Index<'_>, network: &Network, subnet: &Subnet) -> Vec<(&'a str, String)> {
    let metadata = index.metadata(subnet).map(IpAddr::V4);
    let first = subnet.cidr.hosts().next().unwrap_or(subnet.cidr.addr());
    let server = subnet.gateway.or(metadata).unwrap_or(first);
    let mut options = vec![
        ("server_id", server.to_string()),
        ("server_mac", server_mac(network.id)),
        ("lease_time", LEASE.to_owned()),
        ("mtu", network.mtu.to_string()),
        ("domain_name", quoted(index.domain(network))),
    ];
    options.extend(
        subnet
            .gateway
            .map(|gateway| ("router", gateway.to_string())),
    );
    // OVN answers questions for the network's names wherever they are sent; somebody must be named.
    let mut servers = name_servers(index, subnet, false);
    servers.extend(metadata.filter(|_| servers.is_empty()));
    if !servers.is_empty() {
        options.push(("dns_server", set(&servers)));
    }
    let told = subnet
        .routes
        .iter()
        .map(|route| (route.destination, route.nexthop));
    let to_metadata = metadata.map(|hop| (IpNet::from(IpAddr::V4(METADATA)), hop));
    let mut routes: Vec<String> = to_metadata
        .into_iter()
        .chain(told)
        .map(|(to, hop)| format!("{to},{hop}"))
        .collect();
    if !routes.is_empty() {
        // A client that is told routes looks for the default one among them (RFC 3442).
        routes.extend(subnet.gateway.map(|hop| format!("0.0.0.0/0,{hop}")));
        options.push((
            "classless_static_route",
            format!("{{{}}}", routes.join(", ")),
        ));
    }
    options
}

fn options6<'a>(index: &Index<'_>, network: &Network, subnet: &Subnet) -> Vec<(&'a str, String)> {
    let mut options = vec![
        ("server_id", server_mac(network.id)),
        ("domain_search", quoted(index.domain(network))),
    ];
    let servers = name_servers(index, subnet, true);
    if !servers.is_empty() {
        options.push(("dns_server", set(&servers)));
    }
    if subnet.address_mode == Some(Ipv6Mode::Stateless) {
        options.push(("dhcpv6_stateless", "true".into()));
    }
    options
}

/// Name servers for guests of a subnet, of its family.
pub fn name_servers(index: &Index<'_>, subnet: &Subnet, is_v6: bool) -> Vec<IpAddr> {
    let own = if subnet.dns.is_empty() {
        &index.rows.resolvers
    } else {
        &subnet.dns
    };
    let of_family = own.iter().filter(|server| server.is_ipv6() == is_v6);
    of_family.copied().collect()
}

fn set(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    format!("{{{}}}", texts.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
