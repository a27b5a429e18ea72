//! Networks for the unit tests of this folder.

use crate::ids::{NetworkId, PortId, SubnetId};
use crate::network::rpc::{NetworkDesired, NetworkSpec, PortSpec, Segment, SubnetSpec};

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
        arriving: false,
        hostname: None,
        server: None,
    }
}
