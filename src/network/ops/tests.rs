//! Networks, subnets and ports against a real database, and nodes that are told.

mod groups;
mod shared;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::bus::{Fault, FaultKind, Handler, Incoming};
use crate::context::testing::{another, cloud};
use crate::context::{Actor, Context, Rank, Scope};
use crate::error::Error;
use crate::ids::{DomainId, NetworkId, PortId, ProjectId, ServerId, SubnetId, UserId};
use crate::network::model::{
    AddressWish, Addresses, Network, NetworkChanges, NetworkQuery, NewNetwork, NewPort, NewSubnet,
    Pool, Port, PortChanges, PortStatus, Subnet, SubnetChanges,
};
use crate::network::reconcile;
use crate::network::rpc::{NetworkApplied, NetworkApply, NetworkDesired};

/// A cloud with an administrator and a member of another project.
pub(super) struct Lab {
    _dir: tempfile::TempDir,
    pub(super) admin: Context,
    pub(super) member: Context,
}

pub(super) async fn lab() -> Lab {
    lab_with(&[]).await
}

pub(super) async fn lab_with(settings: &[(&str, &str)]) -> Lab {
    let (dir, db) = crate::db::testing::fresh().await;
    let (cloud, _kicks) = another(dir.path(), db, settings);
    let actor = |name: &str, rank| Actor {
        user: Some(UserId::new()),
        user_name: name.to_owned(),
        project: Some(Scope {
            id: ProjectId::new(),
            name: name.to_owned(),
            domain_id: DomainId::new(),
        }),
        rank: Some(rank),
    };
    Lab {
        _dir: dir,
        admin: Context::new(cloud.clone(), actor("admin", Rank::Admin), "req-a"),
        member: Context::new(cloud, actor("member", Rank::Member), "req-m"),
    }
}

/// What a node shall have, which is the same whether its rows were read or all.
pub(super) async fn desired_of(cx: &Context, host: &str) -> NetworkDesired {
    let desired = network_desired(cx, host).await.unwrap();
    let all = DesiredRows::of_all(cx).await.unwrap();
    assert_eq!(all.desired(host), desired);
    desired
}

pub(super) fn project(cx: &Context) -> ProjectId {
    cx.project().unwrap().id
}

pub(super) async fn network(cx: &Context, cidr: &str) -> (Network, Subnet) {
    let network = network_create(
        cx,
        NewNetwork {
            name: "net".into(),
            ..NewNetwork::default()
        },
    )
    .await
    .unwrap();
    let subnet = subnet_create(cx, subnet_of(&network, cidr)).await.unwrap();
    (network, subnet)
}

pub(super) fn subnet_of(network: &Network, cidr: &str) -> NewSubnet {
    NewSubnet {
        network: network.id,
        name: String::new(),
        description: String::new(),
        cidr: cidr.parse().unwrap(),
        gateway: None,
        dhcp: true,
        address_mode: None,
        ra_mode: None,
        dns: Vec::new(),
        pools: None,
        routes: Vec::new(),
    }
}

pub(super) fn new_port(cx: &Context, network: NetworkId) -> NewPort {
    NewPort::new(PortId::new(), network, project(cx))
}

pub(super) fn wish(address: &str) -> Addresses {
    Addresses::These(vec![AddressWish {
        address: Some(address.parse().unwrap()),
        subnet: None,
    }])
}

pub(super) fn kind(error: &Error) -> &str {
    match error {
        Error::Named { kind, .. } => kind,
        Error::NotFound { .. } => "NotFound",
        Error::Quota { .. } => "Quota",
        Error::Invalid { .. } => "Invalid",
        _ => "other",
    }
}

pub(super) fn address(port: &Port) -> IpAddr {
    port.addresses[0].address
}

#[tokio::test]
async fn every_address_is_given_once_and_then_the_subnet_says_that_it_is_full() {
    let lab = lab().await;
    let (network, subnet) = network(&lab.member, "10.9.0.0/28").await;
    let mut given = BTreeSet::new();
    let mut ports = Vec::new();
    for _ in 0..13 {
        let port = port_create(&lab.member, &new_port(&lab.member, network.id))
            .await
            .unwrap();
        assert!(given.insert(address(&port)), "{}", address(&port));
        assert!(port.mac.starts_with("fa:16:3e:"));
        ports.push(port);
    }
    assert!(!given.contains(&subnet.gateway.unwrap()));
    let full = port_create(&lab.member, &new_port(&lab.member, network.id))
        .await
        .unwrap_err();
    assert_eq!(kind(&full), "IpAddressGenerationFailure");
    assert!(full.to_string().contains("10.9.0.0/28"), "{full}");
    // One that is given back can be given again.
    port_delete(&lab.member, ports[5].id).await.unwrap();
    let again = port_create(&lab.member, &new_port(&lab.member, network.id))
        .await
        .unwrap();
    assert_eq!(address(&again), address(&ports[5]));
}

#[tokio::test]
async fn an_address_that_was_given_back_rests_while_others_are_free() {
    let lab = lab().await;
    let (network, _) = network(&lab.member, "10.9.0.0/28").await;
    let first = port_create(&lab.member, &new_port(&lab.member, network.id))
        .await
        .unwrap();
    port_delete(&lab.member, first.id).await.unwrap();
    let second = port_create(&lab.member, &new_port(&lab.member, network.id))
        .await
        .unwrap();
    assert_ne!(address(&second), address(&first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ports_made_at_once_never_share_an_address() {
    let lab = lab().await;
    let (network, _) = network(&lab.member, "10.9.0.0/26").await;
    let made = (0..80).map(|_| {
        let cx = lab.member.clone();
        tokio::spawn(async move { port_create(&cx, &new_port(&cx, network.id)).await })
    });
    let mut given = BTreeSet::new();
    let mut refused = 0;
    for made in futures::future::join_all(made).await {
        match made.unwrap() {
            Ok(port) => assert!(given.insert(address(&port))),
            Err(error) => {
                assert_eq!(kind(&error), "IpAddressGenerationFailure", "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!((given.len(), refused), (61, 19));
}

#[tokio::test]
async fn certain_addresses_are_checked_against_subnet_gateway_and_others() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    let with = |addresses: Addresses| NewPort {
        addresses,
        ..new_port(cx, network.id)
    };
    let port = port_create(cx, &with(wish("10.9.0.77"))).await.unwrap();
    assert_eq!(address(&port), IpAddr::from([10, 9, 0, 77]));
    for (addresses, expected) in [
        (wish("10.9.0.77"), "IpAddressInUse"),
        (wish("10.9.0.1"), "IpAddressInUse"),
        (wish("10.9.0.255"), "InvalidIpForNetwork"),
        (wish("10.8.0.5"), "InvalidIpForNetwork"),
        (
            Addresses::These(vec![AddressWish {
                subnet: Some(subnet.id),
                address: Some(IpAddr::from([10, 8, 0, 5])),
            }]),
            "InvalidIpForSubnet",
        ),
        (
            Addresses::These(vec![AddressWish {
                subnet: Some(SubnetId::new()),
                address: None,
            }]),
            "InvalidInput",
        ),
    ] {
        let error = port_create(cx, &with(addresses)).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{error}");
    }
    let in_use = port_create(cx, &with(wish("10.9.0.77"))).await.unwrap_err();
    assert!(
        in_use.to_string().contains(&port.id.to_string()),
        "{in_use}"
    );
    // A refused port leaves nothing behind.
    assert_eq!(port_list(cx, Default::default()).await.unwrap().len(), 1);
    let none = port_create(cx, &with(Addresses::These(vec![])))
        .await
        .unwrap();
    assert!(none.addresses.is_empty());
}

#[tokio::test]
async fn a_port_made_again_is_the_same_and_a_taken_ethernet_address_is_told() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let new = NewPort {
        mac: Some("FA:16:3E:00:00:07".into()),
        ..new_port(cx, network.id)
    };
    let first = port_create(cx, &new).await.unwrap();
    assert_eq!(first.mac, "fa:16:3e:00:00:07");
    assert_eq!(port_create(cx, &new).await.unwrap(), first);
    let other = NewPort {
        id: PortId::new(),
        ..new
    };
    assert_eq!(
        kind(&port_create(cx, &other).await.unwrap_err()),
        "MacAddressInUse"
    );
}

#[tokio::test]
async fn what_is_in_use_can_not_be_deleted_and_the_message_names_who_uses_it() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    let port = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    let subnet_error = subnet_delete(cx, subnet.id).await.unwrap_err();
    let network_error = network_delete(cx, network.id).await.unwrap_err();
    assert_eq!(kind(&subnet_error), "SubnetInUse");
    assert_eq!(kind(&network_error), "NetworkInUse");
    for error in [subnet_error, network_error] {
        assert!(error.to_string().contains(&port.id.to_string()), "{error}");
    }
    port_delete(cx, port.id).await.unwrap();
    network_delete(cx, network.id).await.unwrap();
    assert_eq!(
        kind(&subnet_show(cx, subnet.id).await.unwrap_err()),
        "NotFound"
    );
    assert_eq!(
        kind(&network_show(cx, network.id).await.unwrap_err()),
        "NotFound"
    );
}

#[rstest]
#[case::overlap_of_subnets("10.9.0.128/25", |_: &mut NewSubnet| {}, "InvalidInput")]
#[case::host_bits("10.7.0.5/24", |_: &mut NewSubnet| {}, "InvalidInput")]
#[case::loopback("127.0.0.0/24", |_: &mut NewSubnet| {}, "InvalidInput")]
#[case::gateway_outside("10.7.0.0/24", |s: &mut NewSubnet| s.gateway = Some(Some(IpAddr::from([10, 6, 0, 1]))), "InvalidInput")]
#[case::gateway_in_pool("10.7.0.0/24", |s: &mut NewSubnet| s.pools = Some(vec![pool(1, 9)]), "GatewayConflictWithAllocationPools")]
#[case::pools_overlap("10.7.0.0/24", |s: &mut NewSubnet| s.pools = Some(vec![pool(5, 9), pool(9, 12)]), "OverlappingAllocationPools")]
#[case::pool_outside("10.7.0.0/25", |s: &mut NewSubnet| s.pools = Some(vec![pool(5, 200)]), "OutOfBoundsAllocationPool")]
#[case::pool_backwards("10.7.0.0/24", |s: &mut NewSubnet| s.pools = Some(vec![pool(9, 5)]), "InvalidAllocationPool")]
#[case::dns("10.7.0.0/24", |s: &mut NewSubnet| s.dns = vec!["0.0.0.0".parse().unwrap()], "Invalid")]
#[case::route("10.7.0.0/24", |s: &mut NewSubnet| s.routes = vec![crate::network::model::Route { destination: "10.1.0.0/16".parse().unwrap(), nexthop: IpAddr::from([9, 9, 9, 9]) }], "Invalid")]
#[tokio::test]
async fn wrong_subnets_are_refused_by_neutrons_names(
    #[case] cidr: &str,
    #[case] change: fn(&mut NewSubnet),
    #[case] expected: &str,
) {
    let lab = lab().await;
    let (network, _) = network(&lab.member, "10.9.0.0/24").await;
    let mut new = subnet_of(&network, cidr);
    change(&mut new);
    let error = subnet_create(&lab.member, new).await.unwrap_err();
    assert_eq!(kind(&error), expected, "{error}");
}

fn pool(start: u8, end: u8) -> Pool {
    Pool {
        start: IpAddr::from([10, 7, 0, start]),
        end: IpAddr::from([10, 7, 0, end]),
    }
}

#[tokio::test]
async fn subnets_change_and_their_gateway_never_becomes_a_guests_address() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    let pools = vec![Pool {
        start: IpAddr::from([10, 9, 0, 100]),
        end: IpAddr::from([10, 9, 0, 110]),
    }];
    let changes = SubnetChanges {
        pools: Some(pools.clone()),
        gateway: Some(None),
        name: Some("new".into()),
        ..SubnetChanges::default()
    };
    let after = subnet_update(cx, subnet.id, changes).await.unwrap();
    assert_eq!(
        (after.gateway, after.pools, after.revision),
        (None, pools, 2)
    );
    let port = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    assert_eq!(address(&port), IpAddr::from([10, 9, 0, 100]));
    let outside = NewPort {
        addresses: wish("10.9.0.7"),
        ..new_port(cx, network.id)
    };
    port_create(cx, &outside).await.unwrap();
    let changes = SubnetChanges {
        gateway: Some(Some(IpAddr::from([10, 9, 0, 7]))),
        ..SubnetChanges::default()
    };
    let error = subnet_update(cx, subnet.id, changes).await.unwrap_err();
    assert_eq!(kind(&error), "IpAddressInUse");
}

#[tokio::test]
async fn projects_see_their_own_and_shared_networks_and_may_change_their_own() {
    let lab = lab().await;
    let (own, _) = network(&lab.member, "10.9.0.0/24").await;
    let (hidden, hidden_subnet) = network(&lab.admin, "10.8.0.0/24").await;
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    let seen = network_list(&lab.member, NetworkQuery::default())
        .await
        .unwrap();
    let names: Vec<&str> = seen.iter().map(|network| network.name.as_str()).collect();
    assert_eq!(names, ["net", "private"]);
    let shared = &seen[1];
    assert!(shared.shared && shared.nat && shared.subnets.len() == 1);
    assert_eq!(
        network_list(&lab.admin, NetworkQuery::default())
            .await
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        kind(&network_show(&lab.member, hidden.id).await.unwrap_err()),
        "NotFound"
    );
    assert_eq!(
        kind(
            &subnet_show(&lab.member, hidden_subnet.id)
                .await
                .unwrap_err()
        ),
        "NotFound"
    );
    let rename = NetworkChanges {
        name: Some("x".into()),
        ..NetworkChanges::default()
    };
    assert_eq!(
        network_update(&lab.member, own.id, rename.clone())
            .await
            .unwrap()
            .name,
        "x"
    );
    let error = network_update(&lab.member, shared.id, rename)
        .await
        .unwrap_err();
    assert_eq!((kind(&error), error.status()), ("PolicyNotAuthorized", 403));
    let share = NetworkChanges {
        shared: Some(true),
        ..NetworkChanges::default()
    };
    assert_eq!(
        network_update(&lab.member, own.id, share)
            .await
            .unwrap_err()
            .status(),
        403
    );
    // On a shared network nobody else may choose what protects its users.
    for new in [
        NewPort {
            mac: Some("fa:16:3e:00:00:01".into()),
            ..new_port(&lab.member, shared.id)
        },
        NewPort {
            port_security: Some(false),
            ..new_port(&lab.member, shared.id)
        },
    ] {
        assert_eq!(
            port_create(&lab.member, &new).await.unwrap_err().status(),
            403
        );
    }
    let port = port_create(&lab.member, &new_port(&lab.member, shared.id))
        .await
        .unwrap();
    let loosen = PortChanges {
        port_security: Some(false),
        ..PortChanges::default()
    };
    assert_eq!(
        port_update(&lab.member, port.id, loosen)
            .await
            .unwrap_err()
            .status(),
        403
    );
    let unshare = NetworkChanges {
        shared: Some(false),
        ..NetworkChanges::default()
    };
    let error = network_update(&lab.admin, shared.id, unshare)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "InvalidSharedSetting");
    let several = network_for_launch(&lab.member).await.unwrap_err();
    assert!(several.to_string().contains("x, private"), "{several}");
}

#[tokio::test]
async fn a_deleted_default_network_does_not_come_back() {
    let lab = lab().await;
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    let only = network_for_launch(&lab.member).await.unwrap().unwrap();
    network_delete(&lab.admin, only.id).await.unwrap();
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    assert!(network_for_launch(&lab.member).await.unwrap().is_none());
}

#[tokio::test]
async fn quotas_are_counted() {
    let (dir, cloud, _kicks) = cloud().await;
    let mut cloud = Arc::try_unwrap(cloud).ok().unwrap();
    cloud.config.quota.insert("ports".into(), 1);
    let cloud = Arc::new(cloud);
    let actor = Actor {
        project: Some(Scope {
            id: ProjectId::new(),
            name: "p".into(),
            domain_id: DomainId::new(),
        }),
        ..Actor::system()
    };
    let cx = Context::new(cloud, actor, "req");
    let (network, _) = network(&cx, "10.9.0.0/24").await;
    port_create(&cx, &new_port(&cx, network.id)).await.unwrap();
    let error = port_create(&cx, &new_port(&cx, network.id))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "Quota");
    let uses = network_quota(&cx, project(&cx)).await.unwrap();
    assert_eq!(uses[2], QuotaUse { limit: 1, used: 1 });
    drop(dir);
}

#[tokio::test]
async fn a_port_changes_and_keeps_the_addresses_it_still_wishes() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    let port = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    let changes = PortChanges {
        name: Some("web".into()),
        hostname: Some("web-1".into()),
        addresses: Some(vec![
            AddressWish {
                subnet: Some(subnet.id),
                address: None,
            },
            AddressWish {
                subnet: None,
                address: Some(IpAddr::from([10, 9, 0, 50])),
            },
        ]),
        ..PortChanges::default()
    };
    let after = port_update(cx, port.id, changes).await.unwrap();
    assert_eq!(after.addresses.len(), 2);
    assert!(after.addresses.contains(&port.addresses[0]));
    assert_eq!(port_show(cx, port.id).await.unwrap(), after);
    let changes = PortChanges {
        addresses: Some(vec![]),
        ..PortChanges::default()
    };
    port_update(cx, port.id, changes).await.unwrap();
    assert!(port_show(cx, port.id).await.unwrap().addresses.is_empty());
    let wrong = PortChanges {
        hostname: Some("not a name".into()),
        ..PortChanges::default()
    };
    assert_eq!(
        kind(&port_update(cx, port.id, wrong).await.unwrap_err()),
        "Invalid"
    );
}

/// A node that remembers what it was told.
#[derive(Default)]
pub(super) struct Node {
    pub(super) told: Mutex<Option<NetworkDesired>>,
    calls: AtomicUsize,
    failing: AtomicUsize,
    ahead: AtomicI64,
}

#[async_trait]
impl Handler for Node {
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault> {
        let request: NetworkApply = incoming.parse()?;
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.failing.load(Ordering::SeqCst) > 0 {
            self.failing.fetch_sub(1, Ordering::SeqCst);
            return Err(Fault::new(FaultKind::Unavailable, "nft is not installed"));
        }
        let ahead = self.ahead.load(Ordering::SeqCst);
        let generation = if ahead > request.desired.generation {
            ahead
        } else {
            let generation = request.desired.generation;
            *self.told.lock().unwrap() = Some(request.desired);
            generation
        };
        let applied = NetworkApplied {
            generation,
            ..NetworkApplied::default()
        };
        serde_json::to_value(applied)
            .map_err(|error| Fault::new(FaultKind::Refused, error.to_string()))
    }
}

pub(super) async fn bind(cx: &Context, port: PortId, host: &str) {
    let mut tx = cx.db.begin().await.unwrap();
    port_bind_on_conn(&mut tx, &[port], host).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_bound_port_is_told_to_its_node_and_then_works() {
    let lab = lab().await;
    let cx = &lab.member;
    let node = Arc::new(Node::default());
    let _serving = cx.bus.serve("compute", "n1", node.clone());
    let (network, subnet) = network(cx, "10.9.0.0/24").await;
    let server = ServerId::new();
    let new = new_port(cx, network.id).for_server(server, Some("web".into()));
    let port = port_create(cx, &new).await.unwrap();
    assert_eq!(port.status, PortStatus::Down);
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(node.calls.load(Ordering::SeqCst), 0);
    bind(cx, port.id, "n1").await;
    assert_eq!(
        port_show(cx, port.id).await.unwrap().status,
        PortStatus::Build
    );
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(
        port_show(cx, port.id).await.unwrap().status,
        PortStatus::Active
    );
    let told = node.told.lock().unwrap().clone().unwrap();
    assert_eq!(told.networks.len(), 1);
    assert_eq!(
        told.networks[0].subnets[0].gateway.map(IpAddr::V4),
        subnet.gateway
    );
    let spec = &told.networks[0].ports[0];
    assert_eq!(
        (spec.server, spec.hostname.as_deref()),
        (Some(server), Some("web"))
    );
    assert_eq!(
        port_specs(cx, &[port.id]).await.unwrap(),
        told.networks[0].ports
    );
    // Nothing changed: nothing is told. Binding again changes nothing.
    bind(cx, port.id, "n1").await;
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(node.calls.load(Ordering::SeqCst), 1);
    // A port that is nowhere is not the node's, but its DHCP knows it; the end of its own is told.
    let other = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    host_network_ensure(cx, "n1").await.unwrap();
    let told = node.told.lock().unwrap().clone().unwrap();
    assert_eq!(told.networks[0].ports.len(), 1);
    assert_eq!(told.networks[0].stations.len(), 1);
    assert_eq!(
        kind(&port_delete(cx, port.id).await.unwrap_err()),
        "PortBound"
    );
    let mut tx = cx.db.begin().await.unwrap();
    assert!(
        port_delete_on_conn(&mut tx, port.id)
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        port_delete_on_conn(&mut tx, port.id)
            .await
            .unwrap()
            .is_none()
    );
    tx.commit().await.unwrap();
    host_network_ensure(cx, "n1").await.unwrap();
    assert!(
        node.told.lock().unwrap().as_ref().unwrap().networks[0]
            .ports
            .is_empty()
    );
    assert_eq!(
        port_show(cx, other.id).await.unwrap().status,
        PortStatus::Down
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_launches_at_a_time_cost_few_calls() {
    let lab = lab().await;
    let node = Arc::new(Node::default());
    let _serving = lab.member.bus.serve("compute", "n1", node.clone());
    let (network, _) = network(&lab.member, "10.9.0.0/24").await;
    let launches = (0..40).map(|_| {
        let cx = lab.member.clone();
        tokio::spawn(async move {
            let port = port_create(&cx, &new_port(&cx, network.id)).await.unwrap();
            bind(&cx, port.id, "n1").await;
            host_network_ensure(&cx, "n1").await.unwrap();
            port_show(&cx, port.id).await.unwrap().status
        })
    });
    for status in futures::future::join_all(launches).await {
        assert_eq!(status.unwrap(), PortStatus::Active);
    }
    assert!(node.calls.load(Ordering::SeqCst) <= 40);
    assert_eq!(
        node.told.lock().unwrap().as_ref().unwrap().networks[0]
            .ports
            .len(),
        40
    );
}

#[tokio::test]
async fn a_node_that_fails_restarts_or_is_ahead_is_told_again() {
    let lab = lab().await;
    let cx = &lab.admin;
    let node = Arc::new(Node::default());
    let _serving = cx.bus.serve("compute", "n1", node.clone());
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let port = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    bind(cx, port.id, "n1").await;
    node.failing.store(1, Ordering::SeqCst);
    let error = host_network_ensure(cx, "n1").await.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable(_)) && error.to_string().contains("nft"),
        "{error}"
    );
    let trouble = host_network_list(cx).await.unwrap().remove(0);
    assert!(!trouble.is_current && trouble.trouble.unwrap().contains("nft"));
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(host_network_list(cx).await.unwrap()[0].trouble, None);
    // A database older than what the node was told.
    let calls = node.calls.load(Ordering::SeqCst);
    node.ahead.store(50, Ordering::SeqCst);
    bind(cx, port.id, "n2").await;
    bind(cx, port.id, "n1").await;
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(node.calls.load(Ordering::SeqCst), calls + 2);
    assert_eq!(node.told.lock().unwrap().as_ref().unwrap().generation, 51);
    // A restart.
    host_network_stale(cx, "n1").await.unwrap();
    assert_eq!(host_network_due(cx).await.unwrap(), ["n1", "n2"]);
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(host_network_due(cx).await.unwrap(), ["n2"]);
    // Nobody reports for n2: the reconciler leaves it alone.
    reconcile::round(cx).await.unwrap();
    assert_eq!(host_network_due(cx).await.unwrap(), ["n2"]);
}

#[tokio::test]
async fn a_server_takes_a_port_that_is_free_and_gives_it_back() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let port = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    let (one, two) = (ServerId::new(), ServerId::new());
    let mut tx = cx.db.begin().await.unwrap();
    for _ in 0..2 {
        let taken = port_take_on_conn(&mut tx, cx, port.id, one, Some("web"))
            .await
            .unwrap();
        assert_eq!(taken.server(), Some(one));
        assert_eq!(taken.hostname.as_deref(), Some("web"));
    }
    let error = port_take_on_conn(&mut tx, cx, port.id, two, None)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "PortInUse");
    assert!(
        port_release_on_conn(&mut tx, port.id, two, None)
            .await
            .unwrap()
            .is_none()
    );
    tx.commit().await.unwrap();
    assert_eq!(ports_of_server(cx, one).await.unwrap().len(), 1);
    let mut tx = cx.db.begin().await.unwrap();
    assert!(
        port_release_on_conn(&mut tx, port.id, one, Some("web"))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        port_release_on_conn(&mut tx, port.id, one, Some("web"))
            .await
            .unwrap()
            .is_none()
    );
    port_unbind_on_conn(&mut tx, &[port.id, PortId::new()])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(ports_of_server(cx, one).await.unwrap().is_empty());
    let foreign = port_show(&lab.admin, port.id).await.unwrap();
    assert_eq!(
        (foreign.device_owner.as_str(), foreign.hostname),
        ("", None)
    );
}
