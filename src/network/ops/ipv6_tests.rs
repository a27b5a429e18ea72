//! Subnets, ports and routers of IPv6 against a real database.

use std::net::IpAddr;

use super::router_tests::{plug, router};
use super::tests::{Lab, bind, desired_of, kind, lab, network, new_port, project, subnet_of, wish};
use super::tunnel_tests::{guest, host_up};
use super::*;
use crate::context::Context;
use crate::error::Error;
use crate::ids::{NetworkId, PortId};
use crate::network::ipam;
use crate::network::model::Ipv6Mode::{self, Slaac, Stateful, Stateless};
use crate::network::model::{
    AddressWish, Addresses, DHCP_OWNER, GatewayWish, InterfaceWish, Network, NetworkChanges,
    NewFloatingIp, NewNetwork, NewPort, Port, PortChanges, PortQuery, RouterChanges, Subnet,
    SubnetChanges, SubnetQuery,
};
use crate::network::rpc::{Announced, Dhcp6};

async fn subnet6(cx: &Context, network: &Network, cidr: &str, mode: Option<Ipv6Mode>) -> Subnet {
    let mut new = subnet_of(network, cidr);
    (new.ra_mode, new.address_mode) = (mode, mode);
    subnet_create(cx, new).await.unwrap()
}

fn texts(port: &Port) -> Vec<String> {
    let addresses = port.addresses.iter();
    addresses.map(|at| at.address.to_string()).collect()
}

async fn made(cx: &Context, new: NewPort) -> Result<Port, Error> {
    port_create(cx, &new).await
}

fn with_mac(cx: &Context, network: NetworkId, mac: &str) -> NewPort {
    NewPort {
        mac: Some(mac.into()),
        ..new_port(cx, network)
    }
}

#[tokio::test]
async fn a_port_has_an_address_of_each_family_and_what_was_made_is_what_is_shown() {
    let lab = lab().await;
    let cx = &lab.member;
    let (dual, _) = network(cx, "10.9.0.0/24").await;
    let subnet = subnet6(cx, &dual, "FD00:1:0:0::/64", None).await;
    assert_eq!(subnet.cidr.to_string(), "fd00:1::/64");
    assert_eq!(subnet.gateway, Some("fd00:1::1".parse().unwrap()));
    let listed = subnet_list(cx, SubnetQuery::default()).await.unwrap();
    assert_eq!(listed[1], subnet);
    let port = made(cx, new_port(cx, dual.id)).await.unwrap();
    assert_eq!(port.addresses.len(), 2);
    assert!(port.addresses[0].address.is_ipv4());
    assert!(ipam::is_usable(subnet.cidr, port.addresses[1].address));
    assert_eq!(port_show(cx, port.id).await.unwrap(), port);
    // In any spelling, and whatever half of the range it is in.
    for (address, text) in [
        ("FD00:1:0:0::00aB", "fd00:1::ab"),
        ("fd00:1::ffff:ffff:ffff:ffff", "fd00:1::ffff:ffff:ffff:ffff"),
        ("fd00:1::7fff:ffff:ffff:ffff", "fd00:1::7fff:ffff:ffff:ffff"),
    ] {
        let new = NewPort {
            addresses: wish(address),
            ..new_port(cx, dual.id)
        };
        let port = made(cx, new.clone()).await.unwrap();
        assert_eq!(texts(&port), [text]);
        assert_eq!(texts(&port_show(cx, port.id).await.unwrap()), [text]);
        let again = NewPort {
            id: PortId::new(),
            ..new
        };
        let taken = made(cx, again).await.unwrap_err();
        assert_eq!(kind(&taken), "IpAddressInUse");
        let place = PortPlace::Network(dual.id);
        let found = port_at_address(&lab.admin, place, address.parse().unwrap()).await;
        assert_eq!(found.unwrap().map(|port| port.id), Some(port.id));
    }
    for (address, refused) in [
        ("fd00:1::1", "IpAddressInUse"),
        ("fd00:1::", "InvalidIpForNetwork"),
        ("fd00:2::5", "InvalidIpForNetwork"),
    ] {
        let new = NewPort {
            addresses: wish(address),
            ..new_port(cx, dual.id)
        };
        assert_eq!(
            kind(&made(cx, new).await.unwrap_err()),
            refused,
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_small_subnet_of_ipv6_is_given_out_to_the_last_address() {
    let lab = lab().await;
    let cx = &lab.member;
    let (net, _) = network(cx, "fd00:1::/124").await;
    let mut given: Vec<IpAddr> = Vec::new();
    for _ in 0..14 {
        let port = made(cx, new_port(cx, net.id)).await.unwrap();
        given.push(port.addresses[0].address);
    }
    given.sort_unstable();
    let expected: Vec<IpAddr> = (2..16)
        .map(|last| format!("fd00:1::{last:x}").parse().unwrap())
        .collect();
    assert_eq!(given, expected);
    let full = made(cx, new_port(cx, net.id)).await.unwrap_err();
    assert_eq!(kind(&full), "IpAddressGenerationFailure");
}

#[tokio::test]
async fn guests_that_make_their_addresses_have_them_whether_asked_for_or_not() {
    let lab = lab().await;
    let cx = &lab.member;
    let (dual, v4) = network(cx, "10.9.0.0/24").await;
    let before = made(cx, with_mac(cx, dual.id, "fa:16:3e:00:00:01")).await;
    let before = before.unwrap();
    let none = made(
        cx,
        NewPort {
            addresses: Addresses::These(Vec::new()),
            ..with_mac(cx, dual.id, "fa:16:3e:00:00:02")
        },
    );
    assert!(texts(&none.await.unwrap()).is_empty());
    let subnet = subnet6(cx, &dual, "fd00:1::/64", Some(Slaac)).await;
    // Ports that were there before.
    let shown = port_show(cx, before.id).await.unwrap();
    assert_eq!(texts(&shown)[1..], ["fd00:1::f816:3eff:fe00:1"]);
    let own = "fd00:1::f816:3eff:fe00:3";
    let only_v4 = NewPort {
        addresses: Addresses::These(vec![AddressWish {
            subnet: Some(v4.id),
            address: None,
        }]),
        ..with_mac(cx, dual.id, "fa:16:3e:00:00:03")
    };
    let port = made(cx, only_v4).await.unwrap();
    assert_eq!(texts(&port)[1..], [own]);
    // Named, it is had once; another one is not to be had.
    let named = |subnet, address: Option<&str>| NewPort {
        addresses: Addresses::These(vec![AddressWish {
            subnet,
            address: address.map(|text| text.parse().unwrap()),
        }]),
        ..with_mac(cx, dual.id, "fa:16:3e:00:00:04")
    };
    let refused = made(cx, named(None, Some("fd00:1::5"))).await.unwrap_err();
    assert_eq!(kind(&refused), "AllocationOnAutoAddressSubnet");
    let alone = made(cx, named(Some(subnet.id), None)).await.unwrap();
    assert_eq!(texts(&alone), ["fd00:1::f816:3eff:fe00:4"]);
    // It follows the Ethernet address, and stays when others change.
    let changes = PortChanges {
        mac: Some("fa:16:3e:00:00:05".into()),
        ..PortChanges::default()
    };
    let moved = port_update(cx, port.id, changes).await.unwrap();
    let v4_address = texts(&port)[0].clone();
    assert_eq!(
        texts(&moved),
        [v4_address.as_str(), "fd00:1::f816:3eff:fe00:5"]
    );
    let changes = PortChanges {
        addresses: Some(vec![AddressWish {
            subnet: None,
            address: Some("10.9.0.77".parse().unwrap()),
        }]),
        ..PortChanges::default()
    };
    let moved = port_update(cx, port.id, changes).await.unwrap();
    let mut have = texts(&moved);
    have.sort_unstable();
    assert_eq!(have, ["10.9.0.77", "fd00:1::f816:3eff:fe00:5"]);
    let nothing = PortChanges {
        addresses: Some(Vec::new()),
        ..PortChanges::default()
    };
    let bare = port_update(cx, port.id, nothing).await.unwrap();
    assert!(texts(&bare).is_empty());
    // Such a subnet goes with these addresses; modes stay what they were.
    let off = SubnetChanges {
        dhcp: Some(false),
        ..SubnetChanges::default()
    };
    let refused = subnet_update(cx, subnet.id, off).await.unwrap_err();
    assert_eq!(kind(&refused), "InvalidInput");
    subnet_delete(cx, subnet.id).await.unwrap();
    let shown = port_show(cx, before.id).await.unwrap();
    assert_eq!(texts(&shown), texts(&before));
    let stays = subnet6(cx, &dual, "fd00:1::/64", Some(Stateful)).await;
    made(cx, new_port(cx, dual.id)).await.unwrap();
    let refused = subnet_delete(cx, stays.id).await.unwrap_err();
    assert_eq!(kind(&refused), "SubnetInUse");
}

#[tokio::test]
async fn families_of_all_fields_agree() {
    let lab = lab().await;
    let cx = &lab.member;
    let (net, _) = network(cx, "10.9.0.0/24").await;
    for (field, cidr, change) in [
        ("gateway_ip", "fd00:1::/64", 0),
        ("allocation_pools", "fd00:1::/64", 1),
        ("dns_nameservers", "fd00:1::/64", 2),
        ("host_routes", "fd00:1::/64", 3),
        ("dns_nameservers", "10.8.0.0/24", 4),
    ] {
        let mut new = subnet_of(&net, cidr);
        match change {
            0 => new.gateway = Some(Some("10.8.0.1".parse().unwrap())),
            1 => {
                let (start, end) = ("10.8.0.5".parse().unwrap(), "10.8.0.9".parse().unwrap());
                new.pools = Some(vec![crate::network::model::Pool { start, end }]);
            }
            2 => new.dns = vec!["9.9.9.9".parse().unwrap()],
            3 => {
                new.routes = vec![crate::network::model::Route {
                    destination: "10.0.0.0/8".parse().unwrap(),
                    nexthop: "fd00:1::5".parse().unwrap(),
                }];
            }
            _ => new.dns = vec!["2620:fe::fe".parse().unwrap()],
        }
        let refused = subnet_create(cx, new).await.unwrap_err();
        assert_eq!(refused.status(), 400);
        assert!(refused.to_string().contains(field), "{field}: {refused}");
    }
    let second = subnet_create(cx, subnet_of(&net, "fd00:1::/64")).await;
    let overlaps = subnet_create(cx, subnet_of(&net, "fd00:1::/80")).await;
    let small = NetworkChanges {
        mtu: Some(1279),
        ..NetworkChanges::default()
    };
    let refused = network_update(cx, net.id, small).await.unwrap_err();
    assert_eq!(kind(&refused), "NetworkMTUSubnetConflict");
    let small = NewNetwork {
        mtu: Some(1279),
        ..NewNetwork::default()
    };
    let small = network_create(cx, small).await.unwrap();
    let refused = subnet_create(cx, subnet_of(&small, "fd00:9::/64")).await;
    assert_eq!(kind(&refused.unwrap_err()), "NetworkMTUSubnetConflict");
    assert!(second.is_ok());
    assert_eq!(kind(&overlaps.unwrap_err()), "InvalidInput");
}

#[tokio::test]
async fn a_routers_subnets_of_ipv6_share_a_port_and_floating_addresses_stay_ipv4() {
    let lab = lab().await;
    let cx = &lab.admin;
    let (inside, v4) = network(cx, "10.8.0.0/24").await;
    let first = subnet6(cx, &inside, "fd00:1::/64", Some(Slaac)).await;
    let second = subnet6(cx, &inside, "fd00:2::/64", Some(Stateful)).await;
    let made_by_us = router(cx, None).await;
    plug(cx, made_by_us.id, v4.id).await;
    let one = plug(cx, made_by_us.id, first.id).await;
    let other = plug(cx, made_by_us.id, second.id).await;
    assert_eq!(one, other);
    let ports = router_interfaces(cx, made_by_us.id).await.unwrap();
    assert_eq!(ports.len(), 2);
    let shared = ports.iter().find(|port| port.id == one).unwrap();
    assert_eq!(texts(shared), ["fd00:1::1", "fd00:2::1"]);
    let left = router_interface_remove(cx, made_by_us.id, Some(first.id), None).await;
    let left = left.unwrap();
    assert_eq!((left.port, left.subnets), (one, vec![first.id]));
    let shared = port_show(cx, one).await.unwrap();
    assert_eq!(texts(&shared), ["fd00:2::1"]);
    // Who is told what by another router is not told it by ours.
    let mut foreign = subnet_of(&inside, "fd00:3::/64");
    foreign.address_mode = Some(Slaac);
    let foreign = subnet_create(cx, foreign).await.unwrap();
    let wish = InterfaceWish::Subnet(foreign.id);
    let refused = router_interface_add(cx, made_by_us.id, wish).await;
    assert!(refused.unwrap_err().to_string().contains("external router"));

    let outside = NewNetwork {
        external: true,
        provider: crate::network::model::Provider {
            network_type: Some("vxlan".into()),
            ..Default::default()
        },
        ..NewNetwork::default()
    };
    let outside = network_create(cx, outside).await.unwrap();
    subnet_create(cx, subnet_of(&outside, "2001:db8::/64"))
        .await
        .unwrap();
    subnet_create(cx, subnet_of(&outside, "203.0.113.0/24"))
        .await
        .unwrap();
    let way = GatewayWish {
        network: outside.id,
        enable_snat: None,
        addresses: None,
    };
    let changes = RouterChanges {
        gateway: Some(Some(way)),
        ..RouterChanges::default()
    };
    let changed = router_update(cx, made_by_us.id, changes).await.unwrap();
    let families: Vec<bool> = changed
        .gateway
        .unwrap()
        .addresses
        .iter()
        .map(|at| at.address.is_ipv4())
        .collect();
    assert_eq!(families, [true, false]);
    let port = made(cx, new_port(cx, inside.id)).await.unwrap();
    assert_eq!(port.addresses.len(), 4);
    let floating = NewFloatingIp {
        project: None,
        description: String::new(),
        network: outside.id,
        subnet: None,
        address: None,
        target: Some(crate::network::model::TargetWish {
            port: port.id,
            address: None,
        }),
    };
    let floating = floating_create(cx, floating).await.unwrap();
    let fixed = floating.target.unwrap().address;
    assert_eq!(IpAddr::V4(fixed), port.addresses[0].address);
}

#[tokio::test]
async fn nodes_are_told_what_is_announced_who_answers_dhcp_and_which_addresses_groups_have() {
    let lab: Lab = lab().await;
    let cx = &lab.admin;
    host_up(cx, "n1", "192.0.2.1", &[]).await;
    let (net, _) = network(cx, "10.8.0.0/24").await;
    for (cidr, mode) in [
        ("fd00:1::/64", Some(Slaac)),
        ("fd00:2::/64", Some(Stateless)),
        ("fd00:3::/64", Some(Stateful)),
        ("fd00:4::/64", None),
    ] {
        subnet6(cx, &net, cidr, mode).await;
    }
    let port = guest(cx, net.id, "n1").await;
    bind(cx, port.id, "n1").await;
    let told = desired_of(cx, "n1").await;
    let spec = &told.networks[0];
    let dhcp = spec.dhcp.as_ref().unwrap();
    assert_eq!(dhcp.addresses.len(), 5);
    assert!(
        dhcp.addresses
            .iter()
            .all(|net| [24, 64].contains(&net.prefix_len()))
    );
    let kinds: Vec<Option<Dhcp6>> = spec.subnets6.iter().map(|of| of.dhcp).collect();
    assert_eq!(
        kinds,
        [
            Some(Dhcp6::Names),
            Some(Dhcp6::Rest),
            Some(Dhcp6::Addresses),
            Some(Dhcp6::Addresses)
        ]
    );
    let announced: Vec<Option<Announced>> = spec.subnets6.iter().map(|of| of.announced).collect();
    let said = |autonomous, managed, other| {
        Some(Announced {
            autonomous,
            managed,
            other,
        })
    };
    assert_eq!(
        announced,
        [
            said(true, false, false),
            said(true, false, true),
            said(false, true, true),
            None
        ]
    );
    // Names are answered where DHCP is.
    for subnet in &spec.subnets6 {
        let own = dhcp.addresses.iter().map(ipnet::IpNet::addr);
        let own: Vec<IpAddr> = own.filter(|at| subnet.cidr.contains(&v6(*at))).collect();
        assert_eq!(subnet.dns.len(), 1);
        assert_eq!(own, [IpAddr::V6(subnet.dns[0])]);
    }
    assert_eq!(spec.ports[0].addresses.len(), 5 - 1);
    // The default group lets its members in, by all their addresses.
    let members = &told.security_groups[0].members;
    assert_eq!(members.len(), 4, "{members:?}");
    let query = PortQuery {
        network: Some(net.id),
        device_owner: Some(DHCP_OWNER.into()),
        ..PortQuery::default()
    };
    assert_eq!(port_list(cx, query).await.unwrap().len(), 1);
    assert_eq!(project(cx), port.project);
}

fn v6(address: IpAddr) -> std::net::Ipv6Addr {
    match address {
        IpAddr::V6(address) => address,
        IpAddr::V4(address) => address.to_ipv6_mapped(),
    }
}
