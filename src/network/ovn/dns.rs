//! Names of a network's ports, which OVN answers on the host where somebody asks (ovn-nb(5), `DNS`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::rows::Index;
use super::want::{Key, Table, Value, Want};
use crate::ids::NetworkId;

/// Key of a network's row.
pub fn key(id: NetworkId) -> Key {
    format!("dns:{id}")
}

/// Adds the names of all networks.
pub fn add(want: &mut Want, index: &Index<'_>) {
    let mut records: BTreeMap<NetworkId, BTreeMap<String, String>> = index
        .networks()
        .map(|network| (network.id, BTreeMap::new()))
        .collect();
    for (port, network) in index.ports() {
        let Some(name) = port
            .hostname
            .as_ref()
            .filter(|_| !port.addresses.is_empty())
        else {
            continue;
        };
        let full = format!("{name}.{}", index.domain(network)).to_lowercase();
        let names = records.entry(network.id).or_default();
        for at in &port.addresses {
            names.insert(reverse(at.address), full.clone());
        }
        let addresses: Vec<String> = port
            .addresses
            .iter()
            .map(|at| at.address.to_string())
            .collect();
        let addresses = addresses.join(" ");
        names.insert(name.to_lowercase(), addresses.clone());
        names.insert(full, addresses);
    }
    for (id, names) in records {
        want.add(Table::Dns, key(id), [("records", Value::Map(names))], []);
    }
}

/// The name under which an address's own name is asked for (RFC 1035, 3.5; RFC 3596, 2.5).
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = address.octets().into_iter().rev();
            let digits = digits.flat_map(|byte| [byte & 15, byte >> 4]);
            let digits: Vec<String> = digits.map(|digit| format!("{digit:x}")).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_addresses_are_those_of_the_standards() {
        assert_eq!(
            reverse("10.1.2.3".parse().unwrap()),
            "3.2.1.10.in-addr.arpa"
        );
        // The example of RFC 3596.
        assert_eq!(
            reverse("4321:0:1:2:3:4:567:89ab".parse().unwrap()),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"
        );
    }
}
