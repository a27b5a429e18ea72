//! A node's networking on a real kernel: bridges, DHCP, names, the way out, and what guests may not do.

mod changes;
mod flat;
mod groups;
mod ipv6;
mod logical;
mod ovn;
mod probes;
mod site;
mod tenants;

use std::fs;
use std::net::IpAddr;

use rstest::rstest;
use skydeck::config::Engine;
use skydeck::ids::SubnetId;
use skydeck::network::names::bridge_name;
use skydeck::network::rpc::Subnet6Spec;

use crate::lab::wait::wait_until;
use site::{Guest, Site, add_port, desired, network};
use tenants::{Nodes, Tenant, World};

const FRAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/network/frames.py");
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[test]
fn guests_get_their_addresses_know_each_other_and_reach_the_world_but_not_the_node() {
    let site = Site::start();
    site.world();
    let (mut first, mut second) = (network(1), network(2));
    let web = add_port(&mut first, 5, "web");
    let db = add_port(&mut first, 6, "db");
    let stranger = add_port(&mut second, 5, "stranger");
    site.must_apply(&desired(1, &[&first, &second]));
    let (web, db, stranger) = (site.guest(&web), site.guest(&db), site.guest(&stranger));

    let said = web.dhcp();
    for line in [
        "ip=10.1.0.5",
        "router=10.1.0.1",
        "dns=10.1.0.1",
        "mtu=1450",
        "domain=cloud.test",
        "search=cloud.test",
    ] {
        assert!(
            said.lines().any(|given| given == line),
            "{line} is not in {said}"
        );
    }
    assert_eq!(db.address().to_string(), "10.1.0.6");
    assert_eq!(stranger.address().to_string(), "10.2.0.5");

    assert!(
        web.resolves("db.cloud.test", "10.1.0.1")
            .contains("10.1.0.6")
    );
    assert!(db.resolves("web", "10.1.0.1").contains("10.1.0.5"));
    assert!(
        !web.resolves("stranger.cloud.test", "10.1.0.1")
            .contains("10.2.0.5")
    );

    assert!(web.pings("10.1.0.6") && web.pings("10.1.0.1"));
    assert!(web.fetches("203.0.113.1"), "the world is out of reach");
    assert!(!web.pings("10.2.0.5"), "networks are not apart");
    site.shell("ip -n world route add 10.1.0.0/24 via 203.0.113.2");
    let asked = site.machine.try_run(&[
        "ip", "netns", "exec", "world", "ping", "-c", "1", "-W", "1", "10.1.0.5",
    ]);
    assert!(asked.is_err(), "the world reaches a guest unasked");
    site.machine
        .run(&["ping", "-c", "1", "-W", "2", "10.1.0.5"]);

    let www = site.machine.dir().join("www");
    site.shell(&format!("busybox httpd -p 8080 -h {}", www.display()));
    site.shell("busybox wget -q -O - http://10.1.0.1:8080/");
    assert!(
        !web.fetches("10.1.0.1:8080"),
        "a guest reaches a service of the node"
    );
    assert!(
        !web.fetches("203.0.113.2:8080"),
        "a guest reaches a service of the node by another address"
    );
}

/// The frames that guest `from` sends and guest `to` sees.
fn seen(from: &Guest<'_>, to: &Guest<'_>, address: &str) -> Vec<String> {
    let site = to.site();
    let name = format!("listen-{}-{}", from.name, to.name);
    let mut listen = site.machine.command("ip");
    listen.args(["netns", "exec", &to.name, FRAMES, "listen", "eth0"]);
    let mut listener = site.machine.spawn(&name, listen);
    wait_until("the listener", PATIENCE, || {
        listener.log().contains("listening")
    });
    // Open vSwitch takes what is sent at once by flows, one after the other: the end is a batch of its own.
    for what in ["send", "end"] {
        from.run(&format!("{FRAMES} {what} eth0 {} {address}", from.mac));
    }
    assert!(listener.wait(PATIENCE).success());
    let lines = listener.log();
    let lines = lines
        .lines()
        .skip_while(|line| *line != "listening")
        .skip(1);
    lines.map(str::to_owned).collect()
}

/// What an honest guest may send of these frames, in their order.
const HONEST: [&str; 6] = [
    "own",
    "arp-own",
    "dhcp-request",
    "neighbour",
    "probe",
    "end",
];
/// Of the others, those that no bridge or tunnel keeps back by itself.
const HOSTILE: [&str; 8] = [
    "other-mac",
    "other-address",
    "dhcp-answer",
    "router",
    "redirect",
    "dhcp6-answer",
    "other-address6",
    "unknown-protocol",
];
/// How many there are in all.
const ALL_FRAMES: usize = 21;

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
fn a_hostile_guest_reaches_nobody_on_its_node_or_another(#[case] engine: Engine) {
    let nodes = Nodes::over(engine);
    let mut tenant = Tenant::over(engine, 1, 1001);
    tenant.network.subnets6 = vec![Subnet6Spec {
        id: SubnetId::new(),
        cidr: "fd00:1::/64".parse().unwrap(),
        gateway: None,
        dhcp: None,
        address_mode: None,
        announced: None,
        dns: Vec::new(),
        routes: Vec::new(),
    }];
    let names = [
        (1, 5, "sender"),
        (1, 6, "near"),
        (2, 7, "far"),
        (1, 8, "open"),
    ];
    let ports = names.map(|(node, last, name)| tenant.guest(node, last, name));
    for (_, port) in &mut tenant.guests {
        let IpAddr::V4(own) = port.addresses[0] else {
            unreachable!("guests have addresses of IPv4 at first");
        };
        let last = own.octets()[3];
        port.addresses
            .push(format!("fd00:1::{last}").parse().unwrap());
        port.port_security = last != 8;
    }
    let world = World {
        engine,
        tenants: vec![tenant],
        ..World::default()
    };
    nodes.tell(&world);
    let [sender, near, far, open] = &ports;
    let at = |node, port| nodes.site(node).guest(port);
    let (sender, near, far, open) = (at(1, sender), at(1, near), at(2, far), at(1, open));
    for (where_to, to) in [("near", &near), ("far", &far)] {
        // Between nodes, neighbours are answered for where they are asked for; and what is for a DHCP server, OVN looks at
        // itself: not every honest frame comes everywhere.
        let honest = seen(&sender, to, "10.1.0.5");
        assert!(
            honest.iter().all(|frame| HONEST.contains(&frame.as_str())),
            "{where_to}: {honest:?}"
        );
        assert!(
            honest.starts_with(&["own".to_owned()]),
            "{where_to}: {honest:?}"
        );
        // Without port security they pass: so it was the filter that held them.
        let all = seen(&open, to, "10.1.0.8");
        for frame in HOSTILE {
            assert!(
                all.iter().any(|one| one == frame),
                "{where_to}: {frame} of {all:?}"
            );
        }
    }
}

#[test]
fn a_guest_can_not_pretend_to_be_another() {
    let site = Site::start();
    let mut network = network(1);
    let (web, db) = (
        add_port(&mut network, 5, "web"),
        add_port(&mut network, 6, "db"),
    );
    site.must_apply(&desired(1, &[&network]));
    let (sender, receiver) = (site.guest(&web), site.guest(&db));
    assert_eq!(seen(&sender, &receiver, "10.1.0.5"), HONEST);

    // Without port security everything passes: so the frames above were fine, and it was the filter that held them.
    let open = add_port(&mut network, 7, "open");
    network.ports[2].port_security = false;
    site.must_apply(&desired(2, &[&network]));
    let open = site.guest(&open);
    assert_eq!(seen(&open, &receiver, "10.1.0.7").len(), ALL_FRAMES);

    // A tap that nobody spoke of is silent.
    let unknown = add_port(&mut network, 8, "unknown");
    let unknown = site.guest(&unknown);
    unknown.run("ip addr add 10.1.0.8/24 dev eth0");
    assert!(!unknown.pings("10.1.0.1"));
}

#[test]
fn a_second_time_changes_nothing_and_damage_is_mended() {
    let site = Site::start();
    let (mut first, second) = (network(1), network(2));
    let web = add_port(&mut first, 5, "web");
    let wish = desired(1, &[&first, &second]);
    assert!(!site.must_apply(&wish).is_empty());
    let web = site.guest(&web);
    web.dhcp();
    assert_eq!(site.must_apply(&wish), Vec::<String>::new());
    assert_eq!(site.repair(), Vec::<String>::new());

    let bridge = bridge_name(first.id);
    let servers = site.state().join("dhcp");
    let own = servers.join(&bridge);
    let works = |what: &str| {
        assert_eq!(site.repair(), Vec::<String>::new(), "after {what}");
        assert_eq!(web.address().to_string(), "10.1.0.5", "after {what}");
        assert!(web.pings("10.1.0.1"), "after {what}");
    };
    for damage in [
        "nft flush ruleset".to_owned(),
        "nft flush chain bridge skydeck guest".to_owned(),
        "nft delete table inet skydeck".to_owned(),
        format!("ip link del {bridge}"),
        format!("ip link set {bridge} down mtu 1400"),
        format!("ip link set {} nomaster", web.tap),
        format!("ip addr flush dev {bridge}"),
        format!("ip addr add 10.77.0.1/24 dev {bridge}"),
        "echo 0 >/proc/sys/net/ipv4/ip_forward".to_owned(),
        format!("echo 10.1.0.9 bank >{}/names", own.display()),
        format!("rm -r {}", servers.display()),
    ] {
        site.shell(&damage);
        assert!(!site.repair().is_empty(), "{damage} went unnoticed");
        works(&damage);
    }
    let pid: i32 = fs::read_to_string(own.join("pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    wait_until("dnsmasq to end", PATIENCE, || {
        fs::read(format!("/proc/{pid}/cmdline"))
            .unwrap_or_default()
            .is_empty()
    });
    assert_eq!(site.repair(), [format!("DHCP server of {bridge} started")]);
    works("the death of dnsmasq");
}

#[test]
fn ports_come_and_go_without_a_restart_and_an_address_can_be_used_again_at_once() {
    let site = Site::start();
    let mut network = network(1);
    let (web, db) = (
        add_port(&mut network, 5, "web"),
        add_port(&mut network, 6, "db"),
    );
    site.must_apply(&desired(1, &[&network]));
    let (web, db) = (site.guest(&web), site.guest(&db));
    let bridge = bridge_name(network.id);
    web.dhcp();
    db.dhcp();

    let status = format!(
        "ps -o user=,group= -p $(cat {}/dhcp/{bridge}/pid)",
        site.state().display()
    );
    let outside = std::process::Command::new("sh")
        .args(["-c", &status])
        .output()
        .unwrap();
    let owner = String::from_utf8(outside.stdout).unwrap();
    assert_eq!(
        owner.split_whitespace().collect::<Vec<_>>(),
        ["dnsmasq", "kvm"]
    );

    network.ports.remove(0);
    let heir = add_port(&mut network, 5, "heir");
    assert_eq!(
        site.must_apply(&desired(2, &[&network])),
        [
            "packet filter replaced".to_owned(),
            format!("DHCP server of {bridge} told its reservations"),
            format!("lease of 10.1.0.5 by {} ended on {bridge}", web.mac),
        ]
    );
    let heir = site.guest(&heir);
    assert_eq!(heir.address().to_string(), "10.1.0.5");
    assert!(
        db.resolves("heir.cloud.test", "10.1.0.1")
            .contains("10.1.0.5")
    );
    assert!(
        !db.resolves("web.cloud.test", "10.1.0.1")
            .contains("10.1.0.5")
    );
    let leases =
        fs::read_to_string(site.state().join("dhcp").join(&bridge).join("leases")).unwrap();
    assert!(
        leases.contains(&db.mac) && leases.contains(&heir.mac) && !leases.contains(&web.mac),
        "{leases}"
    );

    // What belongs to the network as a whole needs a restart; leases are kept over it.
    network.mtu = 1400;
    network.subnets[0].dns = vec!["9.9.9.9".parse().unwrap()];
    let changes = site.must_apply(&desired(3, &[&network]));
    assert_eq!(
        changes,
        [
            format!("bridge {bridge} mended"),
            format!("DHCP server of {bridge} started")
        ]
    );
    let said = db.dhcp();
    assert!(
        said.contains("mtu=1400\n") && said.contains("dns=9.9.9.9\n"),
        "{said}"
    );

    // An older wish comes late.
    let late = site.apply(&desired(2, &[])).unwrap();
    assert_eq!((late.generation, late.changes), (3, Vec::new()));
}

#[test]
fn a_network_without_a_gateway_has_addresses_and_names_and_no_way_out() {
    let site = Site::start();
    site.world();
    let mut network = network(1);
    network.subnets[0].gateway = None;
    network.segment = skydeck::network::rpc::Segment::Node { nat: false };
    let (web, db) = (
        add_port(&mut network, 1, "web"),
        add_port(&mut network, 2, "db"),
    );
    site.must_apply(&desired(1, &[&network]));
    let (web, db) = (site.guest(&web), site.guest(&db));
    let said = web.dhcp();
    assert!(
        said.contains("ip=10.1.0.1\n") && !said.contains("router="),
        "{said}"
    );
    db.dhcp();
    assert!(web.pings("10.1.0.2"));
    let server = said
        .lines()
        .find_map(|line| line.strip_prefix("dns="))
        .unwrap();
    let found = web.resolves("db.cloud.test", server);
    assert!(found.contains("10.1.0.2"), "{found}");
    web.run("ip route add default via 10.1.0.2 || true");
    assert!(!web.fetches("203.0.113.1"));
    assert_eq!(site.repair(), Vec::<String>::new());
    // Renewal goes to the server itself, not to everybody.
    assert_eq!(web.address().to_string(), "10.1.0.1");
}

#[test]
fn clean_up_leaves_nothing_of_ours_and_everything_of_others() {
    let site = Site::start();
    site.shell(
        "ip link add virbr0 type bridge; ip addr add 10.2.0.1/24 dev virbr0; ip link set virbr0 up
         nft add table ip skydeck; nft add table inet mine; nft add chain inet mine forward '{ type filter hook forward priority 0; }'",
    );
    let before = site.shell("ip -o link; ip -o -4 addr; nft list ruleset");
    let (mut first, second) = (network(1), network(2));
    let web = add_port(&mut first, 5, "web");
    let applied = site.apply(&desired(1, &[&first, &second])).unwrap();
    assert_eq!(applied.problems.len(), 1, "{:?}", applied.problems);
    assert!(applied.problems[0].contains("overlaps 10.2.0.0/24 of virbr0"));
    site.guest(&web).dhcp();
    let pid = fs::read_to_string(
        site.state()
            .join("dhcp")
            .join(bridge_name(first.id))
            .join("pid"),
    )
    .unwrap();

    // One network less: its bridge and server go, the other stays.
    let changes = site.apply(&desired(2, &[&first])).unwrap().changes;
    assert!(
        changes.contains(&format!("bridge {} removed", bridge_name(second.id))),
        "{changes:?}"
    );
    assert!(
        !changes
            .iter()
            .any(|change| change.contains(&bridge_name(first.id))),
        "{changes:?}"
    );

    site.shell(&format!("ip netns del g-{}", web.id.short()));
    site.clean_up();
    assert_eq!(
        site.shell("ip -o link; ip -o -4 addr; nft list ruleset"),
        before
    );
    assert!(!site.state().exists());
    assert!(
        fs::read(format!("/proc/{}/cmdline", pid.trim()))
            .unwrap_or_default()
            .is_empty()
    );
}

#[test]
fn a_hundred_ports_are_served() {
    let site = Site::start();
    let mut network = network(1);
    let ports: Vec<_> = (2..=101)
        .map(|last| add_port(&mut network, last, &format!("vm-{last}")))
        .collect();
    site.must_apply(&desired(1, &[&network]));
    assert_eq!(
        site.must_apply(&desired(1, &[&network])),
        Vec::<String>::new()
    );
    let (first, last) = (site.guest(&ports[0]), site.guest(&ports[99]));
    assert_eq!(last.address().to_string(), "10.1.0.101");
    first.dhcp();
    assert!(
        first
            .resolves("vm-101.cloud.test", "10.1.0.1")
            .contains("10.1.0.101")
    );
    assert!(first.pings("10.1.0.101"));
}
