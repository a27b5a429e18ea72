//! Kinds of networks, what nodes are told of tunnels, and where DHCP is answered, against a real database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use rstest::rstest;
use serde_json::Value;

use super::tests::{Lab, Node, bind, desired_of, kind, lab, network, new_port, project, subnet_of};
use super::*;
use crate::bus::{Fault, Handler, Incoming};
use crate::compute::ops::{HostDecision, host_report, host_update};
use crate::compute::rpc::HostReport;
use crate::context::Context;
use crate::ids::{NetworkId, PortId, ServerId, Time};
use crate::network::model::{
    AgentKind, DHCP_OWNER, Network, NetworkChanges, NetworkKind, NewNetwork, NewPort, Port,
    PortChanges, PortQuery, Provider, SubnetChanges,
};
use crate::network::reconcile;
use crate::network::rpc::{NetworkDesired, NetworkSpec, Segment};

/// A host reports, with an address and the networks that it is plugged into.
pub(super) async fn host_up(cx: &Context, name: &str, address: &str, physical: &[&str]) {
    let report = HostReport {
        host: name.to_owned(),
        version: "test".into(),
        started: Time(1),
        sent: Time::now(),
        seen: Time::now(),
        info: None,
        trouble: None,
        disk_gb: (1, 1),
        uptime: None,
        address: address.parse().ok(),
        physical_networks: physical.iter().map(|name| (*name).to_owned()).collect(),
        metrics: BTreeMap::new(),
        guests: None,
    };
    host_report(cx, &report).await.unwrap();
}

/// An operator says that a host is down, or up again.
pub(super) async fn host_down(cx: &Context, name: &str, down: bool) {
    let decision = HostDecision {
        forced_down: Some(down),
        ..HostDecision::default()
    };
    host_update(cx, name, &decision).await.unwrap();
}

/// A guest's port on a host.
pub(super) async fn guest(cx: &Context, network: NetworkId, host: &str) -> Port {
    let new = new_port(cx, network).for_server(ServerId::new(), Some("web".into()));
    let port = port_create(cx, &new).await.unwrap();
    bind(cx, port.id, host).await;
    port_show(cx, port.id).await.unwrap()
}

fn provided(kind: &str, physical: Option<&str>, number: Option<u32>) -> NewNetwork {
    NewNetwork {
        provider: Provider {
            network_type: Some(kind.to_owned()),
            physical_network: physical.map(str::to_owned),
            segmentation_id: number,
        },
        ..NewNetwork::default()
    }
}

async fn told(lab: &Lab, host: &str) -> NetworkDesired {
    desired_of(&lab.admin, host).await
}

async fn told_of(lab: &Lab, host: &str, network: &Network) -> NetworkSpec {
    let told = told(lab, host).await;
    let spec = told.networks.into_iter().find(|spec| spec.id == network.id);
    spec.unwrap()
}

async fn dhcp_port(cx: &Context, network: NetworkId) -> Option<Port> {
    let query = PortQuery {
        network: Some(network),
        device_owner: Some(DHCP_OWNER.into()),
        ..PortQuery::default()
    };
    port_list(cx, query).await.unwrap().pop()
}

#[tokio::test]
async fn networks_are_tunnels_unless_they_lead_outside_or_an_administrator_says_otherwise() {
    let lab = lab().await;
    let (plain, _) = network(&lab.member, "10.9.0.0/24").await;
    let vni = plain.kind.vni().unwrap();
    assert!((1000..=65_535).contains(&vni) && plain.mtu == 1450 && !plain.nat);
    let outside = NewNetwork {
        external: true,
        ..NewNetwork::default()
    };
    let outside = network_create(&lab.admin, outside).await.unwrap();
    assert_eq!(
        (&outside.kind, outside.nat, outside.mtu),
        (&NetworkKind::Local, true, 1500)
    );
    let flat = network_create(&lab.admin, provided("flat", Some("p1"), None))
        .await
        .unwrap();
    assert_eq!(flat.kind.physical(), Some("p1"));
    assert_eq!(network_show(&lab.admin, flat.id).await.unwrap(), flat);
    let taken = network_create(&lab.admin, provided("flat", Some("p1"), None))
        .await
        .unwrap_err();
    assert_eq!((kind(&taken), taken.status()), ("FlatNetworkInUse", 409));
    let taken = network_create(&lab.admin, provided("vxlan", None, Some(vni)))
        .await
        .unwrap_err();
    assert_eq!((kind(&taken), taken.status()), ("VxlanNetworkInUse", 409));
    // A number that is given back can be had again.
    network_delete(&lab.member, plain.id).await.unwrap();
    let again = network_create(&lab.admin, provided("vxlan", None, Some(vni)))
        .await
        .unwrap();
    assert_eq!(again.kind.vni(), Some(vni));
    // Whoever made no shared network of what leads outside sees it, and has no guests there.
    assert_eq!(
        network_show(&lab.member, outside.id).await.unwrap().id,
        outside.id
    );
    subnet_create(&lab.admin, subnet_of(&outside, "10.7.0.0/24"))
        .await
        .unwrap();
    let refused = port_create(&lab.member, &new_port(&lab.member, outside.id))
        .await
        .unwrap_err();
    assert_eq!(refused.status(), 403);
    assert!(network_for_launch(&lab.member).await.unwrap().is_none());
    // Toggling what leads outside leaves what it travels on.
    let inside = NetworkChanges {
        external: Some(false),
        ..NetworkChanges::default()
    };
    let after = network_update(&lab.admin, outside.id, inside)
        .await
        .unwrap();
    assert!(!after.external && after.kind == NetworkKind::Local);
}

#[rstest]
#[case::no_kind(|n: &mut NewNetwork| n.provider.segmentation_id = Some(7))]
#[case::unknown(|n: &mut NewNetwork| *n = provided("gre", None, Some(7)))]
#[case::number_of_local(|n: &mut NewNetwork| *n = provided("local", None, Some(7)))]
#[case::physical_of_vxlan(|n: &mut NewNetwork| *n = provided("vxlan", Some("p"), None))]
#[case::too_large_a_number(|n: &mut NewNetwork| *n = provided("vxlan", None, Some(1 << 24)))]
#[case::flat_of_nothing(|n: &mut NewNetwork| *n = provided("flat", None, None))]
#[case::packet(|n: &mut NewNetwork| n.mtu = Some(1451))]
#[tokio::test]
async fn wrong_kinds_are_refused(#[case] change: fn(&mut NewNetwork)) {
    let lab = lab().await;
    let mut new = NewNetwork::default();
    change(&mut new);
    let error = network_create(&lab.admin, new.clone()).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.status()),
        ("InvalidInput", 400),
        "{error}"
    );
    if !new.provider.is_empty() {
        let error = network_create(&lab.member, new).await.unwrap_err();
        assert_eq!(error.status(), 403, "{error}");
    }
}

#[tokio::test]
async fn ranges_may_overlap_between_networks_but_not_between_local_ones() {
    let lab = lab().await;
    let (one, _) = network(&lab.member, "10.9.0.0/24").await;
    let (other, _) = network(&lab.member, "10.9.0.0/24").await;
    for network in [&one, &other] {
        let error = subnet_create(&lab.member, subnet_of(network, "10.9.0.128/25"))
            .await
            .unwrap_err();
        assert_eq!(kind(&error), "InvalidInput");
    }
    let local = network_create(&lab.admin, provided("local", None, None))
        .await
        .unwrap();
    subnet_create(&lab.admin, subnet_of(&local, "10.9.0.0/24"))
        .await
        .unwrap();
    let another = network_create(&lab.admin, provided("local", None, None))
        .await
        .unwrap();
    let error = subnet_create(&lab.admin, subnet_of(&another, "10.9.0.0/25"))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "InvalidInput");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_are_given_once_and_then_there_are_none() {
    let (dir, cloud, _kicks) = crate::context::testing::cloud().await;
    let mut cloud = Arc::try_unwrap(cloud).ok().unwrap();
    cloud.config.network.vni_range = crate::config::NumberRange {
        first: 10,
        last: 19,
    };
    let cx = Context::new(Arc::new(cloud), (*lab().await.admin.actor).clone(), "req");
    let made = (0..13).map(|_| {
        let cx = cx.clone();
        tokio::spawn(async move { network_create(&cx, NewNetwork::default()).await })
    });
    let mut numbers = BTreeSet::new();
    let mut refused = 0;
    for made in futures::future::join_all(made).await {
        match made.unwrap() {
            Ok(network) => assert!(numbers.insert(network.kind.vni().unwrap())),
            Err(error) => {
                assert_eq!((kind(&error), error.status()), ("NoNetworkAvailable", 409));
                refused += 1;
            }
        }
    }
    assert_eq!((numbers, refused), ((10..=19).collect(), 3));
    drop(dir);
}

#[tokio::test]
async fn nodes_are_told_where_everything_is() {
    let lab = lab().await;
    let cx = &lab.member;
    host_up(&lab.admin, "n1", "192.0.2.1", &[]).await;
    host_up(&lab.admin, "n2", "192.0.2.2", &[]).await;
    host_up(&lab.admin, "n3", "", &[]).await;
    let (net, subnet) = network(cx, "10.9.0.0/24").await;
    let one = guest(cx, net.id, "n1").await;
    let two = guest(cx, net.id, "n2").await;
    let spec = told_of(&lab, "n1", &net).await;
    assert_eq!(
        spec.segment,
        Segment::Vxlan {
            vni: net.kind.vni().unwrap()
        }
    );
    assert_eq!(
        spec.ports.iter().map(|port| port.id).collect::<Vec<_>>(),
        [one.id]
    );
    assert_eq!(
        spec.peers,
        ["192.0.2.2".parse::<std::net::IpAddr>().unwrap()]
    );
    assert!(!spec.flood);
    let [station] = spec.stations.as_slice() else {
        panic!("{:?}", spec.stations)
    };
    assert_eq!((&station.mac, station.server), (&two.mac, two.server()));
    assert_eq!(station.tunnel, "192.0.2.2".parse().ok());
    // The first guest's host answers DHCP.
    let dhcp = spec.dhcp.unwrap();
    let port = dhcp_port(&lab.admin, net.id).await.unwrap();
    assert_eq!((dhcp.port, port.host.as_deref()), (port.id, Some("n1")));
    assert!(port.device_id.starts_with("dhcp") && port.device_id.ends_with(&net.id.to_string()));
    assert_eq!(dhcp.addresses[0].prefix_len(), subnet.cidr.prefix_len());
    let other = told_of(&lab, "n2", &net).await;
    assert!(other.dhcp.is_none());
    let macs: BTreeSet<&str> = other.stations.iter().map(|at| at.mac.as_str()).collect();
    assert_eq!(macs, BTreeSet::from([one.mac.as_str(), port.mac.as_str()]));
    // Who answers DHCP knows what is nowhere yet; others need not.
    let waiting = port_create(cx, &new_port(cx, net.id)).await.unwrap();
    let spec = told_of(&lab, "n1", &net).await;
    let nowhere = spec
        .stations
        .iter()
        .find(|at| at.mac == waiting.mac)
        .unwrap();
    assert_eq!(nowhere.tunnel, None);
    assert_eq!(told_of(&lab, "n2", &net).await.stations.len(), 2);
    // Equal rows give equal messages.
    assert_eq!(told(&lab, "n1").await, told(&lab, "n1").await);
    // On its way it may be on either side; a host without an address is no peer.
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[two.id], Some("n3"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let spec = told_of(&lab, "n1", &net).await;
    assert!(spec.flood && spec.peers.len() == 1);
    assert_eq!(
        spec.stations
            .iter()
            .find(|at| at.mac == two.mac)
            .unwrap()
            .tunnel,
        None
    );
    assert_eq!(told_of(&lab, "n3", &net).await.ports[0].id, two.id);
    // A host that moved is told to the others.
    let before = told(&lab, "n1").await.generation;
    host_up(&lab.admin, "n2", "192.0.2.22", &[]).await;
    assert!(told(&lab, "n1").await.generation > before);
    let before = told(&lab, "n1").await.generation;
    host_up(&lab.admin, "n2", "192.0.2.22", &[]).await;
    assert_eq!(told(&lab, "n1").await.generation, before);
    let anyone = PortChanges {
        port_security: Some(false),
        groups: Some(Vec::new()),
        ..PortChanges::default()
    };
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[two.id], None).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!told_of(&lab, "n1", &net).await.flood);
    port_update(cx, two.id, anyone).await.unwrap();
    assert!(told_of(&lab, "n1", &net).await.flood);
}

#[tokio::test]
async fn a_local_network_is_each_nodes_own() {
    let lab = lab().await;
    let local = network_create(&lab.admin, provided("local", None, None))
        .await
        .unwrap();
    subnet_create(&lab.admin, subnet_of(&local, "10.9.0.0/24"))
        .await
        .unwrap();
    guest(&lab.admin, local.id, "n1").await;
    let before = told(&lab, "n1").await;
    guest(&lab.admin, local.id, "n2").await;
    let after = told(&lab, "n1").await;
    // But for who has their group, which is the same everywhere.
    assert_eq!(before.networks, after.networks);
    assert_eq!(after.security_groups[0].members.len(), 2);
    let spec = &after.networks[0];
    assert_eq!(spec.segment, Segment::Node { nat: false });
    assert!(spec.stations.is_empty() && spec.peers.is_empty() && spec.dhcp.is_none());
}

#[tokio::test]
async fn dhcp_moves_only_when_it_must_and_goes_with_the_last_subnet_that_has_it() {
    let lab = lab().await;
    let cx = &lab.admin;
    host_up(cx, "n1", "192.0.2.1", &[]).await;
    host_up(cx, "n2", "192.0.2.2", &[]).await;
    let (net, subnet) = network(cx, "10.9.0.0/24").await;
    let port = guest(cx, net.id, "n1").await;
    services_place(cx).await.unwrap();
    let at = async || dhcp_port(cx, net.id).await.and_then(|port| port.host);
    assert_eq!(at().await.as_deref(), Some("n1"));
    host_down(cx, "n1", true).await;
    services_place(cx).await.unwrap();
    assert_eq!(at().await.as_deref(), Some("n2"));
    assert!(told_of(&lab, "n2", &net).await.dhcp.is_some());
    assert!(told_of(&lab, "n1", &net).await.dhcp.is_none());
    host_down(cx, "n1", false).await;
    services_place(cx).await.unwrap();
    assert_eq!(at().await.as_deref(), Some("n2"));
    // By hand, and by what an administrator says of the agent.
    let (dhcp1, dhcp2) = (AgentKind::Dhcp.id("n1"), AgentKind::Dhcp.id("n2"));
    agent_network_add(cx, dhcp1, net.id).await.unwrap();
    assert_eq!(agent_networks(cx, dhcp1).await.unwrap()[0].id, net.id);
    assert_eq!(network_agents(cx, net.id).await.unwrap()[0].host, "n1");
    agent_network_remove(cx, dhcp1, net.id).await.unwrap();
    assert_eq!(at().await.as_deref(), Some("n2"));
    let error = agent_network_remove(cx, dhcp1, net.id).await.unwrap_err();
    assert_eq!(
        (kind(&error), error.status()),
        ("NetworkNotHostedByDhcpAgent", 404)
    );
    let off = agent_update(cx, dhcp2, Some(false), Some("rest".into()))
        .await
        .unwrap();
    assert_eq!(
        (off.admin_state_up, off.description.as_str()),
        (false, "rest")
    );
    services_place(cx).await.unwrap();
    assert_eq!(at().await.as_deref(), Some("n1"));
    assert_eq!(
        agent_network_add(cx, dhcp2, net.id)
            .await
            .unwrap_err()
            .status(),
        409
    );
    assert_eq!(
        agent_network_remove(cx, dhcp1, net.id)
            .await
            .unwrap_err()
            .status(),
        409
    );
    let bridge = AgentKind::Bridge.id("n1");
    assert_eq!(
        agent_update(cx, bridge, Some(false), None)
            .await
            .unwrap_err()
            .status(),
        400
    );
    assert_eq!(agent_networks(cx, bridge).await.unwrap_err().status(), 409);
    assert_eq!(agent_list(cx).await.unwrap().len(), 6);
    // A second subnet adds an address, one without DHCP takes its own.
    let second = subnet_create(cx, subnet_of(&net, "10.10.0.0/24"))
        .await
        .unwrap();
    assert_eq!(dhcp_port(cx, net.id).await.unwrap().addresses.len(), 2);
    subnet_delete(cx, second.id).await.unwrap();
    assert_eq!(dhcp_port(cx, net.id).await.unwrap().addresses.len(), 1);
    let error = port_delete(cx, dhcp_port(cx, net.id).await.unwrap().id)
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "ServicePortInUse");
    let dhcp = |dhcp| SubnetChanges {
        dhcp: Some(dhcp),
        ..SubnetChanges::default()
    };
    subnet_update(cx, subnet.id, dhcp(false)).await.unwrap();
    assert!(dhcp_port(cx, net.id).await.is_none());
    // Guests are there already: the reconciler finds a place.
    subnet_update(cx, subnet.id, dhcp(true)).await.unwrap();
    services_place(cx).await.unwrap();
    assert_eq!(at().await.as_deref(), Some("n1"));
    // The port of DHCP is in nobody's way.
    let mut tx = cx.db.begin().await.unwrap();
    port_delete_on_conn(&mut tx, port.id).await.unwrap();
    tx.commit().await.unwrap();
    network_delete(cx, net.id).await.unwrap();
}

#[tokio::test]
async fn a_flat_network_is_where_nodes_are_plugged_in() {
    let lab = lab().await;
    let cx = &lab.admin;
    host_up(cx, "n1", "192.0.2.1", &[]).await;
    host_up(cx, "n2", "192.0.2.2", &["p1"]).await;
    let flat = network_create(cx, provided("flat", Some("p1"), None))
        .await
        .unwrap();
    subnet_create(cx, subnet_of(&flat, "10.9.0.0/24"))
        .await
        .unwrap();
    let port = port_create(cx, &NewPort::new(PortId::new(), flat.id, project(cx)))
        .await
        .unwrap();
    let mut tx = cx.db.begin().await.unwrap();
    let error = port_bind_on_conn(&mut tx, &[port.id], "n1")
        .await
        .unwrap_err();
    assert_eq!((kind(&error), error.status()), ("PortBindingFailed", 409));
    drop(tx);
    bind(cx, port.id, "n2").await;
    let spec = told_of(&lab, "n2", &flat).await;
    assert_eq!(
        spec.segment,
        Segment::Flat {
            physical: "p1".into()
        }
    );
    assert!(spec.dhcp.is_some() && spec.peers.is_empty() && !spec.flood);
    let agent = AgentKind::Dhcp.id("n1");
    let error = agent_network_add(cx, agent, flat.id).await.unwrap_err();
    assert!(error.to_string().contains("p1"), "{error}");
}

/// Takes what it is told and says nothing, as a node does that loses its power meanwhile.
struct Silent;

#[async_trait]
impl Handler for Silent {
    async fn handle(&self, _: Incoming) -> Result<Value, Fault> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_node_that_does_not_answer_keeps_nobody_waiting() {
    let lab = lab().await;
    let cx = &lab.member;
    let node = Arc::new(Node::default());
    let _silent = cx.bus.serve("compute", "n1", Arc::new(Silent));
    let _serving = cx.bus.serve("compute", "n2", node.clone());
    for host in ["n1", "n2"] {
        host_up(&lab.admin, host, "10.77.0.11", &[]).await;
    }
    let (network, _) = network(cx, "10.9.0.0/24").await;
    guest(cx, network.id, "n1").await;
    for guests in 1..3 {
        guest(cx, network.id, "n2").await;
        reconcile::round(cx).await.unwrap();
        let told = node.told.lock().unwrap().clone().unwrap();
        assert_eq!(told.networks[0].ports.len(), guests);
    }
}
