//! A connection that is dropped, on real guests of two hosts: the place is named, counters stand still behind it, and what
//! the trace proposes lets it pass.

use base64::Engine;
use skydeck::compute::wire::{NameOnly, NetworkRequested, Networks, ServerCreate};
use skydeck::network::wire::{
    NetworkFields, SecurityGroupFields, SubnetFields, Trace, TraceRemedy, TraceRequest, TraceStep,
};

use super::cloud::PATIENCE;
use super::guest::wait_ready;
use super::rack::RackCloud;
use crate::lab::guest as disk;
use crate::lab::rack::Rack;
use crate::lab::wait::wait_for_async;

/// Where the second guest is.
const DB: &str = "10.31.0.6";
/// Asks the second guest for its name by http, again and again.
const ASKING: &str = "#!/bin/sh\n(while :; do timeout 1 wget -q -O - http://10.31.0.6/; sleep 1; done) >/dev/null 2>&1 &\n";

struct Places {
    network: String,
    image: String,
    flavor: String,
}

async fn launch(
    cloud: &RackCloud,
    places: &Places,
    (name, host, address): (&str, usize, &str),
    group: &str,
    script: &str,
) -> String {
    let network = NetworkRequested {
        uuid: Some(places.network.clone()),
        fixed_ip: Some(address.into()),
        ..NetworkRequested::default()
    };
    let id = cloud
        .launch(ServerCreate {
            name: name.into(),
            flavor_ref: places.flavor.clone(),
            image_ref: Some(places.image.clone()),
            networks: Some(Networks::List(vec![network])),
            availability_zone: Some(format!("nova:{}", Rack::name(host))),
            security_groups: Some(vec![NameOnly { name: group.into() }]),
            config_drive: Some(true),
            user_data: Some(base64::engine::general_purpose::STANDARD.encode(script)),
            ..ServerCreate::default()
        })
        .await;
    cloud.wait_status(&id, "ACTIVE").await;
    id
}

fn places<'a>(trace: &'a Trace, what: &str) -> Vec<&'a TraceStep> {
    let steps = trace.steps.iter();
    steps.filter(|step| step.what == what).collect()
}

#[tokio::test]
async fn a_dropped_connection_is_found_counted_and_mended() {
    let cloud = RackCloud::start(2, "").await;
    let client = cloud.client();
    let network = NetworkFields {
        name: Some("blue".into()),
        ..NetworkFields::default()
    };
    let network = client.network_create(network).await.expect("a network").id;
    let subnet = SubnetFields {
        network_id: Some(network.clone()),
        ip_version: Some(4),
        cidr: Some("10.31.0.0/24".into()),
        ..SubnetFields::default()
    };
    client.subnet_create(subnet).await.expect("a subnet");
    let closed = SecurityGroupFields {
        name: Some("closed".into()),
        ..SecurityGroupFields::default()
    };
    client.security_group_create(closed).await.expect("a group");
    let at = Places {
        network,
        image: cloud.image("guest", &disk::qcow2(), "qcow2").await.id,
        flavor: cloud.flavor("guest", 128, 1).await,
    };
    let db = launch(&cloud, &at, ("db", 2, DB), "closed", "#!/bin/sh\n").await;
    let web = launch(&cloud, &at, ("web", 1, "10.31.0.5"), "default", ASKING).await;
    wait_ready(&cloud, &db, 1).await;
    wait_ready(&cloud, &web, 1).await;

    let question = TraceRequest {
        from: "web".into(),
        to: "db".into(),
        protocol: "tcp".into(),
        port: Some(80),
        source: None,
        probe: Some("5a1d0a54-0000-4000-8000-000000000001".into()),
    };
    let traced = async || client.network_trace(&question).await.expect("a trace");
    // Questions go by on both hosts up to the receiver's groups, and none behind them.
    let trace = wait_for_async("questions that are counted", PATIENCE, async || {
        let trace = traced().await;
        let tunnels = places(&trace, "tunnel");
        let far = tunnels.last().and_then(|step| step.request);
        (far > Some(1)).then_some(trace)
    })
    .await;
    assert_eq!(trace.verdict, "drops", "{trace:#?}");
    let drop = places(&trace, "receiver_groups")[0];
    assert_eq!(
        (drop.verdict.as_str(), drop.reason.as_str()),
        ("drops", "no_rule")
    );
    assert_eq!(drop.host, Some(Rack::name(2)));
    assert_eq!(
        drop.because,
        "no rule of group closed allows it to get tcp 80 from 10.31.0.5"
    );
    assert!(drop.dropped > Some(0), "{drop:?}");
    let [sender, receiver] = places(&trace, "tap")[..] else {
        panic!("{trace:#?}")
    };
    assert!(
        sender.request > Some(0) && sender.reply == Some(0),
        "{sender:?}"
    );
    assert_eq!((receiver.request, receiver.reply), (Some(0), Some(0)));
    assert!(receiver.would);

    // What would let it pass is made through the API, and does.
    let Some(TraceRemedy::SecurityGroupRule {
        security_group_rule: rule,
    }) = drop.remedy.clone()
    else {
        panic!("{:?}", drop.remedy)
    };
    assert_eq!(rule.remote_ip_prefix.as_deref(), Some("10.31.0.5/32"));
    client.security_rule_create(rule).await.expect("the rule");
    let trace = wait_for_async("answers", PATIENCE, async || {
        let trace = traced().await;
        let is_through = trace.verdict == "passes"
            && places(&trace, "tap")
                .iter()
                .all(|step| step.request > Some(0) && step.reply > Some(0));
        is_through.then_some(trace)
    })
    .await;
    assert!(places(&trace, "receiver_groups")[0].rule_id.is_some());

    // A host that is silent leaves its places unknown.
    let mut cloud = cloud;
    cloud.kill_agent(2);
    let trace = wait_for_async("silence", PATIENCE, async || {
        let trace = client.network_trace(&question).await.expect("a trace");
        let taps = places(&trace, "tap");
        (taps[1].request.is_none() && taps[0].request.is_some()).then_some(trace.clone())
    })
    .await;
    assert!(places(&trace, "tap")[0].request > Some(0));
}
