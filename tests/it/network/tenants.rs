//! Tenants' networks between two nodes of a rack, on a real kernel: tunnels, DHCP elsewhere, routers, floating addresses,
//! security groups, and what happens when somebody breaks it. What guests see of it is the same whoever carries it: the nodes'
//! own kernels, or OVN.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use rstest::rstest;
use skydeck::agent::Whereabouts;
use skydeck::agent::network::NodePlace;
use skydeck::config::Engine;
use skydeck::ids::{NetworkId, PortId, RouterId, SecurityGroupId, SecurityGroupRuleId, SubnetId};
use skydeck::network::names::{dhcp_namespace, router_namespace, tunnel_name};
use skydeck::network::rpc::{
    FloatingSpec, NetworkDesired, NetworkSpec, PortSpec, RouterGateway, RouterSpec, RuleRange,
    RuleRemote, SecurityGroupSpec, SecurityRuleSpec, Segment, ServicePort, StationSpec, SubnetSpec,
};

use super::logical;
use super::site::{Guest, Site};
use crate::lab::rack::Rack;
use crate::lab::wait::wait_until;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Two nodes of a rack, 1 and 2.
pub(super) struct Nodes {
    engine: Engine,
    sites: Vec<Site>,
    generation: Cell<i64>,
    rack: Rack,
}

fn tunnel(node: usize) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, 10 + u8::try_from(node).unwrap()).into()
}

impl Nodes {
    pub(super) fn start() -> Self {
        Self::over(Engine::Bridge)
    }

    /// The same with what carries networks between them.
    pub(super) fn over(engine: Engine) -> Self {
        let rack = match engine {
            Engine::Bridge => Rack::start(2),
            Engine::Ovn => Rack::start_with_ovn(2),
        };
        let site = |node| {
            let machine = rack.host(node);
            let place = NodePlace {
                whereabouts: Whereabouts {
                    set: Some(tunnel(node)),
                    broker: None,
                },
                ..NodePlace::default()
            };
            let place = match engine {
                Engine::Bridge => place,
                Engine::Ovn => NodePlace {
                    tunnel: Some(Rack::tunnel_address(node).into()),
                    switch: logical::switch_place(&machine),
                    ..place
                },
            };
            Site::on(machine, place)
        };
        Self {
            engine,
            sites: vec![site(1), site(2)],
            generation: Cell::new(0),
            rack,
        }
    }

    pub(super) fn site(&self, node: usize) -> &Site {
        &self.sites[node - 1]
    }

    /// Tells both nodes what they shall have; what each changed.
    #[track_caller]
    pub(super) fn tell(&self, world: &World) -> [Vec<String>; 2] {
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        if self.engine == Engine::Ovn {
            logical::tell(&self.rack, world, generation);
        }
        let changes = [1, 2].map(|node| self.site(node).must_apply(&world.at(node, generation)));
        if self.engine == Engine::Ovn {
            logical::settle(&self.rack);
        }
        changes
    }
}

/// What there is of networks, on whatever node.
#[derive(Default)]
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) tenants: Vec<Tenant>,
    pub(super) router: Option<(usize, RouterSpec)>,
    pub(super) groups: Vec<SecurityGroupSpec>,
}

pub(super) struct Tenant {
    pub(super) network: NetworkSpec,
    pub(super) guests: Vec<(usize, PortSpec)>,
    pub(super) services: Vec<(usize, ServicePort)>,
    dhcp: usize,
}

impl World {
    /// As the control plane would say it to a node.
    pub(super) fn at(&self, node: usize, generation: i64) -> NetworkDesired {
        if self.engine == Engine::Ovn {
            return logical::desired(self, node, generation);
        }
        let here = self.router.iter().filter(|(at, _)| *at == node);
        NetworkDesired {
            generation,
            ovn: None,
            networks: self.tenants.iter().map(|tenant| tenant.at(node)).collect(),
            routers: here.map(|(_, router)| router.clone()).collect(),
            security_groups: self.groups.clone(),
        }
    }
}

impl Tenant {
    /// A network `10.N.0.0/24`, whose DHCP is answered on node 1 at `10.N.0.2`.
    pub(super) fn new(number: u8, vni: u32) -> Self {
        Self::over(Engine::Bridge, number, vni)
    }

    /// The same, carried by this.
    pub(super) fn over(engine: Engine, number: u8, vni: u32) -> Self {
        let id = NetworkId::new();
        let mut tenant = Self {
            network: NetworkSpec {
                id,
                mtu: 1500 - engine.overhead(),
                segment: match engine {
                    Engine::Bridge => Segment::Vxlan { vni },
                    Engine::Ovn => Segment::Logical,
                },
                subnets: vec![SubnetSpec {
                    id: SubnetId::new(),
                    cidr: format!("10.{number}.0.0/24").parse().unwrap(),
                    gateway: Some(Ipv4Addr::new(10, number, 0, 1)),
                    dhcp: true,
                    dns: Vec::new(),
                    routes: Vec::new(),
                }],
                ports: Vec::new(),
                stations: Vec::new(),
                peers: Vec::new(),
                flood: false,
                dhcp: None,
                dns_domain: "cloud.test".into(),
                subnets6: Vec::new(),
                resolvers: Vec::new(),
            },
            guests: Vec::new(),
            services: Vec::new(),
            dhcp: 1,
        };
        let port = tenant.service(2);
        tenant.services.push((1, port));
        tenant
    }

    /// Where DHCP is answered, if it is.
    pub(super) fn dhcp(&self) -> Option<&ServicePort> {
        let (_, port) = self.services.first().filter(|_| self.dhcp > 0)?;
        Some(port)
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, ..] = self.network.subnets[0].cidr.network().octets();
        Ipv4Addr::new(a, b, 0, last)
    }

    pub(super) fn service(&self, last: u8) -> ServicePort {
        let port = PortId::new();
        ServicePort {
            port,
            network: self.network.id,
            mac: mac(port),
            addresses: vec![IpNet::new(self.address(last).into(), 24).unwrap()],
        }
    }

    /// A guest's port on a node.
    pub(super) fn guest(&mut self, node: usize, last: u8, hostname: &str) -> PortSpec {
        let id = PortId::new();
        let port = PortSpec {
            id,
            network: self.network.id,
            mac: mac(id),
            addresses: vec![self.address(last).into()],
            allowed_pairs: Vec::new(),
            mtu: self.network.mtu,
            port_security: true,
            security_groups: None,
            logical: self.network.segment == Segment::Logical,
            arriving: false,
            hostname: Some(hostname.to_owned()),
            server: None,
        };
        self.guests.push((node, port.clone()));
        port
    }

    pub(super) fn group(&mut self, port: &PortSpec, groups: &[SecurityGroupId]) {
        let found = self
            .guests
            .iter_mut()
            .find(|(_, guest)| guest.id == port.id);
        found.unwrap().1.security_groups = Some(groups.to_vec());
    }

    fn at(&self, node: usize) -> NetworkSpec {
        let mut network = self.network.clone();
        let here = self.guests.iter().filter(|(at, _)| *at == node);
        network.ports = here.map(|(_, port)| port.clone()).collect();
        network.peers = vec![tunnel(3 - node)];
        for (at, port) in self.guests.iter().filter(|(at, _)| *at != node) {
            network.stations.push(StationSpec {
                mac: port.mac.clone(),
                addresses: port.addresses.clone(),
                hostname: port.hostname.clone(),
                server: None,
                tunnel: Some(tunnel(*at)),
            });
        }
        for (at, port) in self.services.iter().filter(|(at, _)| *at != node) {
            network.stations.push(StationSpec {
                mac: port.mac.clone(),
                addresses: port.addresses.iter().map(IpNet::addr).collect(),
                hostname: None,
                server: None,
                tunnel: Some(tunnel(*at)),
            });
        }
        if self.dhcp == node {
            network.dhcp = Some(self.services[0].1.clone());
        }
        network
    }
}

fn mac(port: PortId) -> String {
    let [.., a, b, c] = port.uuid().into_bytes();
    format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")
}

/// A group that allows guests to send anything.
pub(super) fn group(rules: Vec<SecurityRuleSpec>) -> SecurityGroupSpec {
    let mut group = SecurityGroupSpec {
        id: SecurityGroupId::new(),
        rules,
        members: Vec::new(),
    };
    group.rules.push(SecurityRuleSpec {
        ingress: false,
        ..allow(None, RuleRange::Any, RuleRemote::Any)
    });
    group
}

pub(super) fn allow(
    protocol: Option<u8>,
    range: RuleRange,
    remote: RuleRemote,
) -> SecurityRuleSpec {
    SecurityRuleSpec {
        id: SecurityGroupRuleId::new(),
        ingress: true,
        ipv6: false,
        protocol,
        range,
        remote,
    }
}

pub(super) const TCP: u8 = 6;

/// Answers http with the guest's own name.
pub(super) fn serve(guest: &Guest<'_>, text: &str) {
    guest.run(&format!(
        "mkdir -p /tmp/{0}; echo {text} >/tmp/{0}/index.html; busybox httpd -p 80 -h /tmp/{0}",
        guest.name
    ));
}

pub(super) fn fetched(guest: &Guest<'_>, address: &str) -> Result<String, String> {
    guest.try_run(&format!("timeout 2 busybox wget -q -O - http://{address}/"))
}

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
fn a_tenants_guests_reach_each_other_over_nodes_and_nobody_else(#[case] engine: Engine) {
    let nodes = Nodes::over(engine);
    let tenant = |vni| Tenant::over(engine, 1, vni);
    let mut world = World {
        engine,
        tenants: vec![tenant(1001), tenant(1002)],
        ..World::default()
    };
    let web = world.tenants[0].guest(1, 5, "web");
    let db = world.tenants[0].guest(2, 6, "db");
    // The neighbour has the same addresses.
    let other = world.tenants[1].guest(2, 5, "web");
    let stranger = world.tenants[1].guest(1, 7, "stranger");
    nodes.tell(&world);
    let (web, stranger) = (nodes.site(1).guest(&web), nodes.site(1).guest(&stranger));
    let (db, other) = (nodes.site(2).guest(&db), nodes.site(2).guest(&other));

    let said = db.dhcp();
    let mtu = world.tenants[0].network.mtu;
    let told_mtu = format!("mtu={mtu}");
    for line in ["ip=10.1.0.6", "router=10.1.0.1", "dns=10.1.0.2", &told_mtu] {
        assert!(said.lines().any(|given| given == line), "{line}: {said}");
    }
    assert!(said.contains("169.254.169.254/32 10.1.0.2"), "{said}");
    assert_eq!(web.address().to_string(), "10.1.0.5");
    assert_eq!(other.address().to_string(), "10.1.0.5");
    assert_eq!(stranger.address().to_string(), "10.1.0.7");

    assert!(
        db.resolves("web.cloud.test", "10.1.0.2")
            .contains("10.1.0.5")
    );
    assert!(web.resolves("db", "10.1.0.2").contains("10.1.0.6"));
    assert!(!web.resolves("stranger", "10.1.0.2").contains("10.1.0.7"));

    serve(&web, "first");
    serve(&other, "second");
    assert_eq!(fetched(&db, "10.1.0.5").unwrap(), "first");
    assert_eq!(fetched(&stranger, "10.1.0.5").unwrap(), "second");
    assert!(!web.pings("10.1.0.7"), "tenants are not apart");
    assert!(!stranger.pings("10.1.0.6"), "tenants are not apart");
    // The largest packet passes whole, a larger one not at all.
    let ping = |size| format!("ip link set eth0 mtu 1500; ping -c 1 -W 1 -M do -s {size} 10.1.0.6");
    web.run(&ping(mtu - 28));
    assert!(web.try_run(&ping(mtu)).is_err());

    // Nothing is learned, nothing changes a second time.
    for node in [1, 2] {
        assert_eq!(nodes.site(node).repair(), Vec::<String>::new());
    }
}

/// A network with two guests, a router on node 2, and the world behind it.
pub(super) struct Routed {
    pub nodes: Nodes,
    pub world: World,
    pub web: PortSpec,
    pub db: PortSpec,
}

pub(super) fn routed() -> Routed {
    let nodes = Nodes::start();
    let mut inner = Tenant::new(1, 1001);
    let web = inner.guest(1, 5, "web");
    let db = inner.guest(2, 6, "db");
    let inside = inner.service(1);
    inner.services.push((2, inside.clone()));
    // The way out: a network of the node alone, translated to the node's own address.
    let mut outer = Tenant::new(9, 1009);
    outer.network.segment = Segment::Node { nat: true };
    outer.services.clear();
    outer.dhcp = 0;
    outer.network.subnets[0].dhcp = false;
    let outside = outer.service(10);
    let router = RouterSpec {
        id: RouterId::new(),
        interfaces: vec![inside],
        gateway: Some(RouterGateway {
            port: outside,
            next_hops: vec!["10.9.0.1".parse().unwrap()],
            snat: true,
        }),
        floating: vec![FloatingSpec {
            floating: "10.9.0.77".parse().unwrap(),
            fixed: "10.1.0.5".parse().unwrap(),
        }],
        routes: Vec::new(),
    };
    let world = World {
        tenants: vec![inner, outer],
        router: Some((2, router)),
        ..World::default()
    };
    nodes.site(2).world();
    nodes.tell(&world);
    Routed {
        nodes,
        world,
        web,
        db,
    }
}

#[test]
fn a_router_leads_out_and_in_and_connections_live_through_changes() {
    let Routed {
        nodes,
        mut world,
        web,
        db,
    } = routed();
    let (web, db) = (nodes.site(1).guest(&web), nodes.site(2).guest(&db));
    web.dhcp();
    db.dhcp();
    serve(&web, "web");
    serve(&db, "db");
    assert!(web.fetches("203.0.113.1"), "the world is out of reach");
    assert!(db.fetches("203.0.113.1"));
    // In by the floating address, from the node and from a neighbour; by the fixed one not at all.
    let from_node = |address: &str| {
        let line = format!("timeout 2 busybox wget -q -O - http://{address}/");
        nodes.site(2).machine.try_run(&["sh", "-c", &line])
    };
    assert_eq!(from_node("10.9.0.77").unwrap(), "web");
    nodes
        .site(2)
        .shell("ip route add 10.1.0.0/24 via 10.9.0.10");
    assert!(from_node("10.1.0.6").is_err(), "the world reaches a guest");
    assert_eq!(fetched(&db, "10.9.0.77").unwrap(), "web");
    // Only the router's own packets come out: the node sees no tenant's address.
    assert!(from_node("10.9.0.10").is_err());

    // An open connection: through a restart of the agent, a changed router, a flushed filter and its repair.
    let talk = web.talk("203.0.113.1", 7000, nodes.site(2), "world");
    talk.says("before");
    world.router.as_mut().unwrap().1.routes = vec![(
        "10.66.0.0/16".parse().unwrap(),
        "10.1.0.66".parse().unwrap(),
    )];
    let [_, changes] = nodes.tell(&world);
    assert_eq!(changes.len(), 1, "{changes:?}");
    talk.says("after a change");
    let namespace = router_namespace(world.router.as_ref().unwrap().1.id);
    outside(&format!("ip netns exec {namespace} nft flush ruleset"));
    nodes.site(2).shell("nft flush ruleset");
    assert!(!nodes.site(2).repair().is_empty());
    talk.says("after a repair");
    assert_eq!(nodes.site(2).repair(), Vec::<String>::new());
    talk.end();

    // The floating address goes; so does the way in.
    world.router.as_mut().unwrap().1.floating.clear();
    nodes.tell(&world);
    let line = "timeout 2 busybox wget -q -O - http://10.9.0.77/";
    assert!(nodes.site(2).machine.try_run(&["sh", "-c", line]).is_err());

    // The router moves to the other node. The names of both nodes' namespaces are in the same place here, so one goes
    // before the other comes.
    nodes.site(1).world();
    let (_, router) = world.router.take().unwrap();
    nodes.tell(&world);
    assert!(!db.fetches("203.0.113.1"));
    world.router = Some((1, router));
    world.tenants[0].services[1].0 = 1;
    nodes.tell(&world);
    wait_until("the way by the other node", PATIENCE, || {
        db.fetches("203.0.113.1")
    });
}

/// Runs a line on the outer machine, where the names of namespaces are.
pub(super) fn outside(line: &str) -> String {
    let output = std::process::Command::new("sh")
        .args(["-ec", line])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn damage_to_tunnels_and_namespaces_is_mended_and_nothing_is_left_in_the_end() {
    let Routed {
        nodes,
        world,
        web,
        db,
    } = routed();
    let network = world.tenants[0].network.id;
    let (web, db) = (nodes.site(1).guest(&web), nodes.site(2).guest(&db));
    web.dhcp();
    db.dhcp();
    let tunnel = tunnel_name(network);
    let dhcp = dhcp_namespace(network);
    for (node, damage) in [
        (1, format!("ip link del {tunnel}")),
        (1, format!("ip link set {tunnel} down")),
        (1, format!("bridge link set dev {tunnel} learning on")),
        (
            2,
            format!("bridge fdb del 00:00:00:00:00:00 dev {tunnel} dst 10.77.0.11"),
        ),
        (
            2,
            format!("bridge fdb add fa:16:3e:99:99:99 dev {tunnel} dst 10.77.0.66"),
        ),
        (
            2,
            format!("ip neigh flush dev sdb-{} nud permanent", &tunnel[4..]),
        ),
    ] {
        nodes.site(node).shell(&damage);
        let repaired = nodes.site(node).repair();
        assert!(!repaired.is_empty(), "{damage} went unnoticed");
        let again = nodes.site(node).repair();
        assert_eq!(again, Vec::<String>::new(), "{damage}: {repaired:?}");
        assert!(web.pings("10.1.0.6"), "after {damage}");
    }
    let router = router_namespace(world.router.as_ref().unwrap().1.id);
    for (node, damage) in [
        (1, format!("ip netns del {dhcp}")),
        (2, format!("ip netns del {router}")),
        // Names without a namespace, as a reboot leaves them.
        (1, format!("umount /run/netns/{dhcp}")),
        (2, format!("umount /run/netns/{router}")),
        (2, format!("ip netns exec {router} ip route del default")),
        (
            2,
            format!("ip netns exec {router} sysctl -qw net.ipv4.ip_forward=0"),
        ),
        (
            2,
            format!(
                "ip netns exec {router} sh -c 'for i in /sys/class/net/q*; do ip addr flush dev ${{i##*/}}; done'"
            ),
        ),
        (
            2,
            format!("ip netns exec {router} nft flush table ip skydeck"),
        ),
    ] {
        outside(&damage);
        wait_until(&format!("repair of {damage}"), PATIENCE, || {
            !nodes.site(node).repair().is_empty()
        });
        assert_eq!(nodes.site(node).repair(), Vec::<String>::new(), "{damage}");
        assert!(db.fetches("203.0.113.1"), "after {damage}");
        assert_eq!(db.address().to_string(), "10.1.0.6", "after {damage}");
    }
    for site in &nodes.sites {
        site.clean_up();
        let left = site.shell("ip -o link");
        assert!(
            !left.contains("sdx-") && !left.contains("sdv-") && !left.contains("sdb-"),
            "{left}"
        );
    }
    let names = outside("ls /run/netns");
    assert!(
        !names.contains(&dhcp) && !names.contains(&router),
        "{names}"
    );
}
