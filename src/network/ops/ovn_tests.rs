//! OVN as the engine, against its own programs: the northbound database that ovn-northd makes logical flows of, and ovn-trace,
//! which follows packets through them. No node is needed for that.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::router_tests::plug;
use super::tests::{Lab, bind, desired_of, lab_with, network, new_port, subnet_of};
use super::tunnel_tests::{guest, host_up};
use super::*;
use crate::bus::{Fault, Handler, Incoming, Rpc};
use crate::context::Context;
use crate::ids::{PortId, ServerId};
use crate::network::model::{
    AddressPair, Direction, Ethertype, FloatingIpChanges, GatewayWish, Ipv6Mode, Network,
    NetworkKind, NewFloatingIp, NewNetwork, NewRouter, NewSecurityGroup, NewSecurityRule,
    NewSubnet, Port, PortChanges, PortStatus, Provider, TargetWish,
};
use crate::network::ovn::{Outcome, Rows};
use crate::network::rpc::{NetworkApplied, NetworkApply, PortsPending, PortsReady, Segment};
use crate::network::store;
use crate::network::trace::{Transport, Verdict};

/// How long OVN's programs may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// OVN's databases, and what makes the one of the other.
struct Central {
    dir: TempDir,
    running: Vec<Child>,
}

impl Central {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut central = Self {
            dir,
            running: Vec::new(),
        };
        for name in ["nb", "sb"] {
            let file = central.path(&format!("{name}.db"));
            let schema = format!("/usr/share/ovn/ovn-{name}.ovsschema");
            central.run("ovsdb-tool", &["create", &file, &schema]);
            let remote = format!("--remote=p{}", central.remote(name));
            let control = format!("--unixctl={}", central.path(&format!("{name}.ctl")));
            central.spawn("ovsdb-server", &[&remote, &control, &file]);
        }
        for name in ["nb", "sb"] {
            central.wait(&format!("{name}.sock"));
        }
        central.nb(&["init"]);
        central.run(
            "ovn-sbctl",
            &[&format!("--db={}", central.remote("sb")), "init"],
        );
        let [nb, sb] = ["nb", "sb"].map(|name| format!("--ovn{name}-db={}", central.remote(name)));
        let control = format!("--unixctl={}", central.path("northd.ctl"));
        central.spawn("ovn-northd", &[&nb, &sb, &control]);
        central
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn remote(&self, name: &str) -> String {
        format!("unix:{}", self.path(&format!("{name}.sock")))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let dir = self.dir.path();
        command
            .env("OVS_RUNDIR", dir)
            .env("OVN_RUNDIR", dir)
            .env("OVS_LOGDIR", dir)
            .env("OVN_LOGDIR", dir)
            .current_dir(dir);
        command
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let child = self
            .command(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child
            .unwrap_or_else(|error| panic!("{program}: {error}; the package ovn-central has it"));
        self.running.push(child);
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let done = self.command(program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{program} {arguments:?}: {complaint}"
        );
        said
    }

    fn wait(&self, name: &str) {
        let (path, start) = (self.dir.path().join(name), Instant::now());
        while !path.exists() {
            assert!(start.elapsed() < PATIENCE, "{name} is not there");
            std::thread::yield_now();
        }
    }

    fn nb(&self, arguments: &[&str]) -> String {
        let db = format!("--db={}", self.remote("nb"));
        let mut all = vec![db.as_str(), "--timeout=30"];
        all.extend(arguments);
        self.run("ovn-nbctl", &all)
    }

    /// Follows a new connection's first packet; says at which ports it comes out.
    fn trace(&self, packet: &str) -> String {
        self.nb(&["--wait=sb", "sync"]);
        let db = format!("--db={}", self.remote("sb"));
        let mut arguments = vec![db.as_str(), "--minimal", "--no-friendly-names"];
        arguments.extend(["--ct=new"; 8]);
        arguments.push(packet);
        self.run("ovn-trace", &arguments)
    }

    /// Has this chassis take a port, or lets none have it; returns once that shows.
    fn claim(&self, port: PortId, chassis: Option<&str>) {
        let (db, port) = (format!("--db={}", self.remote("sb")), port.to_string());
        let line = match chassis {
            Some(chassis) => vec![db.as_str(), "lsp-bind", &port, chassis],
            None => vec![db.as_str(), "lsp-unbind", &port],
        };
        self.nb(&["--wait=sb", "sync"]);
        self.run("ovn-sbctl", &line);
        let up = format!("up={}", chassis.is_some());
        self.nb(&["wait-until", "Logical_Switch_Port", &port, &up]);
    }

    fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("network.engine", "ovn".into()),
            ("network.ovn_northbound", self.remote("nb")),
            ("network.ovn_southbound", "tcp:127.0.0.1:6642".into()),
        ]
    }
}

impl Drop for Central {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn ovn_lab(central: &Central) -> Lab {
    let settings = central.settings();
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let lab = lab_with(&settings).await;
    let mut tx = lab.admin.db.begin().await.unwrap();
    northbound::northbound_start_on_conn(&mut tx, &lab.admin)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    lab
}

/// Makes it so, and checks that then nothing is left to do.
async fn settle(cx: &Context) {
    northbound_ensure(cx).await.unwrap();
    assert_eq!(again(cx).await, Outcome::Made(0));
}

async fn again(cx: &Context) -> Outcome {
    let mut conn = cx.db.read().await.unwrap();
    let state = store::host::find(&mut conn, store::host::NORTHBOUND)
        .await
        .unwrap();
    drop(conn);
    let rows = northbound_rows(cx).await.unwrap();
    let northbound = cx.northbound.as_ref().unwrap();
    northbound
        .make(state.unwrap().wanted, &rows.want())
        .await
        .unwrap()
}

fn from(port: &Port) -> String {
    format!("inport == \"{}\" && eth.src == {}", port.id, port.mac)
}

fn to(port: &Port) -> String {
    format!("output(\"{}\")", port.id)
}

/// A packet from one guest to another on the same network.
fn packet(a: &Port, b: &Port, rest: &str) -> String {
    let (source, destination) = (a.addresses[0].address, b.addresses[0].address);
    format!(
        "{} && eth.dst == {} && ip4.src == {source} && ip4.dst == {destination} && ip.ttl == 64 && {rest}",
        from(a),
        b.mac
    )
}

async fn physical(lab: &Lab, cidr: &str) -> Network {
    let new = NewNetwork {
        name: "public".into(),
        external: true,
        provider: Provider {
            network_type: Some("flat".into()),
            physical_network: Some("physnet1".into()),
            segmentation_id: None,
        },
        ..NewNetwork::default()
    };
    let network = network_create(&lab.admin, new).await.unwrap();
    subnet_create(&lab.admin, subnet_of(&network, cidr))
        .await
        .unwrap();
    network
}

#[tokio::test]
async fn guests_reach_whom_their_groups_allow_and_are_nobody_else() {
    let central = Central::start();
    let lab = ovn_lab(&central).await;
    let cx = &lab.member;
    for host in ["n1", "n2"] {
        host_up(&lab.admin, host, "10.77.0.11", &[]).await;
    }
    let (blue, _) = network(cx, "10.1.0.0/24").await;
    // Another tenant's, with the same addresses.
    let (red, _) = network(&lab.admin, "10.1.0.0/24").await;
    let (web, db) = (
        guest(cx, blue.id, "n1").await,
        guest(cx, blue.id, "n2").await,
    );
    let stranger = guest(&lab.admin, red.id, "n1").await;
    settle(cx).await;

    assert_eq!((blue.mtu, &blue.kind.vni().is_some()), (1442, &true));
    let told = desired_of(cx, "n1").await;
    assert!(told.ovn.is_some_and(|ovn| ovn.chassis == "n1"));
    let told: Vec<_> = told
        .networks
        .iter()
        .map(|spec| (&spec.segment, spec.ports.len(), spec.dhcp.is_some()))
        .collect();
    assert_eq!(told, [(&Segment::Logical, 1, true); 2]);

    // Nobody may come in but members of the default group, and those by any protocol.
    assert!(
        central
            .trace(&packet(&web, &db, "tcp.dst == 5432"))
            .contains(&to(&db))
    );
    let spoofed =
        packet(&web, &db, "tcp.dst == 5432").replace("ip4.src == 10.1.0.", "ip4.src == 10.1.0.2");
    assert!(!central.trace(&spoofed).contains("output"));
    let spoofed = packet(&web, &db, "tcp.dst == 5432").replace(&web.mac, "fa:16:3e:00:00:99");
    assert!(!central.trace(&spoofed).contains("output"));
    assert!(
        !central
            .trace(&packet(&web, &stranger, "tcp.dst == 80"))
            .contains(&to(&stranger))
    );

    // Outsiders come in by what a rule says and by nothing else.
    let group = security_group_create(
        cx,
        NewSecurityGroup {
            project: None,
            name: "db".into(),
            description: String::new(),
        },
    )
    .await
    .unwrap();
    let rule = |protocol: &str, min, max, prefix: Option<&str>| NewSecurityRule {
        group: group.id,
        description: String::new(),
        direction: Direction::Ingress,
        ethertype: Some(Ethertype::Ipv4),
        protocol: Some(protocol.into()),
        min,
        max,
        remote_prefix: prefix.map(|prefix| prefix.parse().unwrap()),
        remote_group: None,
    };
    let moved = PortChanges {
        groups: Some(vec![group.id]),
        ..PortChanges::default()
    };
    port_update(cx, db.id, moved).await.unwrap();
    settle(cx).await;
    assert!(
        !central
            .trace(&packet(&web, &db, "tcp.dst == 5432"))
            .contains(&to(&db))
    );
    for new in [
        rule("tcp", Some(5432), Some(5440), Some("10.1.0.0/24")),
        rule("icmp", Some(8), None, None),
        rule("udp", Some(53), Some(53), Some("192.0.2.0/24")),
        rule("112", None, None, None),
    ] {
        security_rule_create(cx, new).await.unwrap();
    }
    let remote = NewSecurityRule {
        remote_prefix: None,
        remote_group: Some(group.id),
        ..rule("sctp", Some(7), Some(7), None)
    };
    security_rule_create(cx, remote).await.unwrap();
    settle(cx).await;
    for (passes, what) in [
        (true, "tcp.dst == 5432"),
        (true, "tcp.dst == 5440"),
        (false, "tcp.dst == 5441"),
        (false, "udp.dst == 53"),
        (true, "icmp4.type == 8"),
        (false, "icmp4.type == 13"),
        (true, "ip.proto == 112"),
        (false, "sctp.dst == 7"),
    ] {
        let said = central.trace(&packet(&web, &db, what));
        assert_eq!(said.contains(&to(&db)), passes, "{what}: {said}");
    }
    let joined = PortChanges {
        groups: Some(vec![group.id]),
        ..PortChanges::default()
    };
    port_update(cx, web.id, joined).await.unwrap();
    settle(cx).await;
    assert!(
        central
            .trace(&packet(&web, &db, "sctp.dst == 7"))
            .contains(&to(&db))
    );

    // A guest is no DHCP server, whatever its groups allow; everybody may ask for an address.
    let offer = packet(&db, &web, "udp.src == 67 && udp.dst == 68");
    assert!(!central.trace(&offer).contains(&to(&web)));
    let discover = format!(
        "{} && eth.dst == ff:ff:ff:ff:ff:ff && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && ip.ttl == 64 && udp.src == 68 && udp.dst == 67",
        from(&web)
    );
    assert!(
        central.trace(&discover).contains(&to(&web)),
        "{}",
        central.trace(&discover)
    );

    // Further addresses, and none of the checks.
    let pair = AddressPair {
        mac: None,
        prefix: "10.1.0.200/32".parse().unwrap(),
    };
    let pairs = PortChanges {
        pairs: Some(vec![pair]),
        ..PortChanges::default()
    };
    port_update(cx, web.id, pairs).await.unwrap();
    let open = PortChanges {
        port_security: Some(false),
        groups: Some(Vec::new()),
        ..PortChanges::default()
    };
    port_update(&lab.admin, stranger.id, open).await.unwrap();
    settle(cx).await;
    let shared = packet(&web, &db, "tcp.dst == 5432");
    let own = web.addresses[0].address.to_string();
    let shared = shared.replace(&format!("ip4.src == {own}"), "ip4.src == 10.1.0.200");
    assert!(central.trace(&shared).contains(&to(&db)));

    // Nothing stays of what is gone.
    let mut tx = cx.db.begin().await.unwrap();
    for port in [web.id, db.id, stranger.id] {
        port_unbind_on_conn(&mut tx, &[port]).await.unwrap();
        port_delete_on_conn(&mut tx, port).await.unwrap();
    }
    tx.commit().await.unwrap();
    network_delete(cx, blue.id).await.unwrap();
    network_delete(&lab.admin, red.id).await.unwrap();
    settle(cx).await;
    for table in [
        "Logical_Switch",
        "Logical_Switch_Port",
        "DHCP_Options",
        "DNS",
    ] {
        assert_eq!(
            central
                .nb(&["--bare", "--columns=_uuid", "list", table])
                .trim(),
            "",
            "{table}"
        );
    }
}

#[tokio::test]
async fn routers_lead_out_in_and_to_each_other() {
    let central = Central::start();
    let lab = ovn_lab(&central).await;
    let cx = &lab.member;
    host_up(&lab.admin, "n1", "10.77.0.11", &["physnet1"]).await;
    host_up(&lab.admin, "n2", "10.77.0.12", &["physnet1"]).await;
    host_up(&lab.admin, "n3", "10.77.0.13", &[]).await;
    let outside = physical(&lab, "203.0.113.0/24").await;
    let (front, front_subnet) = network(cx, "10.1.0.0/24").await;
    let (back, back_subnet) = network(cx, "10.2.0.0/24").await;
    let six = NewSubnet {
        address_mode: Some(Ipv6Mode::Slaac),
        ra_mode: Some(Ipv6Mode::Slaac),
        ..subnet_of(&front, "fd00:1::/64")
    };
    let six = subnet_create(cx, six).await.unwrap();
    let new = NewRouter {
        name: "r".into(),
        gateway: Some(GatewayWish {
            network: outside.id,
            enable_snat: None,
            addresses: None,
        }),
        ..NewRouter::default()
    };
    let router = router_create(cx, new).await.unwrap();
    for subnet in [front_subnet.id, back_subnet.id, six.id] {
        plug(cx, router.id, subnet).await;
    }
    let (web, db) = (
        guest(cx, front.id, "n3").await,
        guest(cx, back.id, "n3").await,
    );
    services_place(cx).await.unwrap();
    northbound_chassis(cx).await.unwrap();
    let told = host_network_list(cx).await.unwrap();
    let told: Vec<&str> = told.iter().map(|state| state.host.as_str()).collect();
    assert_eq!(told, ["n1", "n2", "n3"]);
    settle(cx).await;

    let ports = port_list(
        cx,
        crate::network::model::PortQuery {
            device_id: Some(router.id.to_string()),
            ..Default::default()
        },
    )
    .await
    .unwrap();
    assert!(
        ports.iter().all(|port| port.status == PortStatus::Active),
        "{ports:?}"
    );
    let inside = ports
        .iter()
        .find(|port| {
            port.addresses
                .iter()
                .any(|at| at.address.to_string() == "10.1.0.1")
        })
        .unwrap();
    let sent = |destination: &str, rest: &str| {
        format!(
            "{} && eth.dst == {} && ip4.src == {} && ip4.dst == {destination} && ip.ttl == 64 && {rest}",
            from(&web),
            inside.mac,
            web.addresses[0].address
        )
    };
    let destination = db.addresses[0].address.to_string();
    assert!(
        central
            .trace(&sent(&destination, "tcp.dst == 80"))
            .contains(&to(&db))
    );

    // The way out is on one of the hosts that are plugged in, the router's own first.
    let router = router_show(cx, router.id).await.unwrap();
    let gateway = router.gateway.as_ref().unwrap();
    let hosts = central.nb(&["lrp-get-gateway-chassis", &format!("lrp-{}", gateway.port)]);
    let hosts: Vec<&str> = hosts.split_whitespace().collect();
    let own = format!("lrp-{}_{}", gateway.port, router.host.as_deref().unwrap());
    assert_eq!(
        (hosts.len(), hosts[0], hosts[1]),
        (4, own.as_str(), "1000"),
        "{hosts:?}"
    );
    assert!(!hosts.iter().any(|host| host.ends_with("_n3")));

    let nat = || {
        let list = central.nb(&["lr-nat-list", &format!("neutron-{}", router.id)]);
        let lines = list.lines().skip(1).map(|line| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .join(" ")
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    };
    let outer = gateway.addresses[0].address;
    assert_eq!(
        nat(),
        [
            format!("snat {outer} 10.1.0.0/24"),
            format!("snat {outer} 10.2.0.0/24")
        ]
    );
    let routes = central.nb(&["lr-route-list", &format!("neutron-{}", router.id)]);
    assert!(
        routes.contains("0.0.0.0/0") && routes.contains("203.0.113.1"),
        "{routes}"
    );

    let floating = NewFloatingIp {
        project: None,
        description: String::new(),
        network: outside.id,
        subnet: None,
        address: None,
        target: Some(TargetWish {
            port: web.id,
            address: None,
        }),
    };
    let floating = floating_create(cx, floating).await.unwrap();
    settle(cx).await;
    let expected = format!(
        "dnat_and_snat {} {}",
        floating.address, web.addresses[0].address
    );
    assert!(nat().contains(&expected), "{:?}", nat());
    floating_update(
        cx,
        floating.id,
        FloatingIpChanges {
            target: Some(None),
            ..Default::default()
        },
    )
    .await
    .unwrap();
    settle(cx).await;
    assert!(!nat().contains(&expected));

    // Guests of IPv6 are told that they may make addresses.
    let announced = central.nb(&[
        "--bare",
        "--columns=ipv6_ra_configs",
        "list",
        "Logical_Router_Port",
    ]);
    assert!(announced.contains("address_mode=slaac"), "{announced}");

    // A trace knows that the router is where the guest is, and its way out elsewhere.
    let ask = |to: &str| TraceWish {
        from: web.id.to_string(),
        to: to.into(),
        source: None,
        transport: Transport::Tcp,
        port: Some(80),
        probe: None,
    };
    for host in ["n1", "n3"] {
        let mut tx = cx.db.begin().await.unwrap();
        let ports = [web.id, db.id];
        store::port::activate(&mut tx, host, &ports).await.unwrap();
        let state = store::host::find(&mut tx, host).await.unwrap();
        let wanted = state.map_or(0, |state| state.wanted);
        store::host::applied(&mut tx, host, wanted, None)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let traced = network_trace(&lab.admin, ask(&db.id.to_string()))
        .await
        .unwrap();
    assert_eq!(
        traced.path.verdict(),
        Verdict::Passes,
        "{:#?}",
        traced.path.steps
    );
    let steps = traced.path.steps.iter();
    assert!(
        steps
            .clone()
            .all(|step| step.host.as_deref().is_none_or(|host| host == "n3")),
        "{:#?}",
        traced.path.steps
    );
    assert!(
        steps
            .clone()
            .all(|step| step.device == "br-int" || step.device.starts_with("sdt-"))
    );
    assert!(
        steps
            .filter(|step| step.device == "br-int")
            .all(|step| step.point.is_none())
    );
    assert_eq!(
        traced
            .path
            .steps
            .iter()
            .filter(|step| step.point.is_some())
            .count(),
        2
    );
    let agents = agent_list(&lab.admin).await.unwrap();
    assert!(
        agents
            .iter()
            .any(|agent| agent.title == "OVN Controller agent")
    );
    let traced = network_trace(&lab.admin, ask("outside")).await.unwrap();
    assert_eq!(
        traced.path.verdict(),
        Verdict::Passes,
        "{:#?}",
        traced.path.steps
    );
    assert!(
        traced
            .path
            .steps
            .iter()
            .any(|step| step.host == router.host)
    );

    // An external network of each node alone is none for OVN's routers.
    let local = NewNetwork {
        external: true,
        ..NewNetwork::default()
    };
    let local = network_create(&lab.admin, local).await.unwrap();
    assert_eq!(local.kind, NetworkKind::Local);
    subnet_create(&lab.admin, subnet_of(&local, "198.51.100.0/24"))
        .await
        .unwrap();
    let wish = GatewayWish {
        network: local.id,
        enable_snat: None,
        addresses: None,
    };
    let refused = router_create(
        cx,
        NewRouter {
            gateway: Some(wish),
            ..NewRouter::default()
        },
    )
    .await
    .unwrap_err();
    assert!(refused.to_string().contains("flat"), "{refused}");
}

#[tokio::test]
async fn what_a_hand_changed_is_mended_and_what_is_anothers_is_left() {
    let central = Central::start();
    let lab = ovn_lab(&central).await;
    let cx = &lab.member;
    let (blue, _) = network(cx, "10.1.0.0/24").await;
    let new = new_port(cx, blue.id).for_server(ServerId::new(), Some("Web".into()));
    let web = port_create(cx, &new).await.unwrap();
    let switch = format!("neutron-{}", blue.id);
    central.nb(&["ls-add", "theirs", "--", "lsp-add", "theirs", "p1"]);
    settle(cx).await;
    central.nb(&["lsp-add", &switch, "guest-of-theirs"]);
    let options = central.nb(&["--bare", "--columns=options", "list", "DHCP_Options"]);
    assert!(
        options.contains("router=10.1.0.1")
            && options.contains("mtu=1442")
            && options.contains("169.254.169.254/32,10.1.0.2"),
        "{options}"
    );
    let names = central.nb(&["--bare", "--columns=records", "list", "DNS"]);
    assert!(
        names.contains("web.skydeck.internal=")
            && names.contains("in-addr.arpa=web.skydeck.internal"),
        "{names}"
    );

    central.nb(&["lsp-del", &web.id.to_string()]);
    central.nb(&[
        "clear",
        "DNS",
        central
            .nb(&["--bare", "--columns=_uuid", "list", "DNS"])
            .trim(),
        "records",
    ]);
    assert_ne!(again(cx).await, Outcome::Made(0));
    assert_eq!(again(cx).await, Outcome::Made(0));
    assert!(central.nb(&["show", &switch]).contains(&web.id.to_string()));
    assert!(central.nb(&["show", &switch]).contains("guest-of-theirs"));
    assert!(central.nb(&["show", "theirs"]).contains("p1"));

    // Where the guest is bound, and where it goes.
    bind(cx, web.id, "n1").await;
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[web.id], Some("n2"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    settle(cx).await;
    assert_eq!(
        central.nb(&["lsp-get-options", &web.id.to_string()]).trim(),
        "requested-chassis=n1,n2"
    );

    // Another control process has newer rows.
    let northbound = cx.northbound.as_ref().unwrap();
    let rows = northbound_rows(cx).await.unwrap();
    northbound.make(1_000, &rows.want()).await.unwrap();
    assert_eq!(
        northbound.make(999, &Rows::default().want()).await.unwrap(),
        Outcome::Newer(1_000)
    );
    let mut tx = cx.db.begin().await.unwrap();
    port_unbind_on_conn(&mut tx, &[web.id]).await.unwrap();
    port_delete_on_conn(&mut tx, web.id).await.unwrap();
    tx.commit().await.unwrap();
    northbound_repair(cx).await.unwrap();
    northbound_repair(cx).await.unwrap();
    assert!(!central.nb(&["show", &switch]).contains(&web.id.to_string()));
}

#[tokio::test]
async fn a_database_that_is_away_is_told_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = format!("unix:{}", dir.path().join("nb.sock").display());
    let lab = lab_with(&[
        ("network.engine", "ovn"),
        ("network.ovn_northbound", &nowhere),
        ("network.ovn_southbound", "tcp:127.0.0.1:6642"),
    ])
    .await;
    let mut tx = lab.admin.db.begin().await.unwrap();
    northbound::northbound_start_on_conn(&mut tx, &lab.admin)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let refused = northbound_ensure(&lab.admin).await.unwrap_err();
    assert!(
        refused.status() == 503 && refused.to_string().contains("nb.sock"),
        "{refused}"
    );
    assert!(host_network_list(&lab.admin).await.unwrap().is_empty());
    let trouble = northbound_trouble(&lab.admin).await.unwrap();
    assert!(trouble.is_some_and(|trouble| trouble.contains("nb.sock")));
    let refused = ports_follow(&lab.admin).await.unwrap_err();
    assert!(
        refused.status() == 503 && refused.to_string().contains("nb.sock"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_port_that_no_chassis_has_any_more_is_down_until_one_has_it() {
    let central = Central::start();
    let lab = ovn_lab(&central).await;
    let cx = &lab.member;
    let db = format!("--db={}", central.remote("sb"));
    for (host, address) in [("n1", "10.77.0.11"), ("n2", "10.77.0.12")] {
        host_up(&lab.admin, host, address, &[]).await;
        central.run("ovn-sbctl", &[&db, "chassis-add", host, "geneve", address]);
    }
    let (blue, _) = network(cx, "10.1.0.0/24").await;
    let [web, other] = [
        guest(cx, blue.id, "n1").await,
        guest(cx, blue.id, "n2").await,
    ];
    settle(cx).await;
    let status = async || port_show(cx, web.id).await.unwrap().status;
    let follow = async || ports_follow(&lab.admin).await.unwrap();

    // It waits for its node; what OVN says does not matter yet.
    follow().await;
    follow().await;
    assert_eq!(status().await, PortStatus::Build);
    let mut tx = cx.db.begin().await.unwrap();
    let active = store::port::activate(&mut tx, "n1", &[web.id]).await;
    tx.commit().await.unwrap();
    assert_eq!(active.unwrap()[0].status, PortStatus::Active);
    central.claim(web.id, Some("n1"));
    follow().await;
    follow().await;
    assert_eq!(status().await, PortStatus::Active);

    // For a moment, and then for good.
    central.claim(web.id, None);
    follow().await;
    central.claim(web.id, Some("n1"));
    follow().await;
    central.claim(web.id, None);
    follow().await;
    assert_eq!(status().await, PortStatus::Active);
    follow().await;
    let shown = port_show(cx, web.id).await.unwrap();
    assert_eq!(shown.status, PortStatus::Down);
    let mut tx = cx.db.begin().await.unwrap();
    let state = store::host::find(&mut tx, "n1").await.unwrap().unwrap();
    let told = store::host::applied(&mut tx, "n1", state.wanted, None).await;
    told.unwrap();
    tx.commit().await.unwrap();
    let wish = TraceWish {
        from: web.id.to_string(),
        to: other.id.to_string(),
        source: None,
        transport: Transport::Tcp,
        port: Some(80),
        probe: None,
    };
    let traced = network_trace(&lab.admin, wish).await.unwrap();
    assert_eq!(traced.path.verdict(), Verdict::Drops);
    let steps = format!("{:?}", traced.path.steps);
    assert!(steps.contains("on no chassis"), "{steps}");
    central.claim(web.id, Some("n2"));
    follow().await;
    let found = port_show(cx, web.id).await.unwrap();
    assert_eq!(
        (found.status, found.revision),
        (PortStatus::Active, shown.revision + 1)
    );

    // One that moves is without for longer.
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[web.id], Some("n2"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    central.claim(web.id, None);
    follow().await;
    follow().await;
    assert_eq!(status().await, PortStatus::Active);
}

/// A node that has whatever it is told, and that OVN makes ports ready on at the second question.
#[derive(Default)]
struct Node {
    asked: Mutex<Vec<Vec<PortId>>>,
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
        let request: PortsReady = incoming.parse()?;
        let mut asked = self.asked.lock().unwrap();
        asked.push(request.ports.clone());
        let pending = if asked.len() == 1 {
            request.ports
        } else {
            Vec::new()
        };
        Ok(json!(PortsPending { pending }))
    }
}

#[tokio::test]
async fn a_guests_port_works_when_ovn_says_so_and_not_before() {
    let central = Central::start();
    let lab = ovn_lab(&central).await;
    let cx = &lab.member;
    let node = Arc::new(Node::default());
    let _serving = cx.bus.serve("compute", "n1", node.clone());
    host_up(&lab.admin, "n1", "10.77.0.11", &[]).await;
    let (blue, _) = network(cx, "10.1.0.0/24").await;
    let web = guest(cx, blue.id, "n1").await.id;
    let status = async || port_show(cx, web).await.unwrap().status;
    host_network_ensure(cx, "n1").await.unwrap();
    assert_eq!(status().await, PortStatus::Build);
    let late = host_ports_ensure(cx, "n1", &[web]).await.unwrap_err();
    assert!(
        late.status() == 503 && late.to_string().contains(&web.to_string()),
        "{late}"
    );
    assert_eq!(status().await, PortStatus::Build);
    host_ports_ensure(cx, "n1", &[web]).await.unwrap();
    assert_eq!(status().await, PortStatus::Active);

    // Where it goes to, OVN is asked as well, before the guest does.
    let other = Arc::new(Node::default());
    other.asked.lock().unwrap().push(Vec::new());
    let _serving = cx.bus.serve("compute", "n2", other.clone());
    host_up(&lab.admin, "n2", "10.77.0.12", &[]).await;
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[web], Some("n2"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    host_ports_ensure(cx, "n2", &[web]).await.unwrap();
    assert_eq!(other.asked.lock().unwrap()[1..], [vec![web]]);

    // Nobody asks of ports that nodes carry themselves.
    let local = NewNetwork {
        provider: Provider {
            network_type: Some("local".into()),
            physical_network: None,
            segmentation_id: None,
        },
        ..NewNetwork::default()
    };
    let local = network_create(&lab.admin, local).await.unwrap();
    subnet_create(&lab.admin, subnet_of(&local, "10.3.0.0/24"))
        .await
        .unwrap();
    let own = guest(&lab.admin, local.id, "n1").await.id;
    host_ports_ensure(cx, "n1", &[own]).await.unwrap();
    assert_eq!(node.asked.lock().unwrap().len(), 2);
    let port = port_show(&lab.admin, own).await.unwrap();
    assert_eq!(port.status, PortStatus::Active);
}
