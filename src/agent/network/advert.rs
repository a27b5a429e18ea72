//! What routers announce to guests of IPv6 subnets (RFC 4861), as `radvd` reads it: one configuration per router. Pure text.
//!
//! Guests learn here that there is a router, which prefixes are on the link and whether they make addresses of them, whether
//! DHCP knows more, the largest packet, and name servers (RFC 8106). Without an announcement no guest has a way out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::names::inside_interface;
use crate::ids::NetworkId;
use crate::network::rpc::{Announced, NetworkSpec, RouterSpec, ServicePort, Subnet6Spec};

/// Seconds between what is announced unasked, at least and at most.
const INTERVAL: (u16, u16) = (30, 100);
/// For how many seconds a router, and what it says of names, is believed in: one or two announcements may be lost.
const LIFETIME: u16 = 300;

/// What a router announces; none if it has nothing to.
pub fn configuration(
    router: &RouterSpec,
    networks: &BTreeMap<NetworkId, &NetworkSpec>,
) -> Option<String> {
    let mut text = String::from("# Written by Skydeck and replaced when the router changes.\n");
    let empty = text.len();
    for port in &router.interfaces {
        if let Some(network) = networks.get(&port.network) {
            write_interface(port, network, &mut text);
        }
    }
    (text.len() > empty).then_some(text)
}

fn write_interface(port: &ServicePort, network: &NetworkSpec, text: &mut String) {
    let is_on = |subnet: &Subnet6Spec| {
        let mut own = port.addresses.iter().map(IpNet::addr);
        own.any(|address| matches!(address, IpAddr::V6(address) if subnet.cidr.contains(&address)))
    };
    let on: Vec<(&Subnet6Spec, Announced)> = network
        .subnets6
        .iter()
        .filter(|subnet| is_on(subnet))
        .filter_map(|subnet| Some((subnet, subnet.announced?)))
        .collect();
    if on.is_empty() {
        return;
    }
    let any = |flag: fn(&Announced) -> bool| on_off(on.iter().any(|(_, said)| flag(said)));
    let _ = write!(
        text,
        "interface {} {{\n  AdvSendAdvert on;\n  MinRtrAdvInterval {};\n  MaxRtrAdvInterval {};\n  AdvDefaultLifetime {LIFETIME};\n  AdvLinkMTU {};\n  \
         AdvManagedFlag {};\n  AdvOtherConfigFlag {};\n",
        inside_interface(port.port),
        INTERVAL.0,
        INTERVAL.1,
        network.mtu,
        any(|said| said.managed),
        any(|said| said.other),
    );
    for (subnet, said) in &on {
        let _ = writeln!(
            text,
            "  prefix {} {{ AdvOnLink on; AdvAutonomous {}; }};",
            subnet.cidr.trunc(),
            on_off(said.autonomous)
        );
        let servers: Vec<String> = subnet.dns.iter().map(ToString::to_string).collect();
        if !servers.is_empty() {
            let servers = servers.join(" ");
            let _ = writeln!(
                text,
                "  RDNSS {servers} {{ AdvRDNSSLifetime {LIFETIME}; }};"
            );
        }
    }
    let domain = network.dns_domain.trim_end_matches('.');
    if super::blueprint::is_domain(domain) {
        let _ = writeln!(text, "  DNSSL {domain} {{ AdvDNSSLLifetime {LIFETIME}; }};");
    }
    text.push_str("};\n");
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{network, subnet6};
    use super::*;
    use crate::ids::{PortId, RouterId};

    #[test]
    fn each_interface_says_its_prefixes_and_how_addresses_are_had() {
        let mut first = network("10.1.0.0/24");
        first.mtu = 1450;
        first.subnets6 = vec![
            subnet6("fd00:1::/64", Some((true, false, false))),
            subnet6("fd00:2::/64", Some((false, true, true))),
            // Not of this router, and not announced.
            subnet6("fd00:3::/64", Some((true, false, false))),
            subnet6("fd00:4::/64", None),
        ];
        first.subnets6[0].dns = vec!["fd00:1::2".parse().unwrap()];
        let port = ServicePort {
            port: PortId::new(),
            network: first.id,
            mac: "fa:16:3e:00:00:01".into(),
            addresses: ["fd00:1::1/64", "fd00:2::1/64", "fd00:4::1/64"]
                .map(|address| address.parse().unwrap())
                .to_vec(),
        };
        let router = |interfaces| RouterSpec {
            id: RouterId::new(),
            interfaces,
            gateway: None,
            floating: Vec::new(),
            routes: Vec::new(),
        };
        let networks = [(first.id, &first)].into();
        let text = configuration(&router(vec![port.clone()]), &networks).unwrap();
        for part in [
            format!("interface {} {{", inside_interface(port.port)),
            "AdvLinkMTU 1450;".into(),
            "AdvManagedFlag on;".into(),
            "AdvOtherConfigFlag on;".into(),
            "prefix fd00:1::/64 { AdvOnLink on; AdvAutonomous on; };".into(),
            "prefix fd00:2::/64 { AdvOnLink on; AdvAutonomous off; };".into(),
            "RDNSS fd00:1::2 { AdvRDNSSLifetime 300; };".into(),
            "DNSSL cloud.test { AdvDNSSLLifetime 300; };".into(),
        ] {
            assert!(text.contains(&part), "{part} is not in {text}");
        }
        assert!(!text.contains("fd00:3") && !text.contains("fd00:4"));
        let silent = ServicePort {
            addresses: vec!["10.1.0.1/24".parse().unwrap()],
            ..port
        };
        assert_eq!(configuration(&router(vec![silent]), &networks), None);
    }
}
