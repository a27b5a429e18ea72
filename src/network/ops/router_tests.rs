//! Routers and floating addresses against a real database.

use std::net::IpAddr;

use super::tests::{Lab, desired_of, kind, lab, network, new_port, project, subnet_of};
use super::tunnel_tests::{guest, host_down, host_up};
use super::*;
use crate::context::Context;
use crate::ids::{NetworkId, PortId, RouterId, SubnetId};
use crate::network::ipam;
use crate::network::model::{
    AddressWish, Addresses, AgentKind, FloatingIp, FloatingIpChanges, GATEWAY_OWNER, GatewayWish,
    InterfaceWish, Network, NetworkChanges, NewFloatingIp, NewNetwork, NewPort, NewRouter,
    PortQuery, Route, Router, RouterChanges, Subnet, SubnetChanges, TargetWish,
};
use crate::network::rpc::RouterSpec;

async fn outside(lab: &Lab, cidr: &str) -> (Network, Subnet) {
    let new = NewNetwork {
        name: "public".into(),
        external: true,
        ..NewNetwork::default()
    };
    let network = network_create(&lab.admin, new).await.unwrap();
    let subnet = subnet_create(&lab.admin, subnet_of(&network, cidr))
        .await
        .unwrap();
    (network, subnet)
}

fn way(network: NetworkId) -> GatewayWish {
    GatewayWish {
        network,
        enable_snat: None,
        addresses: None,
    }
}

pub(super) async fn router(cx: &Context, outside: Option<NetworkId>) -> Router {
    let new = NewRouter {
        name: "r".into(),
        gateway: outside.map(way),
        ..NewRouter::default()
    };
    router_create(cx, new).await.unwrap()
}

pub(super) async fn plug(cx: &Context, router: RouterId, subnet: SubnetId) -> PortId {
    let wish = InterfaceWish::Subnet(subnet);
    router_interface_add(cx, router, wish).await.unwrap().port
}

fn allocate(network: NetworkId) -> NewFloatingIp {
    NewFloatingIp {
        project: None,
        description: String::new(),
        network,
        subnet: None,
        address: None,
        target: None,
    }
}

fn to(port: PortId) -> FloatingIpChanges {
    FloatingIpChanges {
        target: Some(Some(TargetWish {
            port,
            address: None,
        })),
        ..FloatingIpChanges::default()
    }
}

async fn told(lab: &Lab, host: &str) -> Vec<RouterSpec> {
    desired_of(&lab.admin, host).await.routers
}

fn route(destination: &str, nexthop: &str) -> Route {
    Route {
        destination: destination.parse().unwrap(),
        nexthop: nexthop.parse().unwrap(),
    }
}

#[tokio::test]
async fn a_router_leads_out_and_its_floating_addresses_in() {
    let lab = lab().await;
    let cx = &lab.member;
    host_up(&lab.admin, "n1", "192.0.2.1", &[]).await;
    let (public, public_subnet) = outside(&lab, "203.0.113.0/24").await;
    let (net, subnet) = network(cx, "10.9.0.0/24").await;
    let port = guest(cx, net.id, "n1").await;
    let made = router(cx, Some(public.id)).await;
    let gateway = made.gateway.clone().unwrap();
    assert_eq!(gateway.network, public.id);
    services_place(cx).await.unwrap();
    assert_eq!(router_show(cx, made.id).await.unwrap().host, None);
    // Without a way to the subnet nothing can lead to it.
    let floating = floating_create(cx, allocate(public.id)).await.unwrap();
    let error = floating_update(cx, floating.id, to(port.id))
        .await
        .unwrap_err();
    assert_eq!(
        (kind(&error), error.status()),
        ("ExternalGatewayForFloatingIPNotFound", 404)
    );
    let inside = plug(cx, made.id, subnet.id).await;
    assert_eq!(
        port_show(cx, inside).await.unwrap().addresses[0].address,
        subnet.gateway.unwrap()
    );
    services_place(cx).await.unwrap();
    assert_eq!(
        router_show(cx, made.id).await.unwrap().host.as_deref(),
        Some("n1")
    );
    let floating = floating_update(cx, floating.id, to(port.id)).await.unwrap();
    assert!(floating.is_active);
    let [spec] = told(&lab, "n1").await.try_into().unwrap();
    assert_eq!((spec.id, spec.interfaces[0].port), (made.id, inside));
    let out = spec.gateway.unwrap();
    assert!(out.snat && out.port.port == gateway.port);
    assert_eq!(out.next_hops, [public_subnet.gateway.unwrap()]);
    assert_eq!(
        (
            spec.floating[0].floating,
            IpAddr::V4(spec.floating[0].fixed)
        ),
        (floating.address, port.addresses[0].address)
    );
    let desired = desired_of(cx, "n1").await;
    assert_eq!(desired.networks.len(), 2);
    assert_eq!(desired.ports().len(), 4);
    let mut conn = cx.db.read().await.unwrap();
    let shown = server_addresses_on_conn(&mut conn, &[port.server().unwrap()])
        .await
        .unwrap();
    drop(conn);
    let shown: Vec<_> = shown
        .iter()
        .map(|at| (at.address, at.is_floating))
        .collect();
    assert_eq!(
        shown,
        [
            (port.addresses[0].address, false),
            (IpAddr::V4(floating.address), true)
        ]
    );
    // What is needed stays.
    for (error, expected) in [
        (router_delete(cx, made.id).await.unwrap_err(), "RouterInUse"),
        (
            router_interface_remove(cx, made.id, Some(subnet.id), None)
                .await
                .unwrap_err(),
            "RouterInterfaceInUseByFloatingIP",
        ),
        (
            router_update(
                cx,
                made.id,
                RouterChanges {
                    gateway: Some(None),
                    ..RouterChanges::default()
                },
            )
            .await
            .unwrap_err(),
            "RouterExternalGatewayInUseByFloatingIp",
        ),
        (
            subnet_delete(cx, subnet.id).await.unwrap_err(),
            "SubnetInUse",
        ),
        (
            network_delete(&lab.admin, public.id).await.unwrap_err(),
            "NetworkInUse",
        ),
        (
            port_delete(cx, inside).await.unwrap_err(),
            "ServicePortInUse",
        ),
        (
            subnet_update(
                cx,
                subnet.id,
                SubnetChanges {
                    gateway: Some(None),
                    ..SubnetChanges::default()
                },
            )
            .await
            .unwrap_err(),
            "GatewayIpInUse",
        ),
        (
            network_update(
                &lab.admin,
                public.id,
                NetworkChanges {
                    external: Some(false),
                    ..NetworkChanges::default()
                },
            )
            .await
            .unwrap_err(),
            "ExternalNetworkInUse",
        ),
    ] {
        assert_eq!((kind(&error), error.status()), (expected, 409), "{error}");
    }
    // A second one to the same address.
    let more = NewFloatingIp {
        target: Some(TargetWish {
            port: port.id,
            address: None,
        }),
        ..allocate(public.id)
    };
    let error = floating_create(cx, more).await.unwrap_err();
    assert_eq!(kind(&error), "FloatingIPPortAlreadyAssociated");
    assert_eq!(floating_list(cx).await.unwrap().len(), 1);
    // Off: not told. On another host: told there.
    let up = |up| RouterChanges {
        admin_state_up: Some(up),
        ..RouterChanges::default()
    };
    router_update(cx, made.id, up(false)).await.unwrap();
    assert!(told(&lab, "n1").await.is_empty());
    assert!(!floating_show(cx, floating.id).await.unwrap().is_active);
    router_update(cx, made.id, up(true)).await.unwrap();
    host_up(&lab.admin, "n2", "192.0.2.2", &[]).await;
    host_down(&lab.admin, "n1", true).await;
    services_place(cx).await.unwrap();
    assert!(told(&lab, "n1").await.is_empty());
    assert_eq!(told(&lab, "n2").await.len(), 1);
    assert_eq!(told(&lab, "n2").await[0].floating.len(), 1);
    // A port that goes leaves its floating address behind.
    let mut tx = cx.db.begin().await.unwrap();
    port_delete_on_conn(&mut tx, port.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(floating_show(cx, floating.id).await.unwrap().target, None);
    floating_delete(cx, floating.id).await.unwrap();
    router_interface_remove(cx, made.id, None, Some(inside))
        .await
        .unwrap();
    assert_eq!(router_show(cx, made.id).await.unwrap().host, None);
    router_delete(cx, made.id).await.unwrap();
    assert_eq!(
        kind(&router_show(cx, made.id).await.unwrap_err()),
        "NotFound"
    );
    network_delete(&lab.admin, public.id).await.unwrap();
}

#[tokio::test]
async fn interfaces_do_not_overlap_and_ports_become_some() {
    let lab = lab().await;
    let cx = &lab.member;
    let (one, subnet) = network(cx, "10.9.0.0/24").await;
    let (_, same) = network(cx, "10.9.0.0/25").await;
    let made = router(cx, None).await;
    let add = async |wish| router_interface_add(cx, made.id, wish).await;
    // A port with another address, then the subnet itself is there already.
    let new = NewPort {
        addresses: Addresses::These(vec![AddressWish {
            subnet: None,
            address: Some(IpAddr::from([10, 9, 0, 9])),
        }]),
        ..new_port(cx, one.id)
    };
    let port = port_create(cx, &new).await.unwrap();
    let told = add(InterfaceWish::Port(port.id)).await.unwrap();
    assert_eq!((told.port, told.subnets), (port.id, vec![subnet.id]));
    let none = NewPort {
        addresses: Addresses::These(Vec::new()),
        ..new_port(cx, one.id)
    };
    let none = port_create(cx, &none).await.unwrap();
    for (wish, expected, status) in [
        (InterfaceWish::Subnet(subnet.id), "BadRequest", 400),
        (InterfaceWish::Subnet(same.id), "BadRequest", 400),
        (InterfaceWish::Port(none.id), "BadRequest", 400),
        (InterfaceWish::Port(port.id), "PortInUse", 409),
        (InterfaceWish::Subnet(SubnetId::new()), "NotFound", 404),
    ] {
        let error = add(wish).await.unwrap_err();
        assert_eq!(
            (kind(&error), error.status()),
            (expected, status),
            "{error}"
        );
    }
    // Another router may be the gateway; a third finds the address taken.
    let second = router(cx, None).await;
    plug(cx, second.id, subnet.id).await;
    let third = router(cx, None).await;
    let error = router_interface_add(cx, third.id, InterfaceWish::Subnet(subnet.id))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "IpAddressInUse");
    let error = router_interface_remove(cx, third.id, Some(subnet.id), None)
        .await
        .unwrap_err();
    assert_eq!(
        (kind(&error), error.status()),
        ("RouterInterfaceNotFoundForSubnet", 404)
    );
    let error = router_interface_remove(cx, third.id, None, Some(port.id))
        .await
        .unwrap_err();
    assert_eq!(
        (kind(&error), error.status()),
        ("RouterInterfaceNotFound", 404)
    );
    // Of each node's own networks it can not be the gateway.
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    let own = subnet_list(&lab.admin, Default::default()).await.unwrap();
    let own = own.iter().find(|subnet| subnet.name == "private").unwrap();
    let error = router_interface_add(&lab.admin, third.id, InterfaceWish::Subnet(own.id))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "BadRequest");
    assert_eq!(router_interfaces(cx, made.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn routes_need_a_next_hop_that_is_there() {
    let lab = lab().await;
    let cx = &lab.member;
    let (_, subnet) = network(cx, "10.9.0.0/24").await;
    let made = router(cx, None).await;
    plug(cx, made.id, subnet.id).await;
    let good = route("10.50.0.0/16", "10.9.0.7");
    for wrong in [
        route("10.50.0.0/16", "10.8.0.7"),
        route("10.50.0.0/16", "10.9.0.1"),
    ] {
        let error = router_routes_add(cx, made.id, vec![wrong])
            .await
            .unwrap_err();
        assert_eq!((kind(&error), error.status()), ("InvalidRoutes", 400));
    }
    for _ in 0..2 {
        let after = router_routes_add(cx, made.id, vec![good]).await.unwrap();
        assert_eq!(after.routes, [good]);
    }
    let error = router_interface_remove(cx, made.id, Some(subnet.id), None)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "RouterInterfaceInUseByRoute");
    let after = router_routes_remove(cx, made.id, vec![good]).await.unwrap();
    assert!(after.routes.is_empty());
    let changes = RouterChanges {
        routes: Some(vec![good]),
        tags: Some(vec!["a".into()]),
        name: Some("other".into()),
        description: Some("d".into()),
        ..RouterChanges::default()
    };
    let after = router_update(cx, made.id, changes).await.unwrap();
    assert_eq!(router_show(cx, made.id).await.unwrap(), after);
}

#[tokio::test]
async fn a_way_out_changes_with_its_addresses() {
    let lab = lab().await;
    let cx = &lab.admin;
    let (public, _) = outside(&lab, "203.0.113.0/24").await;
    let (other, _) = outside(&lab, "198.51.100.0/24").await;
    let (inner, _) = network(cx, "10.9.0.0/24").await;
    let made = router(cx, Some(public.id)).await;
    let set = async |wish| {
        let changes = RouterChanges {
            gateway: Some(wish),
            ..RouterChanges::default()
        };
        router_update(cx, made.id, changes).await
    };
    let exact = GatewayWish {
        enable_snat: Some(false),
        addresses: Some(vec![AddressWish {
            subnet: None,
            address: Some(IpAddr::from([203, 0, 113, 77])),
        }]),
        ..way(public.id)
    };
    let after = set(Some(exact.clone())).await.unwrap();
    assert_eq!(
        after.gateway.as_ref().unwrap().addresses[0].address,
        IpAddr::from([203, 0, 113, 77])
    );
    assert!(!after.enable_snat);
    // The same again changes nothing.
    let again = set(Some(exact.clone())).await.unwrap();
    assert_eq!(again.gateway, after.gateway);
    let moved = set(Some(way(other.id))).await.unwrap();
    assert_eq!(moved.gateway.unwrap().network, other.id);
    let query = PortQuery {
        device_owner: Some(GATEWAY_OWNER.into()),
        ..PortQuery::default()
    };
    assert_eq!(port_list(cx, query).await.unwrap().len(), 1);
    assert_eq!(
        kind(&set(Some(way(inner.id))).await.unwrap_err()),
        "BadRequest"
    );
    assert_eq!(set(None).await.unwrap().gateway, None);
    // Members take what they are given.
    let own = router(&lab.member, None).await;
    let changes = RouterChanges {
        gateway: Some(Some(exact)),
        ..RouterChanges::default()
    };
    assert_eq!(
        router_update(&lab.member, own.id, changes)
            .await
            .unwrap_err()
            .status(),
        403
    );
    assert_eq!(router_list(&lab.member).await.unwrap().len(), 1);
    assert_eq!(router_list(cx).await.unwrap().len(), 2);
}

#[tokio::test]
async fn routers_move_by_hand() {
    let lab = lab().await;
    let cx = &lab.admin;
    host_up(cx, "n1", "192.0.2.1", &[]).await;
    host_up(cx, "n2", "192.0.2.2", &[]).await;
    let (_, subnet) = network(cx, "10.9.0.0/24").await;
    let made = router(cx, None).await;
    let (one, two) = (AgentKind::Router.id("n1"), AgentKind::Router.id("n2"));
    assert_eq!(
        agent_router_add(cx, one, made.id)
            .await
            .unwrap_err()
            .status(),
        400
    );
    plug(cx, made.id, subnet.id).await;
    agent_router_add(cx, two, made.id).await.unwrap();
    services_place(cx).await.unwrap();
    assert_eq!(router_agents(cx, made.id).await.unwrap()[0].host, "n2");
    assert_eq!(agent_routers(cx, two).await.unwrap()[0].id, made.id);
    agent_router_remove(cx, two, made.id).await.unwrap();
    assert_eq!(router_agents(cx, made.id).await.unwrap()[0].host, "n1");
    let error = agent_router_remove(cx, two, made.id).await.unwrap_err();
    assert_eq!(kind(&error), "RouterNotHostedByL3Agent");
    agent_update(cx, one, Some(false), None).await.unwrap();
    services_place(cx).await.unwrap();
    assert_eq!(router_agents(cx, made.id).await.unwrap()[0].host, "n2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floating_addresses_are_given_once_and_lead_to_an_address_once() {
    let lab = lab().await;
    let cx = &lab.member;
    let (public, public_subnet) = outside(&lab, "203.0.113.0/28").await;
    let (net, subnet) = network(cx, "10.9.0.0/24").await;
    let made = router(cx, Some(public.id)).await;
    plug(cx, made.id, subnet.id).await;
    let port = port_create(cx, &new_port(cx, net.id)).await.unwrap();
    let all = (0..15).map(|_| {
        let cx = cx.clone();
        tokio::spawn(async move { floating_create(&cx, allocate(public.id)).await })
    });
    let mut given: Vec<FloatingIp> = Vec::new();
    for made in futures::future::join_all(all).await {
        match made.unwrap() {
            Ok(floating) => given.push(floating),
            Err(error) => assert_eq!(kind(&error), "IpAddressGenerationFailure", "{error}"),
        }
    }
    // All but the subnet's gateway and the router's own.
    assert_eq!(given.len(), 12);
    let led = given.iter().map(|floating| {
        let (cx, id) = (cx.clone(), floating.id);
        tokio::spawn(async move { floating_update(&cx, id, to(port.id)).await })
    });
    let led = futures::future::join_all(led).await;
    assert_eq!(
        led.into_iter()
            .filter(|led| led.as_ref().unwrap().is_ok())
            .count(),
        1
    );
    // Exact ones are an administrator's to choose.
    let gone = &given[3];
    floating_delete(cx, gone.id).await.unwrap();
    let exact = NewFloatingIp {
        address: Some(gone.address),
        subnet: Some(public_subnet.id),
        ..allocate(public.id)
    };
    assert_eq!(
        floating_create(cx, exact.clone())
            .await
            .unwrap_err()
            .status(),
        403
    );
    let again = floating_create(&lab.admin, exact).await.unwrap();
    assert_eq!(again.address, gone.address);
    let changes = FloatingIpChanges {
        description: Some("d".into()),
        tags: Some(vec!["t".into()]),
        target: Some(None),
    };
    let after = floating_update(&lab.admin, again.id, changes)
        .await
        .unwrap();
    assert_eq!((after.description.as_str(), after.tags.len()), ("d", 1));
    assert_eq!(
        kind(&floating_create(cx, allocate(net.id)).await.unwrap_err()),
        "BadRequest"
    );
    assert_eq!(floating_list(&lab.admin).await.unwrap().len(), 12);
}

#[tokio::test]
async fn an_address_is_somebody_only_at_its_place() {
    let lab = lab().await;
    let cx = &lab.member;
    host_up(&lab.admin, "n1", "192.0.2.1", &[]).await;
    // Two networks with the same addresses; a router on the first.
    let (first, subnet) = network(cx, "10.9.0.0/24").await;
    let (second, _) = network(cx, "10.9.0.0/24").await;
    let port = guest(cx, first.id, "n1").await;
    let address = port.addresses[0].address;
    let made = router(cx, None).await;
    plug(cx, made.id, subnet.id).await;
    let at = async |place, address: IpAddr| {
        let found = port_at_address(cx, place, address).await.unwrap();
        found.map(|port| port.id)
    };
    for place in [PortPlace::Network(first.id), PortPlace::Router(made.id)] {
        assert_eq!(at(place, address).await, Some(port.id));
        assert_eq!(at(place, "10.9.0.200".parse().unwrap()).await, None);
    }
    assert_eq!(at(PortPlace::Network(second.id), address).await, None);
    // What it makes for the link is its own on that link.
    let link = ipam::eui64("fe80::/64".parse().unwrap(), &port.mac).unwrap();
    let other = "fe80::5".parse().unwrap();
    assert_eq!(at(PortPlace::Network(first.id), link).await, Some(port.id));
    assert_eq!(at(PortPlace::Network(first.id), other).await, None);
    for place in [PortPlace::Network(second.id), PortPlace::Router(made.id)] {
        assert_eq!(at(place, link).await, None);
    }
    assert_eq!(at(PortPlace::Router(RouterId::new()), address).await, None);
}
