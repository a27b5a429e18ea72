//! Networks of nodes: what guests get of the wire, beside bridges and tunnels made by hand, and how soon a node is what it
//! is told to be. Guests are network namespaces on the ports' taps.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use skydeck::agent::Whereabouts;
use skydeck::agent::network::{NetworkAgent, NodePlace};
use skydeck::ids::{
    NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, ServerId, SubnetId,
};
use skydeck::network::names::{bridge_name, tap_name};
use skydeck::network::rpc::{
    NetworkDesired, NetworkSpec, PortSpec, RouterSpec, RuleRange, RuleRemote, SecurityGroupSpec,
    SecurityRuleSpec, Segment, ServicePort, StationSpec, SubnetSpec,
};

use super::lab::machine::Machine;
use super::lab::rack::Rack;
use super::report::{heading, line, median, ratio, time};

/// Times that both ways are measured, in turn.
const ROUNDS: usize = 3;
/// Ports of the node that is filled: networks, ports of each here and on another node.
const NETWORKS: u8 = 20;
const PORTS: u8 = 10;

/// Measures all of it.
pub fn run() {
    let rack = Rack::start(2);
    heading("Node of 200 ports in 20 networks");
    let node = Node::new(&rack, 1);
    filled(&node);
    node.clean_up();
    heading("Guest to guest, 2 nodes");
    wire(&rack);
}

/// A node of the rack.
struct Node {
    machine: Machine,
    agent: NetworkAgent,
    generation: Cell<i64>,
}

fn tunnel(node: usize) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, 10 + u8::try_from(node).unwrap()).into()
}

impl Node {
    fn new(rack: &Rack, number: usize) -> Self {
        let machine = rack.host(number);
        let place = NodePlace {
            whereabouts: Whereabouts {
                set: Some(tunnel(number)),
                broker: None,
            },
            ..NodePlace::default()
        };
        Self {
            agent: NetworkAgent::new(machine.dir().join("data/network")).at(place),
            machine,
            generation: Cell::default(),
        }
    }

    fn with_agent<T: Send>(&self, work: impl AsyncFnOnce(&NetworkAgent) -> T + Send) -> T {
        let agent = &self.agent;
        self.machine.within_network(move || {
            // One thread: another one would be on the outer machine's network.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async { work(agent).await })
        })
    }

    /// How long it takes.
    fn apply(&self, desired: &NetworkDesired) -> Duration {
        self.generation.set(self.generation.get() + 1);
        let desired = NetworkDesired {
            generation: self.generation.get(),
            ..desired.clone()
        };
        let (applied, took) = self.with_agent(async |agent| {
            let begun = Instant::now();
            let applied = agent.apply(&desired).await;
            let took = begun.elapsed();
            // As the agent does, after it has answered.
            agent.settle().await;
            (applied.unwrap(), took)
        });
        assert!(applied.problems.is_empty(), "{:?}", applied.problems);
        took
    }

    /// How long a look at everything takes.
    fn repair(&self) -> Duration {
        self.with_agent(async |agent| {
            let begun = Instant::now();
            agent.repair().await.unwrap();
            begun.elapsed()
        })
    }

    fn clean_up(&self) {
        self.with_agent(NetworkAgent::clean_up).unwrap();
    }

    fn shell(&self, script: &str) -> String {
        self.machine.run(&["sh", "-ec", script])
    }
}

fn mac(port: PortId) -> String {
    let [.., a, b, c] = port.uuid().into_bytes();
    format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")
}

fn network(number: u8) -> NetworkSpec {
    NetworkSpec {
        id: NetworkId::new(),
        mtu: 1450,
        segment: Segment::Vxlan {
            vni: 1000 + u32::from(number),
        },
        subnets: vec![SubnetSpec {
            id: SubnetId::new(),
            cidr: format!("10.{number}.0.0/24").parse().unwrap(),
            gateway: Some(Ipv4Addr::new(10, number, 0, 1)),
            dhcp: true,
            dns: Vec::new(),
            routes: Vec::new(),
        }],
        subnets6: Vec::new(),
        ports: Vec::new(),
        stations: Vec::new(),
        peers: vec![tunnel(2)],
        flood: false,
        dhcp: None,
        dns_domain: "cloud.test".into(),
        resolvers: Vec::new(),
    }
}

fn port(network: &NetworkSpec, address: Ipv4Addr, groups: &[SecurityGroupId]) -> PortSpec {
    let id = PortId::new();
    PortSpec {
        id,
        network: network.id,
        mac: mac(id),
        addresses: vec![address.into()],
        allowed_pairs: Vec::new(),
        mtu: network.mtu,
        port_security: true,
        security_groups: Some(groups.to_vec()),
        logical: false,
        arriving: false,
        hostname: Some(format!("guest-{address}").replace('.', "-")),
        server: Some(ServerId::new()),
    }
}

fn service(network: &NetworkSpec, address: Ipv4Addr) -> ServicePort {
    let port = PortId::new();
    ServicePort {
        port,
        network: network.id,
        mac: mac(port),
        addresses: vec![IpNet::new(address.into(), 24).unwrap()],
    }
}

fn rule(ingress: bool, range: RuleRange, remote: RuleRemote) -> SecurityRuleSpec {
    SecurityRuleSpec {
        id: SecurityGroupRuleId::new(),
        ingress,
        ipv6: false,
        protocol: (range != RuleRange::Any).then_some(6),
        range,
        remote,
    }
}

/// Everything out; in from the same group, and by two rules like those that people write.
fn group() -> SecurityGroupSpec {
    let id = SecurityGroupId::new();
    SecurityGroupSpec {
        id,
        rules: vec![
            rule(false, RuleRange::Any, RuleRemote::Any),
            rule(true, RuleRange::Any, RuleRemote::Group(id)),
            rule(true, RuleRange::Ports(22, 22), RuleRemote::Any),
            rule(true, RuleRange::Ports(80, 443), RuleRemote::Any),
        ],
        members: Vec::new(),
    }
}

/// 200 ports here and as many elsewhere, 20 security groups, DHCP of ten networks, and five routers.
fn full() -> NetworkDesired {
    let mut desired = NetworkDesired::default();
    for number in 0..NETWORKS {
        let mut network = network(number);
        let mut group = group();
        let at = |last: u8| Ipv4Addr::new(10, number, 0, last);
        for last in 0..PORTS {
            let here = port(&network, at(10 + last), &[group.id]);
            group.members.push(IpNet::from(here.addresses[0]));
            network.ports.push(here);
            let elsewhere = PortId::new();
            network.stations.push(StationSpec {
                mac: mac(elsewhere),
                addresses: vec![at(100 + last).into()],
                hostname: Some(format!("there-{number}-{last}")),
                server: Some(ServerId::new()),
                tunnel: Some(tunnel(2)),
            });
        }
        if number % 2 == 0 {
            network.dhcp = Some(service(&network, at(2)));
        }
        if number % 4 == 0 {
            desired.routers.push(RouterSpec {
                id: RouterId::new(),
                interfaces: vec![service(&network, at(1))],
                gateway: None,
                floating: Vec::new(),
                routes: Vec::new(),
            });
        }
        desired.networks.push(network);
        desired.security_groups.push(group);
    }
    desired
}

fn filled(node: &Node) {
    let mut desired = full();
    let took = node.apply(&desired);
    line(
        "from nothing",
        &time(took),
        "10 DHCP servers, 5 routers",
        "<= 2 s",
    );
    for network in &desired.networks {
        let bridge = bridge_name(network.id);
        let taps = network.ports.iter().map(|port| tap_name(port.id));
        let make = taps.map(|tap| {
            format!("ip tuntap add {tap} mode tap; ip link set {tap} master {bridge} up\n")
        });
        node.shell(&make.collect::<String>());
    }
    let mut again = Vec::new();
    let mut ruled = Vec::new();
    let mut plugged = Vec::new();
    for round in 0..7_u8 {
        again.push(node.repair());

        let rules = &mut desired.security_groups[3].rules;
        rules.push(rule(true, RuleRange::Ports(9, 9), RuleRemote::Any));
        ruled.push(node.apply(&desired));

        let network = &mut desired.networks[2];
        let groups = network.ports[0].security_groups.clone().unwrap();
        let more = port(network, Ipv4Addr::new(10, 2, 0, 200 + round), &groups);
        network.ports.push(more);
        plugged.push(node.apply(&desired));
    }
    line(
        "looked at, nothing to mend",
        &time(median(again)),
        "every 15 s",
        "",
    );
    line("a rule more", &time(median(ruled)), "", "<= 50 ms");
    line(
        "a port more, with DHCP here",
        &time(median(plugged)),
        "",
        "<= 50 ms",
    );
}

/// Bytes per second for a while, to whoever listens.
const SOURCE: &str = "import socket, sys, time
s = socket.create_connection((sys.argv[1], 5001)); data = bytes(1 << 20); sent = 0; end = time.monotonic() + 2
while time.monotonic() < end: s.sendall(data); sent += len(data)
print(sent / 2)";
const SINK: &str = "import socket
s = socket.create_server(('', 5001))
while True:
    c = s.accept()[0]; b = bytearray(1 << 20)
    while c.recv_into(b): pass";

/// A way between two namespaces.
struct Way<'a> {
    node: &'a Node,
    from: String,
    to: String,
}

impl Way<'_> {
    fn bytes_per_second(&self) -> f64 {
        let (from, to) = (&self.from, &self.to);
        let line = format!("ip netns exec {from} python3 -c \"$1\" {to}");
        let said = self.node.machine.run(&["sh", "-ec", &line, "sh", SOURCE]);
        said.trim().parse().unwrap()
    }

    /// Seconds for a packet there and back.
    fn seconds(&self) -> f64 {
        let (from, to) = (&self.from, &self.to);
        let line = format!("ip netns exec {from} ping -q -f -c 5000 {to}");
        let said = self.node.shell(&line);
        let (_, figures) = said.rsplit_once("= ").unwrap();
        figures.split('/').nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
    }
}

fn listen(node: &Node, namespace: &str) {
    let mut command = node.machine.command("ip");
    command.args(["netns", "exec", namespace, "python3", "-c", SINK]);
    // It ends with the machine.
    std::mem::forget(node.machine.spawn(&format!("{namespace}-sink"), command));
    let open = format!(
        "until ip netns exec {namespace} busybox netstat -tln | grep -q :5001; do sleep 0.1; done"
    );
    node.shell(&open);
}

/// A namespace on a tap, as a hypervisor would plug in a guest.
fn plug(node: &Node, name: &str, tap: &str, mac: &str, bridge: &str, address: &str) {
    node.shell(&format!(
        "ip netns add {name}; ip -n {name} link set lo up
         ip link add {tap} type veth peer name eth0 address {mac} netns {name}
         ip link set {tap} master {bridge} mtu 1450 up
         ip -n {name} link set eth0 mtu 1450 up; ip -n {name} addr add {address}/24 dev eth0"
    ));
    listen(node, name);
}

fn wire(rack: &Rack) {
    let nodes = [Node::new(rack, 1), Node::new(rack, 2)];
    // Ours: two ports here, one there, with groups.
    let group = group();
    let spec = network(1);
    let at = |last: u8| Ipv4Addr::new(10, 1, 0, last);
    let ports = [5, 6, 7].map(|last| port(&spec, at(last), &[group.id]));
    let mut group = group;
    group.members = ports
        .iter()
        .map(|port| IpNet::from(port.addresses[0]))
        .collect();
    for (number, node) in nodes.iter().enumerate() {
        let (here, there): (Vec<_>, Vec<_>) = ports
            .iter()
            .enumerate()
            .partition(|(at, _)| (*at == 2) == (number == 1));
        let station = |(_, port): (usize, &PortSpec)| StationSpec {
            mac: port.mac.clone(),
            addresses: port.addresses.clone(),
            hostname: None,
            server: None,
            tunnel: Some(tunnel(2 - number)),
        };
        let network = NetworkSpec {
            ports: here.iter().map(|(_, port)| (*port).clone()).collect(),
            stations: there.into_iter().map(station).collect(),
            peers: vec![tunnel(2 - number)],
            ..spec.clone()
        };
        node.apply(&NetworkDesired {
            networks: vec![network],
            security_groups: vec![group.clone()],
            ..NetworkDesired::default()
        });
        for (at, port) in here {
            let (tap, bridge) = (tap_name(port.id), bridge_name(spec.id));
            let address = port.addresses[0].to_string();
            plug(
                node,
                &format!("ours-{at}"),
                &tap,
                &port.mac,
                &bridge,
                &address,
            );
        }
    }
    // By hand: the same without rules.
    for (number, node) in nodes.iter().enumerate() {
        let (own, other) = (tunnel(1 + number), tunnel(2 - number));
        node.shell(&format!(
            "ip link add hand type bridge; ip link set hand mtu 1450 up
             ip link add hand-x type vxlan id 77 dstport 4790 local {own} nolearning
             ip link set hand-x master hand mtu 1450 up
             bridge fdb append 00:00:00:00:00:00 dev hand-x dst {other}"
        ));
        for last in if number == 0 { vec![5, 6] } else { vec![7] } {
            let mac = format!("02:00:00:00:00:0{last}");
            plug(
                node,
                &format!("hand-{last}"),
                &format!("hand-t{last}"),
                &mac,
                "hand",
                &format!("10.2.0.{last}"),
            );
        }
    }
    for (what, other, last) in [("same node", 1, 6), ("other node", 2, 7)] {
        let way = |from: &str, to: String| Way {
            node: &nodes[0],
            from: from.to_owned(),
            to,
        };
        let ours = way("ours-0", ports[other].addresses[0].to_string());
        let hand = way("hand-5", format!("10.2.0.{last}"));
        let (mut rates, mut delays) = ([vec![], vec![]], [vec![], vec![]]);
        for _ in 0..ROUNDS {
            for (at, way) in [&ours, &hand].into_iter().enumerate() {
                rates[at].push(way.bytes_per_second());
                delays[at].push(way.seconds());
            }
        }
        let middle = |mut all: Vec<f64>| {
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let [ours, hand] = rates.map(middle);
        line(
            &format!("TCP, {what}"),
            &format!("{:.2} Gbit/s", ours * 8e-9),
            &format!("{:.2} Gbit/s by hand: x {:.2}", hand * 8e-9, ours / hand),
            ">= x 0.95",
        );
        let [ours, hand] = delays.map(middle).map(Duration::from_secs_f64);
        ratio(
            &format!("there and back, {what}"),
            ours,
            hand,
            "by hand",
            "<= x 1.05",
        );
    }
    for node in &nodes {
        node.clean_up();
    }
}
