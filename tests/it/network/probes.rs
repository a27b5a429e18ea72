//! Packets counted on a real kernel: where they are, with the addresses that they have there, for as long as somebody asks.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use skydeck::network::names::{inside_interface, outside_interface, router_namespace, tap_name};
use skydeck::network::rpc::{NetworkProbe, ProbePoint};
use uuid::Uuid;

use super::tenants::{Routed, outside, routed};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ECHO: u8 = 8;
const REPLY: u8 = 0;
const WORLD: &str = "203.0.113.1";
const DB: &str = "10.1.0.6";
/// What the router makes of the guest's address on the way out.
const ROUTER: &str = "10.9.0.10";

fn point(
    namespace: Option<&str>,
    device: &str,
    outbound: bool,
    (from, to): (&str, &str),
    icmp: u8,
) -> ProbePoint {
    let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    ProbePoint {
        namespace: namespace.map(str::to_owned),
        device: device.to_owned(),
        outbound,
        protocol: ICMP,
        source: address(from),
        destination: address(to),
        source_port: None,
        destination_port: None,
        icmp: Some(icmp),
    }
}

#[test]
fn packets_are_counted_where_they_are_with_the_addresses_that_they_have_there() {
    let Routed {
        nodes,
        world,
        web,
        db,
    } = routed();
    let (beside, site) = (nodes.site(1), nodes.site(2));
    let (web, guest) = (beside.guest(&web), site.guest(&db));
    web.dhcp();
    guest.dhcp();
    let (_, router) = world.router.as_ref().unwrap();
    let namespace = router_namespace(router.id);
    let tap = tap_name(db.id);
    let inside = inside_interface(router.interfaces[0].port);
    let out = outside_interface(router.gateway.as_ref().unwrap().port.port);
    let within = Some(namespace.as_str());
    let mut points = vec![
        point(None, &tap, false, (DB, WORLD), ECHO),
        point(within, &inside, false, (DB, WORLD), ECHO),
        point(within, &out, true, (ROUTER, WORLD), ECHO),
        point(within, &out, false, (WORLD, ROUTER), REPLY),
        point(within, &inside, true, (WORLD, DB), REPLY),
        point(None, &tap, true, (WORLD, DB), REPLY),
        // Not by this device, and not with this protocol.
        point(within, &out, true, (DB, WORLD), ECHO),
    ];
    points.push(ProbePoint {
        protocol: TCP,
        icmp: None,
        destination_port: Some(80),
        ..points[0].clone()
    });
    let request = NetworkProbe {
        id: Uuid::from_u128(7),
        points,
        lifetime: 10,
    };
    let table = format!("skydeck-probe-{}", request.id);
    site.with_agent(async |agent| {
        let ask = async || agent.probe(&request).await.unwrap().counts;
        assert_eq!(ask().await, vec![Some(0); 8]);
        assert!(guest.pings(WORLD), "the world is out of reach");
        let counts = [1, 1, 1, 1, 1, 1, 0, 0].map(Some);
        assert_eq!(ask().await, counts);
        assert!(guest.fetches(WORLD));
        let counts = ask().await;
        assert_eq!(counts[..7], [1, 1, 1, 1, 1, 1, 0].map(Some));
        assert!(counts[7] > Some(3), "{counts:?}");
        // Another node that shows its namespaces here too removes its own and no others.
        beside.with_agent(async |other| other.probes_clear().await.unwrap());
        assert_eq!(ask().await, counts);
        // It is no part of the filter, whose state is as it was.
        assert_eq!(agent.repair().await.unwrap().changes, Vec::<String>::new());
        // What somebody removes by hand is counted anew.
        site.shell(&format!("nft delete table bridge {table}"));
        assert_eq!(ask().await[..2], [Some(0), Some(1)]);
        // Where it can not be counted.
        let mut elsewhere = request.clone();
        elsewhere.id = Uuid::from_u128(8);
        elsewhere.points[1].namespace = Some(router_namespace(skydeck::ids::RouterId::new()));
        let counts = agent.probe(&elsewhere).await.unwrap().counts;
        assert_eq!(counts[..2], [Some(0), None]);
        // Nobody asks any more.
        agent
            .probes_expire(Instant::now() + Duration::from_secs(11))
            .await;
        let left = site.shell("nft list tables");
        assert!(!left.contains("probe"), "{left}");
        let left = outside(&format!("ip netns exec {namespace} nft list tables"));
        assert!(!left.contains("probe"), "{left}");
        agent.probe(&request).await.unwrap();
    });
    // An agent that starts knows of none, and removes what another has left.
    site.with_agent(async |agent| agent.probes_clear().await.unwrap());
    let left = site.shell("nft list tables");
    assert!(
        !left.contains("probe") && left.contains("skydeck"),
        "{left}"
    );
    drop(web);
}
