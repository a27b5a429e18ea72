//! Networks for the unit tests of this folder.

use crate::ids::{NetworkId, PortId, SubnetId};
use crate::network::rpc::{
    Announced, Dhcp6, NetworkDesired, NetworkSpec, PortSpec, Segment, Subnet6Spec, SubnetSpec,
};

pub fn desired(networks: &[NetworkSpec]) -> NetworkDesired {
    NetworkDesired {
        generation: 1,
        networks: networks.to_vec(),
        ..NetworkDesired::default()
    }
}

/// A translated network with one subnet, whose first address is the gateway.
pub fn network(cidr: &str) -> NetworkSpec {
    NetworkSpec {
        id: NetworkId::new(),
        mtu: 1500,
        subnets: vec![subnet(cidr)],
        subnets6: Vec::new(),
        ports: Vec::new(),
        segment: Segment::Node { nat: true },
        stations: Vec::new(),
        peers: Vec::new(),
        flood: false,
        dhcp: None,
        dns_domain: "cloud.test".into(),
        resolvers: Vec::new(),
    }
}

pub fn subnet(cidr: &str) -> SubnetSpec {
    let cidr: ipnet::Ipv4Net = cidr.parse().unwrap();
    SubnetSpec {
        id: SubnetId::new(),
        cidr,
        gateway: cidr.hosts().next(),
        dhcp: true,
        dns: Vec::new(),
        routes: Vec::new(),
    }
}

/// A subnet of IPv6, with what is announced of it: whether guests make addresses, and the flags of DHCP.
pub fn subnet6(cidr: &str, announced: Option<(bool, bool, bool)>) -> Subnet6Spec {
    let cidr: ipnet::Ipv6Net = cidr.parse().unwrap();
    Subnet6Spec {
        id: SubnetId::new(),
        cidr,
        gateway: cidr.hosts().nth(1),
        dhcp: Some(match announced {
            Some((true, _, false)) => Dhcp6::Names,
            Some((true, _, true)) => Dhcp6::Rest,
            _ => Dhcp6::Addresses,
        }),
        address_mode: None,
        announced: announced.map(|(autonomous, managed, other)| Announced {
            autonomous,
            managed,
            other,
        }),
        dns: Vec::new(),
        routes: Vec::new(),
    }
}

pub fn port(mac: &str, address: &str) -> PortSpec {
    PortSpec {
        id: PortId::new(),
        network: NetworkId::new(),
        mac: mac.into(),
        addresses: vec![address.parse().unwrap()],
        mtu: 1500,
        port_security: true,
        allowed_pairs: Vec::new(),
        security_groups: None,
        logical: false,
        arriving: false,
        hostname: None,
        server: None,
    }
}
