//! IPv6 of guests on a real kernel: what routers announce, what guests make of it and what DHCP gives them, over two nodes and
//! through a router; and on a network of a node alone.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use rstest::rstest;
use skydeck::config::Engine;
use skydeck::ids::{RouterId, SecurityGroupId, SubnetId};
use skydeck::network::ipam::eui64;
use skydeck::network::names::{bridge_name, router_namespace};
use skydeck::network::rpc::{
    Announced, Dhcp6, NetworkSpec, PortSpec, RouterSpec, RuleRange, RuleRemote, SecurityRuleSpec,
    ServicePort, Subnet6Spec,
};

use super::site::{Guest, Site, add_port, desired, network};
use super::tenants::{Nodes, TCP, Tenant, World, allow, group, outside};
use crate::lab::wait::wait_until;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const DHCP6: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/network/dhcp6.py");
const ICMP6: u8 = 58;
/// Asks for metadata by IPv6.
const METADATA: &str = "timeout 20 busybox wget -O - 'http://[fe80::a9fe:a9fe%eth0]/' 2>&1";

/// A subnet `fd00:N::/64`, whose guests make their addresses, or are given them.
fn subnet6(number: u8, given: bool) -> Subnet6Spec {
    Subnet6Spec {
        id: SubnetId::new(),
        cidr: format!("fd00:{number}::/64").parse().unwrap(),
        gateway: Some(v6(number, 1)),
        dhcp: Some(if given {
            Dhcp6::Addresses
        } else {
            Dhcp6::Names
        }),
        address_mode: None,
        announced: Some(Announced {
            autonomous: !given,
            managed: given,
            other: given,
        }),
        dns: vec![v6(number, 2)],
        routes: Vec::new(),
    }
}

fn v6(number: u8, last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, number.into(), 0, 0, 0, 0, 0, last)
}

fn net6(number: u8, last: u16) -> IpNet {
    IpNet::new(v6(number, last).into(), 64).unwrap()
}

/// The address that the control plane says a port has, which is the one that its guest makes.
fn made(number: u8, port: &PortSpec) -> IpAddr {
    eui64(net6(number, 0), &port.mac).unwrap()
}

/// Waits until a guest has an address and may use it.
#[track_caller]
fn has(guest: &Guest<'_>, address: IpAddr) {
    wait_until(&format!("{address} of {}", guest.name), PATIENCE, || {
        let said = guest.run("ip -6 -o addr show dev eth0 scope global");
        said.lines()
            .any(|line| line.contains(&format!(" {address}/")) && !line.contains("tentative"))
    });
}

fn pings(guest: &Guest<'_>, address: IpAddr) -> bool {
    guest.pings(&address.to_string())
}

fn fetches(guest: &Guest<'_>, address: IpAddr) -> bool {
    guest.fetches(&format!("[{address}]"))
}

fn asked(guest: &Guest<'_>, kind: &str, name: &str, server: Ipv6Addr) -> String {
    guest
        .try_run(&format!(
            "timeout 5 busybox nslookup -type={kind} {name} {server}"
        ))
        .unwrap_or_else(|error| error)
}

/// Two networks on two nodes: on the first one guests make their addresses, on the second one they are given them; a router on
/// node 2 is between.
struct Routed {
    nodes: Nodes,
    world: World,
    web: PortSpec,
    db: PortSpec,
    far: PortSpec,
}

fn interface(tenant: &mut Tenant, number: u8) -> ServicePort {
    let port = ServicePort {
        addresses: vec![net6(number, 1)],
        ..tenant.service(1)
    };
    tenant.services.push((2, port.clone()));
    port
}

fn guest6(
    tenant: &mut Tenant,
    node: usize,
    last: u8,
    name: &str,
    address: Option<IpAddr>,
) -> PortSpec {
    let port = tenant.guest(node, last, name);
    let own = address.unwrap_or_else(|| made(1, &port));
    let (_, kept) = tenant.guests.last_mut().unwrap();
    kept.addresses.push(own);
    kept.clone()
}

fn routed(engine: Engine) -> Routed {
    let nodes = Nodes::over(engine);
    let mut first = Tenant::over(engine, 1, 1001);
    let mut second = Tenant::over(engine, 2, 1002);
    first.network.subnets6 = vec![subnet6(1, false)];
    second.network.subnets6 = vec![subnet6(2, true)];
    for (tenant, number) in [(&mut first, 1), (&mut second, 2)] {
        tenant.services[0].1.addresses.push(net6(number, 2));
    }
    let web = guest6(&mut first, 1, 5, "web", None);
    let db = guest6(&mut first, 2, 6, "db", None);
    let far = guest6(&mut second, 1, 5, "far", Some(v6(2, 5).into()));
    let router = RouterSpec {
        id: RouterId::new(),
        interfaces: vec![interface(&mut first, 1), interface(&mut second, 2)],
        gateway: None,
        floating: Vec::new(),
        routes: Vec::new(),
    };
    let world = World {
        engine,
        tenants: vec![first, second],
        router: Some((2, router)),
        groups: Vec::new(),
    };
    nodes.tell(&world);
    Routed {
        nodes,
        world,
        web,
        db,
        far,
    }
}

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
fn guests_make_or_get_their_addresses_and_reach_each_other_over_nodes_and_through_a_router(
    #[case] engine: Engine,
) {
    let Routed {
        nodes,
        mut world,
        web: web_port,
        db: db_port,
        far: far_port,
    } = routed(engine);
    let (web, far) = (
        nodes.site(1).guest(&web_port),
        nodes.site(1).guest(&far_port),
    );
    let db = nodes.site(2).guest(&db_port);
    // What a guest makes of what is announced is what the cloud says that it has.
    let (web_address, db_address) = (made(1, &web_port), made(1, &db_port));
    has(&web, web_address);
    has(&db, db_address);
    assert_eq!(
        web.run("cat /proc/sys/net/ipv6/conf/eth0/mtu").trim(),
        world.tenants[0].network.mtu.to_string()
    );
    assert!(web.run("ip -6 route show default").contains("via fe80::"));
    assert!(pings(&web, db_address), "no way over the tunnel");
    assert!(pings(&web, v6(1, 1).into()), "the router does not answer");

    // What is given is given by DHCP; the prefix and the router are announced.
    let mut said = String::new();
    wait_until("an address by DHCP", PATIENCE, || {
        said = far.try_run(&format!("{DHCP6} eth0")).unwrap_or_default();
        said.contains("address=")
    });
    for line in ["address=fd00:2::5", "dns=fd00:2::2", "search=cloud.test"] {
        assert!(said.lines().any(|given| given == line), "{line}: {said}");
    }
    far.run("ip addr add fd00:2::5/128 dev eth0 nodad");
    wait_until("the router", PATIENCE, || {
        far.run("ip -6 route show default").contains("via fe80::")
    });
    let routes = far.run("ip -6 addr show dev eth0 scope global");
    assert_eq!(routes.matches("inet6").count(), 1, "{routes}");
    assert!(pings(&far, db_address), "no way through the router");
    assert!(pings(&web, v6(2, 5).into()), "no way through the router");

    // Metadata is on the link of both; where OVN carries it, every node answers its own guests.
    let asking: &[&Guest<'_>] = match engine {
        Engine::Bridge => &[&web, &db, &far],
        Engine::Ovn => &[&web, &far],
    };
    for guest in asking {
        let answer = guest.asking(nodes.site(1), METADATA);
        assert!(answer.contains("503"), "{}: {answer}", guest.name);
    }

    let found = asked(&web, "aaaa", "db.cloud.test", v6(1, 2));
    assert!(found.contains(&db_address.to_string()), "{found}");
    let found = web.run(&format!("busybox nslookup {db_address} {}", v6(1, 2)));
    assert!(found.contains("db.cloud.test"), "{found}");
    let found = asked(&far, "aaaa", "far", v6(2, 2));
    assert!(found.contains("fd00:2::5"), "{found}");

    // Whoever gets an address that another had gets it at once.
    let gone = world.tenants[1].guests.pop();
    drop((gone, far));
    let near = guest6(&mut world.tenants[1], 1, 5, "near", Some(v6(2, 5).into()));
    nodes.tell(&world);
    let near = nodes.site(1).guest(&near);
    wait_until("the address of who had it before", PATIENCE, || {
        near.try_run(&format!("{DHCP6} eth0"))
            .is_ok_and(|said| said.contains("address=fd00:2::5"))
    });

    // Nothing changes a second time.
    for node in [1, 2] {
        assert_eq!(nodes.site(node).repair(), Vec::<String>::new());
    }
    if engine == Engine::Ovn {
        // It announces by itself, on every node.
        return;
    }
    // Who announces is there again when it was ended, and ends with its router.
    let namespace = router_namespace(world.router.as_ref().unwrap().1.id);
    let announcing = || {
        // It finds neither itself nor its shell.
        let line = format!("grep -alz confi[g]=.*/{namespace}/ /proc/[0-9]*/cmdline || true");
        outside(&line)
    };
    let pids = announcing();
    assert!(pids.contains("/proc/"), "nobody announces");
    for pid in pids.lines().filter_map(|line| line.split('/').nth(2)) {
        // The second one may have ended with the first.
        outside(&format!("kill -9 {pid} 2>/dev/null || true"));
    }
    wait_until("the announcer's end", PATIENCE, || announcing().is_empty());
    assert_eq!(nodes.site(2).repair().len(), 1);
    assert_eq!(nodes.site(2).repair(), Vec::<String>::new());
    world.router = None;
    for tenant in &mut world.tenants {
        tenant.services.truncate(1);
    }
    nodes.tell(&world);
    assert_eq!(announcing(), "");
}

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
fn groups_let_in_of_ipv6_what_their_rules_say(#[case] engine: Engine) {
    let Routed {
        nodes,
        mut world,
        web: web_port,
        db: db_port,
        far: _,
    } = routed(engine);
    let (web, db) = (
        nodes.site(1).guest(&web_port),
        nodes.site(2).guest(&db_port),
    );
    let (web_address, db_address) = (made(1, &web_port), made(1, &db_port));
    has(&web, web_address);
    has(&db, db_address);
    db.run("mkdir -p /tmp/www6; echo db >/tmp/www6/index.html; busybox httpd -p '[::]:80' -h /tmp/www6");
    assert!(pings(&web, db_address) && fetches(&web, db_address));

    let rule = |protocol: u8, range, remote| SecurityRuleSpec {
        ipv6: true,
        ..allow(Some(protocol), range, remote)
    };
    let mut out = group(Vec::new());
    out.rules[0].ipv6 = true;
    let mut tell = |rules: Vec<SecurityRuleSpec>| {
        let mut group = out.clone();
        group.id = SecurityGroupId::new();
        group.rules.extend(rules);
        world.tenants[0].group(&db_port, &[group.id]);
        world.groups = vec![group];
        nodes.tell(&world);
    };
    tell(Vec::new());
    assert!(!pings(&web, db_address) && !fetches(&web, db_address));
    // It finds its neighbours all the same, and may speak first.
    assert!(pings(&db, web_address));
    // An echo, by its type.
    tell(vec![rule(
        ICMP6,
        RuleRange::Icmp(128, None),
        RuleRemote::Any,
    )]);
    assert!(pings(&web, db_address) && !fetches(&web, db_address));
    let here = RuleRemote::Prefix(IpNet::from(web_address));
    tell(vec![rule(TCP, RuleRange::Ports(80, 80), here)]);
    assert!(!pings(&web, db_address) && fetches(&web, db_address));
    let elsewhere = RuleRemote::Prefix("fd00:7::/64".parse().unwrap());
    tell(vec![rule(TCP, RuleRange::Ports(80, 80), elsewhere)]);
    assert!(!fetches(&web, db_address));
}

#[test]
fn a_node_says_itself_what_a_router_would_on_a_network_of_its_own() {
    let site = Site::start();
    let mut own = network(1);
    own.subnets6 = vec![subnet6(1, false)];
    own.subnets6[0].dns.clear();
    let web = add_port(&mut own, 5, "web");
    let db = add_port(&mut own, 6, "db");
    let addresses: Vec<IpAddr> = [&web, &db].map(|port| made(1, port)).to_vec();
    for (port, address) in own.ports.iter_mut().zip(&addresses) {
        port.addresses.push(*address);
    }
    let wish = |generation, own: &NetworkSpec| desired(generation, &[own]);
    site.must_apply(&wish(1, &own));
    let (web, db) = (site.guest(&web), site.guest(&db));
    has(&web, addresses[0]);
    has(&db, addresses[1]);
    assert!(pings(&web, addresses[1]));
    assert!(pings(&web, v6(1, 1).into()), "the node does not answer");
    let answer = web.asking(&site, METADATA);
    assert!(answer.contains("503"), "{answer}");
    let found = asked(&web, "aaaa", "db.cloud.test", v6(1, 1));
    assert!(found.contains(&addresses[1].to_string()), "{found}");
    // It forwards no IPv6, and says so.
    assert_eq!(web.run("ip -6 route show default"), "");
    assert_eq!(site.repair(), Vec::<String>::new());
    // Of the node nothing else is reached, by no address of its.
    site.machine
        .run(&["busybox", "httpd", "-p", "[::]:80", "-h", "/"]);
    assert!(!fetches(&web, v6(1, 1).into()), "a guest reaches the node");

    let bridge = bridge_name(own.id);
    site.shell(&format!(
        "ip -6 addr flush dev {bridge} scope global; ip -6 addr del fe80::a9fe:a9fe/64 dev {bridge}"
    ));
    assert_eq!(site.repair().len(), 2);
    wait_until("the node's answer", PATIENCE, || {
        pings(&web, v6(1, 1).into())
    });
    own.subnets6.clear();
    site.must_apply(&wish(2, &own));
    let off = site.shell(&format!(
        "cat /proc/sys/net/ipv6/conf/{bridge}/disable_ipv6"
    ));
    assert_eq!(off.trim(), "1");
    assert_eq!(site.repair(), Vec::<String>::new());
}
