//! Routers as logical routers: ports, routes, translations (ovn-nb(5), `Logical_Router` and what belongs to it).
//!
//! What is inside is routed where the guest is. The way out is on one host, the first of its hosts that lives; OVN finds out
//! by itself which does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::dhcp::name_servers;
use super::rows::Index;
use super::switch::{is_router_port, router_port_name};
use super::want::{Key, Table, Value, Want, map, text, texts};
use crate::ids::RouterId;
use crate::network::model::{GATEWAY_OWNER, Ipv6Mode, Network, Port, Router};

/// Adds all routers.
pub fn add(want: &mut Want, index: &Index<'_>) {
    let mut ports: HashMap<&str, Vec<(&Port, &Network)>> = HashMap::new();
    for (port, network) in index.ports() {
        if is_router_port(port) {
            ports
                .entry(&port.device_id)
                .or_default()
                .push((port, network));
        }
    }
    let floating = index.rows.floating.iter();
    let mut by_router: BTreeMap<RouterId, Vec<(IpAddr, IpAddr, Key)>> = BTreeMap::new();
    for one in floating {
        if let Some(target) = one.target {
            let key = format!("float:{}", one.id);
            let pair = (one.address.into(), target.address.into(), key);
            by_router.entry(target.router).or_default().push(pair);
        }
    }
    for router in &index.rows.routers {
        let id = router.id.to_string();
        let own = ports.remove(id.as_str()).unwrap_or_default();
        let floating = by_router.remove(&router.id).unwrap_or_default();
        add_router(want, index, router, &own, floating);
    }
}

fn add_router(
    want: &mut Want,
    index: &Index<'_>,
    router: &Router,
    ports: &[(&Port, &Network)],
    floating: Vec<(IpAddr, IpAddr, Key)>,
) {
    let gateway = ports
        .iter()
        .find(|(port, _)| port.device_owner == GATEWAY_OWNER)
        .map(|(port, _)| *port);
    let mut nat: BTreeSet<Key> = BTreeSet::new();
    if let Some(gateway) = gateway {
        nat.extend(floating.into_iter().map(|(outside, inside, key)| {
            add_nat(want, key, "dnat_and_snat", outside, inside.to_string())
        }));
        nat.extend(add_snat(want, index, router, gateway, ports));
    }
    let routes = add_routes(want, index, router, gateway);
    let ports = ports
        .iter()
        .map(|(port, network)| add_port(want, index, router, port, network))
        .collect();
    let columns = [
        ("name", text(format!("neutron-{}", router.id))),
        ("enabled", Value::Flag(router.admin_state_up)),
        ("ports", Value::Refs(ports)),
        ("static_routes", Value::Refs(routes)),
        ("nat", Value::Refs(nat)),
        (
            "options",
            map([
                // Neighbours outside are asked when they are needed, not learned from whatever they say.
                ("always_learn_from_arp_request", "false".to_owned()),
                ("dynamic_neigh_routers", "true".to_owned()),
            ]),
        ),
    ];
    let notes = [("neutron:router_name", router.name.clone())];
    want.add(
        Table::Router,
        format!("router:{}", router.id),
        columns,
        notes,
    );
}

fn add_nat(want: &mut Want, key: Key, kind: &str, outside: IpAddr, inside: String) -> Key {
    let columns = [
        ("type", text(kind)),
        ("external_ip", text(outside.to_string())),
        ("logical_ip", text(inside)),
    ];
    want.add(Table::Nat, key, columns, [])
}

/// Inner addresses become the first outer one.
fn add_snat(
    want: &mut Want,
    index: &Index<'_>,
    router: &Router,
    gateway: &Port,
    ports: &[(&Port, &Network)],
) -> Vec<Key> {
    let mut outer = gateway.addresses.iter().map(|at| at.address);
    let Some(outside) = outer.find(IpAddr::is_ipv4).filter(|_| router.enable_snat) else {
        return Vec::new();
    };
    let inside: BTreeSet<IpNet> = ports
        .iter()
        .filter(|(port, _)| port.id != gateway.id)
        .flat_map(|(port, _)| index.prefixed(port))
        .map(|net| net.trunc())
        .filter(|net| matches!(net, IpNet::V4(_)))
        .collect();
    inside
        .into_iter()
        .map(|net| {
            let key = format!("snat:{}:{net}", router.id);
            add_nat(want, key, "snat", outside, net.to_string())
        })
        .collect()
}

fn add_routes(
    want: &mut Want,
    index: &Index<'_>,
    router: &Router,
    gateway: Option<&Port>,
) -> BTreeSet<Key> {
    let subnets = gateway.into_iter().flat_map(|port| &port.addresses);
    let hops: BTreeSet<IpAddr> = subnets
        .filter_map(|at| index.subnet(at.subnet)?.gateway)
        .collect();
    let everywhere = |hop: IpAddr| match hop {
        IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
    };
    let out = hops.into_iter().map(|hop| (everywhere(hop), hop));
    let own = router
        .routes
        .iter()
        .map(|route| (route.destination, route.nexthop));
    out.chain(own)
        .map(|(to, hop)| {
            let columns = [
                ("ip_prefix", text(to.to_string())),
                ("nexthop", text(hop.to_string())),
            ];
            let key = format!("route:{}:{to}:{hop}", router.id);
            want.add(Table::Route, key, columns, [])
        })
        .collect()
}

fn add_port(
    want: &mut Want,
    index: &Index<'_>,
    router: &Router,
    port: &Port,
    network: &Network,
) -> Key {
    let name = router_port_name(port.id);
    let mut hosts = BTreeSet::new();
    if port.device_owner == GATEWAY_OWNER {
        for one in index.rows.gateways.get(&router.id).into_iter().flatten() {
            let columns = [
                ("name", text(format!("{name}_{}", one.host))),
                ("chassis_name", text(one.host.clone())),
                ("priority", Value::Number(one.priority)),
            ];
            let key = format!("gateway:{}:{}", port.id, one.host);
            hosts.insert(want.add(Table::GatewayChassis, key, columns, []));
        }
    }
    let networks = index.prefixed(port);
    let columns = [
        ("name", text(name)),
        ("mac", text(port.mac.clone())),
        ("networks", texts(networks.iter().map(IpNet::to_string))),
        ("enabled", Value::Flag(port.admin_state_up)),
        ("gateway_chassis", Value::Refs(hosts)),
        ("ipv6_ra_configs", map(announced(index, port, network))),
    ];
    want.add(
        Table::RouterPort,
        format!("router-port:{}", port.id),
        columns,
        [],
    )
}

/// What the port tells guests of IPv6 (ovn-nb(5), `ipv6_ra_configs`); one mode for all subnets, as a port has one way to say it.
fn announced<'a>(index: &Index<'_>, port: &Port, network: &Network) -> Vec<(&'a str, String)> {
    let mut subnets = port
        .addresses
        .iter()
        .filter_map(|at| index.subnet(at.subnet));
    let found = subnets.find_map(|subnet| Some((subnet, subnet.ra_mode?)));
    let Some((subnet, mode)) = found else {
        return Vec::new();
    };
    let mode = match mode {
        Ipv6Mode::Slaac => "slaac",
        Ipv6Mode::Stateful => "dhcpv6_stateful",
        Ipv6Mode::Stateless => "dhcpv6_stateless",
    };
    let mut said = vec![
        ("address_mode", mode.to_owned()),
        ("send_periodic", "true".to_owned()),
        ("mtu", network.mtu.to_string()),
        ("dnssl", index.domain(network).to_owned()),
    ];
    // OVN announces one.
    let servers = name_servers(index, subnet, true);
    said.extend(servers.first().map(|server| ("rdnss", server.to_string())));
    said
}
