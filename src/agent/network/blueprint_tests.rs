//! What a blueprint makes of wishes, and what it leaves out.

use rstest::rstest;

use super::super::testing::{desired, network, port};
use super::*;

#[test]
fn a_network_becomes_a_bridge_a_server_and_rules_for_its_ports() {
    let mut network = network("10.1.0.0/24");
    network.ports.push(port("fa:16:3e:00:00:01", "10.1.0.5"));
    let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
    let name = bridge_name(network.id);
    assert!(blueprint.problems.is_empty(), "{:?}", blueprint.problems);
    assert_eq!(
        blueprint.bridges[&name].addresses,
        [NodeAddress {
            address: Ipv4Addr::new(10, 1, 0, 1),
            on_link: "10.1.0.0/24".parse().unwrap(),
        }]
        .into()
    );
    assert_eq!(blueprint.servers[&name].holders.len(), 1);
    assert_eq!(blueprint.taps[&tap_name(network.ports[0].id)], name);
    assert!(blueprint.filter.bridges[&name]);
}

#[test]
fn what_overlaps_the_machine_or_an_older_network_is_left_out_and_named() {
    let (first, second) = (network("10.1.0.0/24"), network("10.1.0.0/16"));
    let site = Site {
        foreign: vec![("eth0".into(), "10.9.0.0/16".parse().unwrap())],
        ..Site::default()
    };
    let third = network("10.9.1.0/24");
    let all = desired(&[second.clone(), first.clone(), third.clone()]);
    let blueprint = Blueprint::new(&all, &site);
    assert_eq!(blueprint.problems.len(), 2, "{:?}", blueprint.problems);
    assert!(
        blueprint
            .problems
            .iter()
            .any(|text| text.contains("of eth0"))
    );
    assert_eq!(blueprint.bridges[&bridge_name(first.id)].addresses.len(), 1);
    assert_eq!(
        blueprint.bridges[&bridge_name(second.id)].addresses.len(),
        0
    );
    assert_eq!(blueprint.servers.len(), 1);
    assert_eq!(blueprint.filter.translated.len(), 1);
}

#[test]
fn a_subnet_without_gateway_is_served_from_a_link_local_address_and_not_translated() {
    let mut network = network("10.1.0.0/24");
    network.subnets[0].gateway = None;
    let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
    let bridge = &blueprint.bridges[&bridge_name(network.id)];
    let server = bridge.addresses.first().unwrap().address;
    assert!(server.is_link_local());
    let text = &blueprint.servers[&bridge_name(network.id)].configuration;
    assert!(text.contains(&format!(
        ",option:classless-static-route,{server}/32,0.0.0.0\n"
    )));
    assert!(blueprint.filter.translated.is_empty());
}

#[rstest]
#[case("fa:16:3e:00:00:0g")]
#[case("fa:16:3e:00:00")]
#[case("01:00:5e:00:00:01")]
#[case("00:00:00:00:00:00")]
#[case("fa:16:3e:00:00:01,evil")]
fn no_station(#[case] mac: &str) {
    assert_eq!(parse_mac(mac), None);
}

#[rstest]
#[case("web\n10.0.0.1 bank")]
#[case("-x")]
#[case("")]
#[case("a.b")]
fn no_host_name(#[case] name: &str) {
    let mut network = network("10.1.0.0/24");
    network.ports.push(PortSpec {
        hostname: Some(name.into()),
        ..port("fa:16:3e:00:00:01", "10.1.0.5")
    });
    let blueprint = Blueprint::new(&desired(&[network.clone()]), &Site::default());
    assert_eq!(blueprint.problems.len(), 1);
    let server = &blueprint.servers[&bridge_name(network.id)];
    assert_eq!(server.reservations, "fa:16:3e:00:00:01,10.1.0.5\n");
    assert_eq!(server.names, "");
}
