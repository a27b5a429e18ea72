//! What a node is told of subnets, and a guest on its config drive. Pure.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::network::model::{Ipv6Mode, Subnet};
use crate::network::rpc::{Announced, Dhcp6, Subnet6Spec, SubnetSpec};

/// A subnet of IPv4; none of the other ones.
pub(super) fn subnet_spec(subnet: &Subnet) -> Option<SubnetSpec> {
    let IpNet::V4(cidr) = subnet.cidr else {
        return None;
    };
    let v4 = |address: IpAddr| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    };
    Some(SubnetSpec {
        id: subnet.id,
        cidr,
        gateway: subnet.gateway.and_then(v4),
        dhcp: subnet.dhcp,
        dns: subnet.dns.clone(),
        routes: subnet
            .routes
            .iter()
            .filter_map(|route| match route.destination {
                IpNet::V4(to) => Some((to, v4(route.nexthop)?)),
                IpNet::V6(_) => None,
            })
            .collect(),
    })
}

/// A subnet of IPv6; none of the other ones. `served` are addresses where DHCP is answered, which answers names as well.
pub(super) fn subnet6_spec(subnet: &Subnet, served: &[IpAddr]) -> Option<Subnet6Spec> {
    let IpNet::V6(cidr) = subnet.cidr else {
        return None;
    };
    let mut dns: Vec<Ipv6Addr> = subnet.dns.iter().copied().filter_map(v6).collect();
    if dns.is_empty() {
        let own = served.iter().copied().filter_map(v6);
        dns.extend(own.filter(|address| cidr.contains(address)));
    }
    Some(Subnet6Spec {
        id: subnet.id,
        cidr,
        gateway: subnet.gateway.and_then(v6),
        dhcp: dhcp6(subnet),
        address_mode: subnet.address_mode.map(|mode| mode.name().to_owned()),
        announced: subnet.ra_mode.map(announced),
        dns,
        routes: subnet
            .routes
            .iter()
            .filter_map(|route| match route.destination {
                IpNet::V6(to) => Some((to, v6(route.nexthop)?)),
                IpNet::V4(_) => None,
            })
            .collect(),
    })
}

fn v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}

/// As Neutron's DHCP agent has it: without any mode addresses are given as well.
fn dhcp6(subnet: &Subnet) -> Option<Dhcp6> {
    if !subnet.dhcp {
        return None;
    }
    Some(match (subnet.address_mode, subnet.ra_mode) {
        (Some(Ipv6Mode::Stateful), _) | (None, None) => Dhcp6::Addresses,
        (Some(Ipv6Mode::Stateless), _) => Dhcp6::Rest,
        (Some(Ipv6Mode::Slaac), _) | (None, Some(_)) => Dhcp6::Names,
    })
}

fn announced(mode: Ipv6Mode) -> Announced {
    Announced {
        autonomous: mode != Ipv6Mode::Stateful,
        managed: mode == Ipv6Mode::Stateful,
        other: mode != Ipv6Mode::Slaac,
    }
}
