//! Networks as logical switches, and their ports (ovn-nb(5), `Logical_Switch`, `Logical_Switch_Port`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::rows::Index;
use super::want::{Key, Table, Value, Want, map, text, texts};
use super::{dhcp, dns};
use crate::ids::{NetworkId, PortId};
use crate::network::model::{
    DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER, Network, NetworkKind, Port,
};

/// Key of a port's row.
pub fn port_key(id: PortId) -> Key {
    format!("port:{id}")
}

/// Name of a router's port.
pub fn router_port_name(id: PortId) -> String {
    format!("lrp-{id}")
}

/// Whether a port is a router's.
pub fn is_router_port(port: &Port) -> bool {
    [INTERFACE_OWNER, GATEWAY_OWNER].contains(&port.device_owner.as_str())
}

/// Adds all switches with their ports.
pub fn add(want: &mut Want, index: &Index<'_>) {
    let mut ports: BTreeMap<NetworkId, BTreeSet<Key>> = BTreeMap::new();
    for (port, network) in index.ports() {
        let key = add_port(want, index, port, network);
        ports.entry(network.id).or_default().insert(key);
    }
    for network in index.networks() {
        let mut ports = ports.remove(&network.id).unwrap_or_default();
        if let NetworkKind::Flat { physical } = &network.kind {
            ports.insert(add_uplink(want, network, physical));
        }
        let columns = [
            ("name", text(format!("neutron-{}", network.id))),
            ("ports", Value::Refs(ports)),
            ("dns_records", Value::Refs([dns::key(network.id)].into())),
        ];
        let notes = [
            ("neutron:network_name", network.name.clone()),
            ("neutron:mtu", network.mtu.to_string()),
        ];
        want.add(
            Table::Switch,
            format!("network:{}", network.id),
            columns,
            notes,
        );
    }
}

/// The way from a switch to a physical network, on every host that is plugged into it.
fn add_uplink(want: &mut Want, network: &Network, physical: &str) -> Key {
    let columns = [
        ("name", text(format!("provnet-{}", network.id))),
        ("type", text("localnet")),
        ("addresses", texts(["unknown"])),
        ("options", map([("network_name", physical.to_owned())])),
    ];
    let key = format!("uplink:{}", network.id);
    want.add(Table::SwitchPort, key, columns, [])
}

fn add_port(want: &mut Want, index: &Index<'_>, port: &Port, network: &Network) -> Key {
    let mut options: Vec<(&str, String)> = Vec::new();
    let (kind, addresses) = if is_router_port(port) {
        options.push(("router-port", router_port_name(port.id)));
        if port.device_owner == GATEWAY_OWNER {
            // Neighbours outside hear at once where the router's addresses went.
            options.push(("nat-addresses", "router".into()));
        }
        ("router", vec!["router".to_owned()])
    } else {
        let hosts: Vec<&str> = port
            .host
            .iter()
            .chain(&port.migrating_to)
            .map(String::as_str)
            .collect();
        if !hosts.is_empty() {
            options.push(("requested-chassis", hosts.join(",")));
        }
        let kind = if port.device_owner == DHCP_OWNER {
            "localport"
        } else {
            ""
        };
        (kind, addresses(port))
    };
    let is_guests = !port.is_service();
    let (v4, v6) = if is_guests {
        dhcp::options_of(index, port)
    } else {
        (None, None)
    };
    let secured = is_guests && port.port_security;
    let columns = [
        ("name", text(port.id.to_string())),
        ("type", text(kind)),
        ("options", map(options)),
        ("addresses", texts(addresses)),
        (
            "port_security",
            texts(if secured { sources(port) } else { Vec::new() }),
        ),
        (
            "enabled",
            Value::Flag(port.admin_state_up && network.admin_state_up),
        ),
        ("dhcpv4_options", Value::Ref(v4)),
        ("dhcpv6_options", Value::Ref(v6)),
    ];
    let notes = [
        ("neutron:port_name", port.name.clone()),
        ("neutron:device_id", port.device_id.clone()),
        ("neutron:device_owner", port.device_owner.clone()),
    ];
    want.add(Table::SwitchPort, port_key(port.id), columns, notes)
}

/// Where frames and packets for a port go: by Ethernet address, and the addresses for whose neighbours OVN answers.
fn addresses(port: &Port) -> Vec<String> {
    let own = line(
        &port.mac,
        port.addresses.iter().map(|at| at.address.to_string()),
    );
    let others = port.pairs.iter().filter_map(|pair| pair.mac.as_ref());
    let others: BTreeSet<&String> = others.filter(|mac| **mac != port.mac).collect();
    let mut lines = vec![own];
    lines.extend(others.into_iter().cloned());
    if !port.port_security && !port.is_service() {
        lines.push("unknown".into());
    }
    lines
}

/// What a guest may send from.
fn sources(port: &Port) -> Vec<String> {
    let mut by_mac: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let own = by_mac.entry(&port.mac).or_default();
    own.extend(port.addresses.iter().map(|at| at.address.to_string()));
    for pair in &port.pairs {
        let mac = pair.mac.as_deref().unwrap_or(&port.mac);
        let prefix = if pair.prefix.prefix_len() == pair.prefix.max_prefix_len() {
            pair.prefix.addr().to_string()
        } else {
            pair.prefix.to_string()
        };
        by_mac.entry(mac).or_default().push(prefix);
    }
    let bounded = |addresses: Vec<String>| {
        if addresses.is_empty() {
            // An Ethernet address by itself would allow any other.
            vec![IpAddr::from([0, 0, 0, 0]).to_string()]
        } else {
            addresses
        }
    };
    by_mac
        .into_iter()
        .map(|(mac, addresses)| line(mac, bounded(addresses).into_iter()))
        .collect()
}

fn line(mac: &str, addresses: impl Iterator<Item = String>) -> String {
    let mut line = mac.to_owned();
    for address in addresses {
        line.push(' ');
        line.push_str(&address);
    }
    line
}
