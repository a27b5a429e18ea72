//! What a node is told of a router, computed from rows. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::desired::service_port;
use super::desired_rows::Subnets;
use crate::network::model::{FloatingIp, GATEWAY_OWNER, INTERFACE_OWNER, Port, Router};
use crate::network::rpc::{FloatingSpec, RouterGateway, RouterSpec};

/// A router, of the ports and subnets that its host has and of the floating addresses that go through it.
pub(super) fn router_spec(
    router: &Router,
    ports: &[&Port],
    subnets: &Subnets,
    floating: &[FloatingIp],
) -> RouterSpec {
    let id = router.id.to_string();
    let own = |port: &Port, owner: &str| port.device_id == id && port.device_owner == owner;
    let gateway = ports.iter().find(|port| own(port, GATEWAY_OWNER));
    RouterSpec {
        id: router.id,
        interfaces: ports
            .iter()
            .filter(|port| own(port, INTERFACE_OWNER))
            .map(|port| service_port(port, subnets))
            .collect(),
        gateway: gateway.map(|port| RouterGateway {
            port: service_port(port, subnets),
            next_hops: next_hops(port, subnets),
            snat: router.enable_snat,
        }),
        floating: floating
            .iter()
            .filter_map(|floating| {
                let target = floating.target.filter(|to| to.router == router.id)?;
                Some(FloatingSpec {
                    floating: floating.address,
                    fixed: target.address,
                })
            })
            .collect(),
        routes: router
            .routes
            .iter()
            .map(|route| (route.destination, route.nexthop))
            .collect(),
    }
}

/// Gateways of the subnets that the way out has addresses of.
fn next_hops(port: &Port, subnets: &Subnets) -> Vec<IpAddr> {
    let hops: BTreeSet<IpAddr> = port
        .addresses
        .iter()
        .filter_map(|at| subnets.get(at.subnet)?.gateway)
        .collect();
    hops.into_iter().collect()
}
