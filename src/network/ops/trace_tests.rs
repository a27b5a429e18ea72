//! Traces against a real database, and nodes that count.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::tests::{Lab, bind, kind, lab, network, new_port, project, wish};
use super::tunnel_tests::{host_down, host_up};
use super::*;
use crate::bus::{Fault, Handler, Incoming, Rpc};
use crate::ids::{NetworkId, PortId, SecurityGroupId};
use crate::network::model::{InterfaceWish, NewPort, NewRouter, NewSecurityGroup, PortChanges};
use crate::network::names::tap_name;
use crate::network::reconcile;
use crate::network::rpc::{NetworkApplied, NetworkApply, NetworkProbe, NetworkProbed};
use crate::network::trace::{Reason, Remedy, Step, Transport, Verdict, What};

/// A node that has whatever it is told, counts seven packets everywhere, and remembers what it was asked.
#[derive(Default)]
struct Node {
    asked: Mutex<Vec<NetworkProbe>>,
}

#[async_trait]
impl Handler for Node {
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault> {
        if incoming.method == NetworkApply::METHOD {
            let request: NetworkApply = incoming.parse()?;
            return Ok(json!(NetworkApplied {
                generation: request.desired.generation,
                ..NetworkApplied::default()
            }));
        }
        let request: NetworkProbe = incoming.parse()?;
        let taps = request
            .points
            .iter()
            .filter(|point| point.device.starts_with("sdt-"));
        let answer = NetworkProbed {
            counts: vec![Some(7); request.points.len()],
            drops: taps
                .map(|point| (format!("to {}", point.device), 3))
                .collect(),
        };
        self.asked.lock().unwrap().push(request);
        Ok(json!(answer))
    }
}

async fn guest(lab: &Lab, network: NetworkId, name: &str, at: &str, host: &str) -> PortId {
    guest_of(lab, network, (name, at, host), None).await
}

async fn guest_of(
    lab: &Lab,
    network: NetworkId,
    (name, at, host): (&str, &str, &str),
    group: Option<SecurityGroupId>,
) -> PortId {
    let cx = &lab.member;
    let new = NewPort {
        name: name.into(),
        addresses: wish(at),
        groups: group.map(|group| vec![group]),
        ..new_port(cx, network)
    };
    let port = port_create(cx, &new).await.unwrap();
    bind(cx, port.id, host).await;
    port.id
}

fn ask(from: &str, to: &str) -> TraceWish {
    TraceWish {
        from: from.into(),
        to: to.into(),
        source: None,
        transport: Transport::Tcp,
        port: Some(80),
        probe: None,
    }
}

async fn traced(lab: &Lab, from: &str, to: &str) -> Traced {
    network_trace(&lab.admin, ask(from, to)).await.unwrap()
}

fn drop(traced: &Traced) -> &Step {
    let mut steps = traced.path.steps.iter();
    let found = steps.find(|step| step.verdict == Verdict::Drops);
    found.unwrap_or_else(|| panic!("nothing is dropped: {:?}", traced.path.steps))
}

#[tokio::test]
async fn a_path_is_found_by_names_ids_and_addresses_and_what_is_missing_can_be_made() {
    let lab = lab().await;
    let cx = &lab.member;
    let (one, two) = (Arc::new(Node::default()), Arc::new(Node::default()));
    let _one = cx.bus.serve("compute", "n1", one.clone());
    let _two = cx.bus.serve("compute", "n2", two.clone());
    host_up(&lab.admin, "n1", "192.0.2.1", &[]).await;
    host_up(&lab.admin, "n2", "192.0.2.2", &[]).await;
    let (blue, blue_subnet) = network(cx, "10.9.0.0/24").await;
    let (green, green_subnet) = network(cx, "10.8.0.0/24").await;
    let web = guest(&lab, blue.id, "web", "10.9.0.5", "n1").await;
    let new = NewSecurityGroup {
        name: "closed".into(),
        ..NewSecurityGroup::default()
    };
    let closed = Some(security_group_create(cx, new).await.unwrap().id);
    let db = guest_of(&lab, blue.id, ("db", "10.9.0.6", "n2"), closed).await;
    let far = guest_of(&lab, green.id, ("far", "10.8.0.7", "n2"), closed).await;
    reconcile::round(&lab.admin).await.unwrap();

    let found = traced(&lab, "web", "db").await;
    let step = drop(&found);
    assert_eq!(
        (step.reason, step.what),
        (Reason::NoRule, What::ReceiverGroups)
    );
    assert_eq!(step.device, tap_name(db));
    assert_eq!(
        step.because,
        "no rule of group closed allows it to get tcp 80 from 10.9.0.5"
    );
    for (from, to) in [
        (web.to_string(), db.to_string()),
        ("10.9.0.5".to_owned(), "10.9.0.6".to_owned()),
        ("web".to_owned(), "10.9.0.6".to_owned()),
    ] {
        let again = traced(&lab, &from, &to).await;
        assert_eq!(again.path.steps, found.path.steps, "{from} {to}");
    }
    let Some(Remedy::Rule(rule)) = step.remedy.clone() else {
        panic!("{:?}", step.remedy)
    };
    security_rule_create(cx, rule).await.unwrap();
    reconcile::round(&lab.admin).await.unwrap();
    let found = traced(&lab, "web", "db").await;
    assert_eq!(
        found.path.verdict(),
        Verdict::Passes,
        "{:?}",
        found.path.steps
    );

    // No router, one that has not both, one that has.
    let found = traced(&lab, "web", "far").await;
    assert_eq!(drop(&found).reason, Reason::NoRouter);
    let new = NewRouter {
        name: "r".into(),
        ..NewRouter::default()
    };
    let router = router_create(cx, new).await.unwrap();
    let plug = |subnet| router_interface_add(cx, router.id, InterfaceWish::Subnet(subnet));
    plug(blue_subnet.id).await.unwrap();
    services_place(cx).await.unwrap();
    reconcile::round(&lab.admin).await.unwrap();
    let found = traced(&lab, "web", "far").await;
    let step = drop(&found);
    assert_eq!(step.reason, Reason::NotJoined, "{:?}", found.path.steps);
    let wanted = Remedy::RouterInterface {
        router: router.id,
        subnet: green_subnet.id,
    };
    assert_eq!(step.remedy, Some(wanted));
    plug(green_subnet.id).await.unwrap();
    reconcile::round(&lab.admin).await.unwrap();
    // The rule that was made is of its group too.
    let found = traced(&lab, "web", "far").await;
    assert_eq!(
        found.path.verdict(),
        Verdict::Passes,
        "{:?}",
        found.path.steps
    );
    assert!(found.path.steps.iter().any(|step| step.is_back));

    // A port that is down and a host that is.
    let down = PortChanges {
        admin_state_up: Some(false),
        ..PortChanges::default()
    };
    port_update(cx, far, down).await.unwrap();
    host_down(&lab.admin, "n1", true).await;
    let found = traced(&lab, "web", "far").await;
    let reasons: Vec<Reason> = found
        .path
        .steps
        .iter()
        .filter(|step| step.verdict == Verdict::Drops)
        .map(|step| step.reason)
        .collect();
    assert!(
        reasons.contains(&Reason::HostDown) && reasons.contains(&Reason::PortDown),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn words_that_mean_nothing_or_several_are_refused() {
    let lab = lab().await;
    let (blue, _) = network(&lab.member, "10.9.0.0/24").await;
    guest(&lab, blue.id, "web", "10.9.0.5", "n1").await;
    guest(&lab, blue.id, "web", "10.9.0.6", "n1").await;
    // Another tenant's, with the same address.
    let (other, _) = network(&lab.admin, "10.9.0.0/24").await;
    let new = NewPort {
        addresses: wish("10.9.0.5"),
        ..new_port(&lab.admin, other.id)
    };
    assert_ne!(project(&lab.admin), project(&lab.member));
    port_create(&lab.admin, &new).await.unwrap();
    for (from, to, refusal) in [
        ("web", "outside", "Invalid"),
        ("nobody", "outside", "NotFound"),
        (
            "0192d3c4-0000-7000-8000-000000000000",
            "outside",
            "NotFound",
        ),
        ("10.9.0.5", "outside", "Invalid"),
        ("outside", "10.9.0.5", "Invalid"),
    ] {
        let error = network_trace(&lab.admin, ask(from, to)).await.unwrap_err();
        assert_eq!(kind(&error), refusal, "{from} {to}: {error}");
    }
    let error = network_trace(&lab.admin, ask("web", "outside"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("say the id of one: port "),
        "{error}"
    );
    // From a port, an address is looked for where the port is.
    let found = traced(&lab, "10.9.0.6", "10.9.0.5").await;
    assert!(found.path.from.is_some());
    let of = port_show(&lab.admin, found.path.to.unwrap()).await.unwrap();
    assert_eq!(of.network, blue.id);
}

#[tokio::test]
async fn hosts_count_and_one_that_is_silent_leaves_its_places_unknown() {
    let lab = lab().await;
    let node = Arc::new(Node::default());
    let _serving = lab.admin.bus.serve("compute", "n1", node.clone());
    host_up(&lab.admin, "n1", "192.0.2.1", &[]).await;
    host_up(&lab.admin, "n2", "192.0.2.2", &[]).await;
    let (blue, _) = network(&lab.member, "10.9.0.0/24").await;
    let web = guest(&lab, blue.id, "web", "10.9.0.5", "n1").await;
    guest(&lab, blue.id, "near", "10.9.0.6", "n1").await;
    guest(&lab, blue.id, "far", "10.9.0.7", "n2").await;
    let probed = |to: &str| TraceWish {
        probe: Some(Uuid::nil()),
        ..ask("web", to)
    };

    let found = network_trace(&lab.admin, probed("far")).await.unwrap();
    for (step, counts) in found.path.steps.iter().zip(&found.counts) {
        let is_here = step.host.as_deref() == Some("n1") && step.point.is_some();
        assert_eq!(counts.request, is_here.then_some(7), "{step:?}");
        assert_eq!(counts.reply, is_here.then_some(7), "{step:?}");
    }
    let asked = node.asked.lock().unwrap().pop().unwrap();
    let [sent, answered, ..] = &asked.points[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (sent.device.as_str(), sent.outbound),
        (tap_name(web).as_str(), false)
    );
    assert_eq!((sent.destination_port, sent.source_port), (Some(80), None));
    assert_eq!(
        (answered.source, answered.outbound),
        (sent.destination, true)
    );
    assert_eq!(
        (answered.destination_port, answered.source_port),
        (None, Some(80))
    );

    let found = network_trace(&lab.admin, probed("near")).await.unwrap();
    let at = found
        .path
        .steps
        .iter()
        .position(|step| step.what == What::ReceiverGroups);
    assert_eq!(found.counts[at.unwrap()].dropped, Some(3));
}
