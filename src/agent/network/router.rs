//! A router as a namespace: its interfaces, its routes, and its packet filter as `nft` takes it.
//!
//! What leaves for the world gets the router's outer address, or the floating address of who sends it; what comes to a
//! floating address goes to the fixed one behind it; nothing else comes in unasked, unless addresses are not translated.
//! A guest reaches the floating address of its neighbour as well: such packets come from the router's outer address, so
//! that answers find their way back through it. Requests for 169.254.169.254 end here, where the metadata service listens.
//!
//! Addresses of IPv6 are not translated: such packets go through as they are, and security groups are what keeps guests from
//! what they do not want. The router itself answers ping, and says what it announces ([`advert`](super::advert)).
//!
//! The table is replaced as a whole; connections that are open go on, since the kernel knows them apart from rules.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::blueprint::parse_mac;
use super::filter::{accept, drop, field, is, is_not, known};
use super::room::{Room, Wire};
use super::ruleset::{Table, whole};
use crate::network::names::{
    INSIDE_PREFIX, METADATA, bridge_name, inside_interface, outside_interface, wire_name,
};
use crate::network::rpc::{NetworkSpec, RouterSpec, ServicePort};

/// Families our tables of a router are in.
pub const FAMILIES: [&str; 2] = ["ip", "ip6"];

/// A wire for one of the node's own ports; none if the port makes no sense.
pub fn wire(port: &ServicePort, inner: String, network: &NetworkSpec) -> Option<(String, Wire)> {
    let wire = Wire {
        inner,
        bridge: Some(bridge_name(port.network)),
        checksums: false,
        mac: parse_mac(&port.mac)?,
        mtu: network.mtu,
        addresses: port.addresses.iter().copied().collect(),
    };
    Some((wire_name(port.port), wire))
}

/// The router's namespace. `networks` are the node's; what a router needs and is not there is named as a problem.
pub fn room(
    router: &RouterSpec,
    networks: &BTreeMap<crate::ids::NetworkId, &NetworkSpec>,
    problems: &mut Vec<String>,
) -> Room {
    let mut room = Room {
        forwards: true,
        ..Room::default()
    };
    let mut add = |port: &ServicePort, inner: String| {
        let network = networks.get(&port.network);
        match network.and_then(|network| wire(port, inner, network)) {
            Some((outer, wire)) => {
                room.wires.insert(outer, wire);
            }
            None => problems.push(format!(
                "router {}: port {} can not be made: its network is not here or its Ethernet address is none",
                router.id, port.port
            )),
        }
    };
    for port in &router.interfaces {
        add(port, inside_interface(port.port));
    }
    if let Some(gateway) = &router.gateway {
        let mut port = gateway.port.clone();
        // Asked for on the link by who wants to reach them, so they have to be the router's own.
        let floating = router
            .floating
            .iter()
            .map(|pair| IpNet::from(IpAddr::V4(pair.floating)));
        port.addresses.extend(floating);
        add(&port, outside_interface(port.port));
    }
    room.routes = routes(router);
    room.filter = Some(filter(router));
    room
}

/// The ways of a router: its own routes, and out by the first gateway of each family.
fn routes(router: &RouterSpec) -> BTreeSet<(IpNet, IpAddr)> {
    let mut routes: BTreeSet<(IpNet, IpAddr)> = router
        .routes
        .iter()
        .map(|(to, by)| (to.trunc(), *by))
        .collect();
    for v4 in [true, false] {
        let everywhere = if v4 {
            IpNet::from(ipnet::Ipv4Net::default())
        } else {
            IpNet::from(ipnet::Ipv6Net::default())
        };
        let said = routes.iter().any(|(to, _)| *to == everywhere);
        let hop = router
            .gateway
            .iter()
            .flat_map(|gateway| &gateway.next_hops)
            .find(|hop| hop.is_ipv4() == v4);
        if let Some(hop) = hop.filter(|_| !said) {
            routes.insert((everywhere, *hop));
        }
    }
    routes
}

/// The router's packet filter.
fn filter(router: &RouterSpec) -> Value {
    let [mut table, mut table6] = FAMILIES.map(Table::new);
    let (from, to) = (
        json!({"meta": {"key": "iifname"}}),
        json!({"meta": {"key": "oifname"}}),
    );
    let inside = format!("{INSIDE_PREFIX}*");
    let outer = router.gateway.as_ref().and_then(|gateway| {
        let first = gateway.port.addresses.iter().find_map(|net| match net {
            IpNet::V4(net) => Some(net.addr()),
            IpNet::V6(_) => None,
        })?;
        Some((outside_interface(gateway.port.port), first, gateway.snat))
    });
    let translated =
        json!({"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}});
    let pairs = |out: bool| -> Vec<Value> {
        let pair = |pair: &crate::network::rpc::FloatingSpec| match out {
            true => json!([pair.fixed, pair.floating]),
            false => json!([pair.floating, pair.fixed]),
        };
        router.floating.iter().map(pair).collect()
    };
    table.map("to_fixed", "ipv4_addr", "ipv4_addr", pairs(false));
    table.map("to_floating", "ipv4_addr", "ipv4_addr", pairs(true));

    table.chain("prerouting", "nat", -100);
    let metadata = [
        is(&from, &inside),
        is(field("ip", "daddr"), METADATA),
        is(field("tcp", "dport"), 80),
        json!({"redirect": {"port": 80}}),
    ];
    table.rule("prerouting", metadata);
    let by = json!({"map": {"key": field("ip", "daddr"), "data": "@to_fixed"}});
    table.rule("prerouting", [json!({"dnat": {"addr": by}})]);

    table.chain("input", "filter", 0);
    table.rule("input", [known(), accept()]);
    table.rule("input", [is(field("ip", "protocol"), "icmp"), accept()]);
    table.rule(
        "input",
        [is(&from, &inside), is(field("tcp", "dport"), 80), accept()],
    );
    table.rule("input", [is(&from, "lo"), accept()]);
    table.rule("input", [drop()]);

    table.chain("forward", "filter", 0);
    table.chain("postrouting", "nat", 100);
    if let Some((name, address, snat)) = outer {
        table.rule("forward", [known(), accept()]);
        table.rule("forward", [translated.clone(), accept()]);
        if snat {
            table.rule("forward", [is(&from, &name), drop()]);
        }
        let by = json!({"map": {"key": field("ip", "saddr"), "data": "@to_floating"}});
        table.rule(
            "postrouting",
            [is(&to, &name), json!({"snat": {"addr": by}})],
        );
        let own = json!({"snat": {"addr": address}});
        if snat {
            table.rule(
                "postrouting",
                [
                    is(&to, &name),
                    is_not(field("ip", "saddr"), address),
                    own.clone(),
                ],
            );
        }
        // From inside to a floating address of somebody inside.
        table.rule(
            "postrouting",
            [is(&from, &inside), is(&to, &inside), translated, own],
        );
    }
    table6.chain("input", "filter", 0);
    table6.rule("input", [known(), accept()]);
    let icmp = is(json!({"meta": {"key": "l4proto"}}), "ipv6-icmp");
    table6.rule("input", [icmp, accept()]);
    table6.rule("input", [is(&from, "lo"), accept()]);
    table6.rule("input", [drop()]);
    whole(&[table, table6])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{NetworkId, PortId, RouterId};
    use crate::network::rpc::{FloatingSpec, RouterGateway};

    fn port(network: NetworkId, address: &str) -> ServicePort {
        ServicePort {
            port: PortId::new(),
            network,
            mac: "fa:16:3e:00:00:01".into(),
            addresses: vec![address.parse().unwrap()],
        }
    }

    fn router(inside: NetworkId, outside: NetworkId) -> RouterSpec {
        RouterSpec {
            id: RouterId::new(),
            interfaces: vec![port(inside, "10.1.0.1/24")],
            gateway: Some(RouterGateway {
                port: port(outside, "203.0.113.10/24"),
                next_hops: vec!["203.0.113.1".parse().unwrap()],
                snat: true,
            }),
            floating: vec![FloatingSpec {
                floating: "203.0.113.77".parse().unwrap(),
                fixed: "10.1.0.5".parse().unwrap(),
            }],
            routes: vec![("10.9.0.0/16".parse().unwrap(), "10.1.0.9".parse().unwrap())],
        }
    }

    #[test]
    fn a_router_has_its_interfaces_its_routes_and_its_floating_addresses() {
        use super::super::testing::network;
        let (inside, outside) = (network("10.1.0.0/24"), network("203.0.113.0/24"));
        let networks = [(inside.id, &inside), (outside.id, &outside)].into();
        let mut problems = Vec::new();
        let router = router(inside.id, outside.id);
        let room = room(&router, &networks, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(room.wires.len(), 2);
        let gateway = wire_name(router.gateway.as_ref().unwrap().port.port);
        assert_eq!(room.wires[&gateway].addresses.len(), 2);
        assert_eq!(
            room.routes,
            [
                ("0.0.0.0/0".parse().unwrap(), "203.0.113.1".parse().unwrap()),
                ("10.9.0.0/16".parse().unwrap(), "10.1.0.9".parse().unwrap()),
            ]
            .into()
        );
        let text = room.filter.unwrap().to_string();
        assert!(text.contains(r#"["203.0.113.77","10.1.0.5"]"#), "{text}");
        assert!(text.contains(r#"{"snat":{"addr":"203.0.113.10"}}"#));
    }

    #[test]
    fn a_network_that_is_not_here_is_named() {
        let mut problems = Vec::new();
        let router = router(NetworkId::new(), NetworkId::new());
        assert_eq!(
            room(&router, &BTreeMap::new(), &mut problems).wires.len(),
            0
        );
        assert_eq!(problems.len(), 2);
    }
}
