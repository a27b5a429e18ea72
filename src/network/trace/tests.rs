//! Cases: a small cloud, one thing broken in it, and what is said of it.

use std::net::IpAddr;

use super::*;
use crate::ids::{FloatingIpId, ProjectId, SecurityGroupId, SecurityGroupRuleId, Time};
use crate::network::model::{
    DHCP_OWNER, Direction, Ethertype, FloatingIp, FloatingTarget, GATEWAY_OWNER, Gateway,
    INTERFACE_OWNER, Network, NetworkKind, PortAddress, PortStatus, Route, Router, Subnet,
};
use crate::network::names::{
    inside_interface, outside_interface, router_namespace, tap_name, tunnel_name,
};
use crate::network::rpc::{RuleRange, RuleRemote, SecurityGroupSpec, SecurityRuleSpec};

/// Networks blue (10.1.0.0/24) and green (10.2.0.0/24) of one tenant, joined by router r on h2, which leads out by wire
/// (203.0.113.0/24). Web (blue, h1), db (blue, h2) and app (green, h1) let in tcp 80 from anywhere.
struct Lab {
    rows: Rows,
    project: ProjectId,
    blue: NetworkId,
    green: NetworkId,
    wire: NetworkId,
    web: PortId,
    db: PortId,
    app: PortId,
    router: RouterId,
    default: SecurityGroupId,
    web_only: SecurityGroupId,
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rule(ingress: bool, protocol: Option<u8>, range: RuleRange) -> SecurityRuleSpec {
    SecurityRuleSpec {
        id: SecurityGroupRuleId::new(),
        ingress,
        ipv6: false,
        protocol,
        range,
        remote: RuleRemote::Any,
    }
}

impl Lab {
    fn new() -> Self {
        let none = NetworkId::new();
        let mut lab = Self {
            rows: Rows::default(),
            project: ProjectId::new(),
            blue: none,
            green: none,
            wire: none,
            web: PortId::new(),
            db: PortId::new(),
            app: PortId::new(),
            router: RouterId::new(),
            default: SecurityGroupId::new(),
            web_only: SecurityGroupId::new(),
        };
        for (number, name) in [(11, "h1"), (12, "h2"), (13, "h3")] {
            let host = HostRow {
                up: true,
                address: Some([10, 77, 0, number].into()),
                physical: vec!["uplink".into()],
                routes: true,
                behind: None,
                left_out: Vec::new(),
            };
            lab.rows.hosts.insert(name.into(), host);
        }
        lab.blue = lab.network("blue", NetworkKind::Vxlan { vni: 1001 }, "10.1.0.0/24");
        lab.green = lab.network("green", NetworkKind::Vxlan { vni: 1002 }, "10.2.0.0/24");
        let uplink = NetworkKind::Flat {
            physical: "uplink".into(),
        };
        lab.wire = lab.network("wire", uplink, "203.0.113.0/24");
        lab.rows.networks.get_mut(&lab.wire).unwrap().external = true;
        lab.group(lab.default, "default", Vec::new());
        lab.group(
            lab.web_only,
            "web",
            vec![rule(true, Some(6), RuleRange::Ports(80, 80))],
        );
        let groups = vec![lab.default, lab.web_only];
        lab.web = lab.guest("web", lab.blue, "10.1.0.5", "h1", groups.clone());
        lab.db = lab.guest("db", lab.blue, "10.1.0.6", "h2", groups.clone());
        lab.app = lab.guest("app", lab.green, "10.2.0.7", "h1", groups);
        let gateway = lab.service(GATEWAY_OWNER, lab.wire, "203.0.113.10");
        lab.service(INTERFACE_OWNER, lab.blue, "10.1.0.1");
        lab.service(INTERFACE_OWNER, lab.green, "10.2.0.1");
        let way = Gateway {
            port: gateway,
            network: lab.wire,
            addresses: lab.port(gateway).addresses.clone(),
        };
        let at = Time::now();
        lab.rows.routers.push(Router {
            id: lab.router,
            project: lab.project,
            name: "r".into(),
            description: String::new(),
            admin_state_up: true,
            enable_snat: true,
            routes: Vec::new(),
            host: Some("h2".into()),
            tags: Vec::new(),
            revision: 0,
            created_at: at,
            updated_at: at,
            gateway: Some(way),
        });
        lab
    }

    fn network(&mut self, name: &str, kind: NetworkKind, cidr: &str) -> NetworkId {
        let (id, at, subnet) = (NetworkId::new(), Time::now(), SubnetId::new());
        let network = Network {
            id,
            project: self.project,
            name: name.into(),
            description: String::new(),
            admin_state_up: true,
            shared: false,
            external: false,
            kind,
            nat: false,
            mtu: 1450,
            port_security: true,
            dns_domain: String::new(),
            tags: Vec::new(),
            revision: 0,
            created_at: at,
            updated_at: at,
            subnets: vec![subnet],
        };
        self.rows.networks.insert(id, network);
        let cidr: ipnet::IpNet = cidr.parse().unwrap();
        self.rows.subnets.push(Subnet {
            id: subnet,
            network: id,
            project: self.project,
            name: format!("{name}-v4"),
            description: String::new(),
            cidr,
            gateway: cidr.hosts().next(),
            dhcp: true,
            dns: Vec::new(),
            pools: Vec::new(),
            routes: Vec::new(),
            ra_mode: None,
            address_mode: None,
            tags: Vec::new(),
            revision: 0,
            created_at: at,
            updated_at: at,
        });
        id
    }

    fn group(&mut self, id: SecurityGroupId, name: &str, mut rules: Vec<SecurityRuleSpec>) {
        if name == "default" {
            rules.push(rule(false, None, RuleRange::Any));
        }
        let spec = SecurityGroupSpec {
            id,
            rules,
            members: Vec::new(),
        };
        let row = GroupRow {
            name: name.into(),
            is_default: name == "default",
            spec,
        };
        self.rows.groups.insert(id, row);
    }

    fn guest(
        &mut self,
        name: &str,
        network: NetworkId,
        at: &str,
        host: &str,
        groups: Vec<SecurityGroupId>,
    ) -> PortId {
        let subnet = self.rows.subnets_of(network).next().unwrap().id;
        let (id, now) = (PortId::new(), Time::now());
        self.rows.ports.push(Port {
            id,
            network,
            project: self.project,
            name: name.into(),
            description: String::new(),
            mac: String::new(),
            device_id: String::new(),
            device_owner: "compute:nova".into(),
            host: Some(host.into()),
            migrating_to: None,
            status: PortStatus::Active,
            admin_state_up: true,
            port_security: true,
            hostname: None,
            tags: Vec::new(),
            revision: 0,
            created_at: now,
            updated_at: now,
            addresses: vec![PortAddress {
                subnet,
                address: address(at),
            }],
            pairs: Vec::new(),
            groups,
        });
        id
    }

    fn service(&mut self, owner: &str, network: NetworkId, at: &str) -> PortId {
        let id = self.guest("", network, at, "h2", Vec::new());
        let router = self.router.to_string();
        let port = self.port_mut(id);
        port.device_owner = owner.into();
        port.device_id = router;
        id
    }

    fn floating(&mut self, at: &str, port: PortId) {
        let IpAddr::V4(fixed) = self.port(port).addresses[0].address else {
            panic!("floating IPs are for IPv4")
        };
        let now = Time::now();
        self.rows.floating.push(FloatingIp {
            id: FloatingIpId::new(),
            project: self.project,
            description: String::new(),
            network: self.wire,
            port: PortId::new(),
            address: at.parse().unwrap(),
            target: Some(FloatingTarget {
                port,
                address: fixed,
                router: self.router,
            }),
            is_active: true,
            tags: Vec::new(),
            revision: 0,
            created_at: now,
            updated_at: now,
        });
    }

    fn port(&self, id: PortId) -> &Port {
        self.rows.port(id).unwrap()
    }

    fn port_mut(&mut self, id: PortId) -> &mut Port {
        let mut ports = self.rows.ports.iter_mut();
        ports.find(|port| port.id == id).unwrap()
    }

    fn interface(&self, network: NetworkId) -> PortId {
        let mut ports = self.rows.router_ports(self.router);
        ports.find(|port| port.network == network).unwrap().id
    }

    fn subnet_mut(&mut self, network: NetworkId) -> &mut Subnet {
        let mut all = self.rows.subnets.iter_mut();
        all.find(|subnet| subnet.network == network).unwrap()
    }

    fn unplug(&mut self, network: NetworkId) {
        let port = self.interface(network);
        self.rows.ports.retain(|one| one.id != port);
    }

    fn router_mut(&mut self) -> &mut Router {
        &mut self.rows.routers[0]
    }

    fn ask(&self, from: End, to: End, transport: Transport, port: u16) -> Path {
        let question = Question {
            from,
            to,
            source: None,
            transport,
            port: (transport != Transport::Icmp).then_some(port),
        };
        trace(&self.rows, &question)
    }

    fn http(&self, from: PortId, to: PortId) -> Path {
        self.ask(port(from), port(to), Transport::Tcp, 80)
    }
}

fn port(id: PortId) -> End {
    End::Ports(vec![id])
}

/// The way in short: places in order, those of the answer after a `<`; a drop with a `!`, what is not known with a `?`,
/// what only would be in brackets.
fn short(path: &Path) -> String {
    let word = |step: &Step| {
        let what = serde_json::to_value(step.what).unwrap();
        let sign = match step.verdict {
            Verdict::Passes => "",
            Verdict::Drops => "!",
            Verdict::Unknown => "?",
        };
        let back = if step.is_back { "<" } else { "" };
        let text = format!("{back}{}{sign}", what.as_str().unwrap());
        if step.would {
            format!("({text})")
        } else {
            text
        }
    };
    let words: Vec<String> = path.steps.iter().map(word).collect();
    words.join(" ")
}

/// The first drop.
fn drop(path: &Path) -> &Step {
    let mut steps = path.steps.iter();
    let found = steps.find(|step| step.verdict == Verdict::Drops);
    found.unwrap_or_else(|| panic!("nothing is dropped: {}", short(path)))
}

const NEAR: &str = "tap anti_spoofing sender_groups bridge receiver_groups tap";
const FAR: &str = "tap anti_spoofing sender_groups bridge tunnel tunnel bridge receiver_groups tap";
const ROUTED: &str = "tap anti_spoofing sender_groups bridge tunnel tunnel bridge router route tunnel tunnel bridge \
     receiver_groups tap <route";

#[test]
fn what_passes_goes_place_by_place_with_devices_as_nodes_name_them() {
    let mut lab = Lab::new();
    let path = lab.http(lab.web, lab.db);
    assert_eq!(short(&path), FAR);
    assert_eq!(path.verdict(), Verdict::Passes);
    let step = |at: usize| {
        (
            path.steps[at].host.as_deref().unwrap(),
            path.steps[at].device.clone(),
        )
    };
    assert_eq!(step(0), ("h1", tap_name(lab.web)));
    assert_eq!(step(4), ("h1", tunnel_name(lab.blue)));
    assert_eq!(step(5), ("h2", tunnel_name(lab.blue)));
    assert_eq!(step(8), ("h2", tap_name(lab.db)));
    let rule = lab.rows.groups[&lab.web_only].spec.rules[0].id;
    assert_eq!(path.steps[7].rule, Some(rule));
    let points: Vec<bool> = path
        .steps
        .iter()
        .filter_map(|step| Some(step.point?.outbound))
        .collect();
    assert_eq!(points, [false, true, false, true]);

    let path = lab.http(lab.web, lab.app);
    assert_eq!(short(&path), ROUTED);
    let router = &path.steps[7];
    assert_eq!(router.namespace, Some(router_namespace(lab.router)));
    assert_eq!(router.device, inside_interface(lab.interface(lab.blue)));
    assert_eq!(
        path.steps[8].device,
        inside_interface(lab.interface(lab.green))
    );

    lab.port_mut(lab.db).host = Some("h1".into());
    assert_eq!(short(&lab.http(lab.web, lab.db)), NEAR);
}

#[test]
fn out_and_in_addresses_are_translated_and_points_have_those_of_their_place() {
    let mut lab = Lab::new();
    let out = lab.ask(port(lab.web), End::Outside, Transport::Icmp, 0);
    let way = "tap anti_spoofing sender_groups bridge tunnel tunnel bridge router nat route physical outside";
    assert_eq!(short(&out), way);
    let packet = out.steps[9].point.unwrap().packet;
    assert_eq!(packet.source, Some(address("203.0.113.10")));
    assert_eq!(
        out.steps[9].device,
        outside_interface(lab.interface(lab.wire))
    );

    lab.floating("203.0.113.77", lab.web);
    let out = lab.ask(port(lab.web), End::Outside, Transport::Icmp, 0);
    let packet = out.steps[9].point.unwrap().packet;
    assert_eq!(packet.source, Some(address("203.0.113.77")));

    let inward = "physical router nat route tunnel tunnel bridge receiver_groups tap <route";
    for to in [port(lab.web), End::Address(address("203.0.113.77"))] {
        let path = lab.ask(End::Outside, to, Transport::Tcp, 80);
        assert_eq!(short(&path), inward);
        let of = |at: usize| path.steps[at].point.unwrap().packet.destination;
        assert_eq!(of(1), Some(address("203.0.113.77")));
        assert_eq!(of(3), Some(address("10.1.0.5")));
    }
    // From a neighbour, by way of the router, whose address the receiver sees.
    let path = lab.ask(
        port(lab.db),
        End::Address(address("203.0.113.77")),
        Transport::Tcp,
        80,
    );
    let hairpin = "tap anti_spoofing sender_groups bridge router nat nat route tunnel tunnel bridge receiver_groups tap <route";
    assert_eq!(short(&path), hairpin);
    let seen = path.steps[12].point.unwrap().packet.source;
    assert_eq!(seen, Some(address("203.0.113.10")));
}

#[test]
fn every_reason_is_named_where_it_is_and_all_of_them_at_once() {
    type Break = fn(&mut Lab);
    let cases: &[(&str, Break, Reason, What, bool)] = &[
        (
            "port down",
            |lab| lab.port_mut(lab.web).admin_state_up = false,
            Reason::PortDown,
            What::Tap,
            true,
        ),
        (
            "unbound",
            |lab| lab.port_mut(lab.app).host = None,
            Reason::NotBound,
            What::Tap,
            false,
        ),
        (
            "no host",
            |lab| lab.rows.hosts.get_mut("h1").unwrap().up = false,
            Reason::HostDown,
            What::Tap,
            false,
        ),
        (
            "network down",
            |lab| lab.rows.networks.get_mut(&lab.blue).unwrap().admin_state_up = false,
            Reason::NetworkDown,
            What::Tap,
            true,
        ),
        (
            "no address",
            |lab| lab.port_mut(lab.web).addresses.clear(),
            Reason::NoAddress,
            What::AntiSpoofing,
            false,
        ),
        (
            "no gateway",
            |lab| lab.subnet_mut(lab.blue).gateway = None,
            Reason::NoGateway,
            What::Bridge,
            false,
        ),
        (
            "no router there",
            |lab| lab.unplug(lab.blue),
            Reason::NoRouter,
            What::Router,
            true,
        ),
        (
            "not joined",
            |lab| lab.unplug(lab.green),
            Reason::NotJoined,
            What::Route,
            true,
        ),
        (
            "router down",
            |lab| lab.router_mut().admin_state_up = false,
            Reason::RouterDown,
            What::Router,
            true,
        ),
        (
            "router nowhere",
            |lab| lab.router_mut().host = None,
            Reason::RouterUnplaced,
            What::Router,
            false,
        ),
        (
            "no tunnel",
            |lab| lab.rows.hosts.get_mut("h2").unwrap().address = None,
            Reason::NoTunnel,
            What::Tunnel,
            false,
        ),
        (
            "no answer",
            |lab| lab.subnet_mut(lab.green).gateway = None,
            Reason::NoGateway,
            What::Bridge,
            false,
        ),
        (
            "nothing may be sent",
            |lab| {
                lab.rows
                    .groups
                    .get_mut(&lab.default)
                    .unwrap()
                    .spec
                    .rules
                    .clear()
            },
            Reason::NoRule,
            What::SenderGroups,
            true,
        ),
        (
            "no groups",
            |lab| lab.port_mut(lab.app).groups.clear(),
            Reason::NoGroups,
            What::ReceiverGroups,
            false,
        ),
    ];
    for (name, damage, reason, what, mends) in cases {
        let mut lab = Lab::new();
        damage(&mut lab);
        let path = lab.http(lab.web, lab.app);
        let step = drop(&path);
        let got = (step.reason, step.what, step.remedy.is_some());
        assert_eq!(got, (*reason, *what, *mends), "{name}: {}", short(&path));
        assert!(!step.because.is_empty());
    }
    let mut lab = Lab::new();
    lab.port_mut(lab.web).admin_state_up = false;
    lab.router_mut().admin_state_up = false;
    lab.port_mut(lab.app).groups.clear();
    let path = lab.http(lab.web, lab.app);
    assert_eq!(
        short(&path),
        "tap! (anti_spoofing) (sender_groups) (bridge) (tunnel) (tunnel) (bridge) (router!) (route) (tunnel) (tunnel) \
         (bridge) (receiver_groups!) (tap) (<route)"
    );
    assert_eq!(
        path.steps[12].because,
        "the port has no security groups, so it may get nothing"
    );
}

#[test]
fn ways_out_and_in_that_are_missing_are_named() {
    let mut lab = Lab::new();
    // In without a floating address.
    let path = lab.ask(End::Outside, port(lab.web), Transport::Tcp, 80);
    let step = drop(&path);
    assert_eq!((step.reason, step.what), (Reason::NoFloating, What::Nat));
    let (port_id, network) = (lab.web, lab.wire);
    assert_eq!(
        step.remedy,
        Some(Remedy::FloatingIp {
            port: port_id,
            network
        })
    );
    // A floating address that leads nowhere.
    lab.floating("203.0.113.77", lab.web);
    lab.rows.floating[0].target = None;
    let path = lab.ask(
        End::Outside,
        End::Address(address("203.0.113.77")),
        Transport::Tcp,
        80,
    );
    assert_eq!(drop(&path).reason, Reason::FloatingUnused);
    // No way out.
    lab.router_mut().gateway = None;
    let path = lab.ask(port(lab.web), End::Outside, Transport::Tcp, 80);
    let step = drop(&path);
    assert_eq!(step.reason, Reason::NoWayOut);
    let (router, network) = (lab.router, lab.wire);
    assert_eq!(step.remedy, Some(Remedy::RouterGateway { router, network }));
    // The host of the router is not plugged in.
    let mut lab = Lab::new();
    lab.rows.hosts.get_mut("h2").unwrap().physical.clear();
    let path = lab.ask(port(lab.web), End::Outside, Transport::Tcp, 80);
    assert_eq!(drop(&path).reason, Reason::NotPlugged);
    // Nobody there, the router itself, an address of nobody in the world.
    for (to, transport, reason) in [
        ("10.1.0.99", Transport::Tcp, Some(Reason::NobodyThere)),
        ("10.1.0.1", Transport::Tcp, Some(Reason::RouterItself)),
        ("10.1.0.1", Transport::Icmp, None),
        ("198.51.100.1", Transport::Tcp, None),
    ] {
        let lab = Lab::new();
        let path = lab.ask(port(lab.web), End::Address(address(to)), transport, 80);
        let mut steps = path.steps.iter();
        let found = steps.find(|step| step.verdict == Verdict::Drops);
        assert_eq!(found.map(|step| step.reason), reason, "{to}");
    }
}

#[test]
fn local_networks_are_apart_and_lead_out_only_where_they_are_translated() {
    let mut lab = Lab::new();
    lab.rows.networks.get_mut(&lab.blue).unwrap().kind = NetworkKind::Local;
    lab.unplug(lab.blue);
    let path = lab.http(lab.web, lab.db);
    assert_eq!(drop(&path).reason, Reason::NodesApart);
    let path = lab.ask(port(lab.web), End::Outside, Transport::Icmp, 0);
    assert_eq!(drop(&path).reason, Reason::Isolated);
    lab.rows.networks.get_mut(&lab.blue).unwrap().nat = true;
    let path = lab.ask(port(lab.web), End::Outside, Transport::Icmp, 0);
    assert_eq!(
        short(&path),
        "tap anti_spoofing sender_groups bridge nat outside"
    );
    let path = lab.http(lab.web, lab.app);
    assert_eq!(drop(&path).reason, Reason::NotJoined);
    let path = lab.ask(End::Outside, port(lab.web), Transport::Tcp, 80);
    assert_eq!(drop(&path).reason, Reason::Isolated);
}

#[test]
fn metadata_is_answered_where_dhcp_is_or_by_the_router_or_the_node() {
    let asked = |lab: &Lab, port_asked: u16| {
        let to = End::Address(crate::network::names::METADATA.into());
        lab.ask(port(lab.web), to, Transport::Tcp, port_asked)
    };
    let mut lab = Lab::new();
    let own = "tap anti_spoofing sender_groups bridge";
    let by_router = format!("{own} tunnel tunnel bridge router service");
    assert_eq!(short(&asked(&lab, 80)), by_router);
    assert_eq!(short(&asked(&lab, 22)), format!("{by_router}!"));
    let blue = lab.blue;
    lab.service(DHCP_OWNER, blue, "10.1.0.2");
    let path = asked(&lab, 80);
    assert_eq!(short(&path), format!("{own} tunnel tunnel bridge service"));
    assert!(
        path.steps[7]
            .namespace
            .as_ref()
            .unwrap()
            .starts_with("qdhcp-")
    );
    let mut lab = Lab::new();
    let blue = lab.blue;
    lab.rows.networks.get_mut(&blue).unwrap().kind = NetworkKind::Local;
    assert_eq!(short(&asked(&lab, 80)), own.replace("bridge", "service"));
    assert_eq!(drop(&asked(&lab, 22)).reason, Reason::RouterItself);
}

#[test]
fn the_rule_that_is_missing_is_as_narrow_as_can_be() {
    let mut lab = Lab::new();
    let path = lab.ask(port(lab.web), port(lab.db), Transport::Tcp, 5432);
    assert_eq!(
        short(&path),
        FAR.replace("receiver_groups tap", "receiver_groups! (tap)")
    );
    let step = drop(&path);
    assert_eq!(
        step.because,
        "no rule of groups default, web allows it to get tcp 5432 from 10.1.0.5"
    );
    let Some(Remedy::Rule(rule)) = step.remedy.clone() else {
        panic!("{:?}", step.remedy)
    };
    assert_eq!(rule.group, lab.web_only);
    assert_eq!(
        (rule.direction, rule.min, rule.max),
        (Direction::Ingress, Some(5432), Some(5432))
    );
    assert_eq!(rule.remote_prefix, Some("10.1.0.5/32".parse().unwrap()));
    // It can be made, and it helps.
    use crate::network::model::SecurityRule;
    let made = SecurityRule::checked(rule, lab.project).unwrap();
    let spec = SecurityRuleSpec {
        id: made.id,
        remote: RuleRemote::Prefix("10.1.0.5/32".parse().unwrap()),
        ..super::tests::rule(true, made.protocol_number(), RuleRange::Ports(5432, 5432))
    };
    lab.rows
        .groups
        .get_mut(&lab.web_only)
        .unwrap()
        .spec
        .rules
        .push(spec);
    let path = lab.ask(port(lab.web), port(lab.db), Transport::Tcp, 5432);
    assert_eq!(path.verdict(), Verdict::Passes);
    let path = lab.ask(port(lab.app), port(lab.db), Transport::Tcp, 5432);
    assert_eq!(drop(&path).reason, Reason::NoRule);
    // A ping.
    let path = lab.ask(port(lab.web), port(lab.db), Transport::Icmp, 0);
    let Some(Remedy::Rule(rule)) = drop(&path).remedy.clone() else {
        panic!()
    };
    assert_eq!((rule.min, rule.max), (Some(8), None));
    SecurityRule::checked(rule, lab.project).unwrap();
}

#[test]
fn rules_mean_here_what_nodes_make_of_them() {
    let members = |lab: &mut Lab, of: SecurityGroupId, net: &str| {
        let group = lab.rows.groups.get_mut(&of).unwrap();
        group.spec.members.push(net.parse().unwrap());
    };
    let base = || rule(true, None, RuleRange::Any);
    type Case = (&'static str, SecurityRuleSpec, Transport, bool);
    let cases: [Case; 9] = [
        ("any", base(), Transport::Udp, true),
        (
            "another protocol",
            rule(true, Some(6), RuleRange::Any),
            Transport::Udp,
            false,
        ),
        (
            "a range",
            rule(true, Some(17), RuleRange::Ports(50, 60)),
            Transport::Udp,
            true,
        ),
        (
            "beside a range",
            rule(true, Some(17), RuleRange::Ports(54, 60)),
            Transport::Udp,
            false,
        ),
        (
            "IPv6",
            SecurityRuleSpec {
                ipv6: true,
                ..base()
            },
            Transport::Udp,
            false,
        ),
        (
            "out",
            rule(false, None, RuleRange::Any),
            Transport::Udp,
            false,
        ),
        (
            "echo",
            rule(true, Some(1), RuleRange::Icmp(8, None)),
            Transport::Icmp,
            true,
        ),
        (
            "another type",
            rule(true, Some(1), RuleRange::Icmp(3, None)),
            Transport::Icmp,
            false,
        ),
        (
            "addresses of others",
            SecurityRuleSpec {
                remote: RuleRemote::Prefix("10.1.0.6/31".parse().unwrap()),
                ..base()
            },
            Transport::Udp,
            false,
        ),
    ];
    for (name, rule, transport, passes) in cases {
        let mut lab = Lab::new();
        lab.rows.groups.get_mut(&lab.web_only).unwrap().spec.rules = vec![rule];
        let path = lab.ask(port(lab.web), port(lab.db), transport, 53);
        assert_eq!(path.verdict() == Verdict::Passes, passes, "{name}");
    }
    let mut lab = Lab::new();
    let from = SecurityRuleSpec {
        remote: RuleRemote::Group(lab.default),
        ..base()
    };
    lab.rows.groups.get_mut(&lab.web_only).unwrap().spec.rules = vec![from];
    let asked = |lab: &Lab| {
        lab.ask(port(lab.web), port(lab.db), Transport::Udp, 53)
            .verdict()
    };
    assert_eq!(asked(&lab), Verdict::Drops);
    let default = lab.default;
    members(&mut lab, default, "10.1.0.5/32");
    assert_eq!(asked(&lab), Verdict::Passes);
    // Port security off: no groups, any address.
    let mut lab = Lab::new();
    let db = lab.db;
    lab.port_mut(db).port_security = false;
    assert_eq!(asked(&lab), Verdict::Passes);
}

#[test]
fn an_answer_that_goes_another_way_is_told() {
    let mut lab = Lab::new();
    // Green's gateway is a second router that knows blue not at all.
    let green = lab.green;
    lab.subnet_mut(green).gateway = Some(address("10.2.0.2"));
    let other = RouterId::new();
    let port = lab.service(INTERFACE_OWNER, green, "10.2.0.2");
    lab.port_mut(port).device_id = other.to_string();
    let mut router = lab.rows.routers[0].clone();
    (router.id, router.name, router.gateway) = (other, "second".into(), None);
    lab.rows.routers.push(router);
    let path = lab.http(lab.web, lab.app);
    let step = drop(&path);
    assert!(step.is_back);
    assert_eq!(step.reason, Reason::NotJoined, "{}", short(&path));
    assert!(
        step.because
            .starts_with("router second is not plugged into subnet blue-v4")
    );
    // With a route it finds back.
    lab.rows.routers[1].routes.push(Route {
        destination: "10.1.0.0/24".parse().unwrap(),
        nexthop: address("10.2.0.1"),
    });
    let path = lab.http(lab.web, lab.app);
    assert_eq!(path.verdict(), Verdict::Passes, "{}", short(&path));
}

#[test]
fn addresses_that_are_not_the_senders_and_hosts_that_lag_are_told() {
    let mut lab = Lab::new();
    let ask = |lab: &Lab| {
        trace(
            &lab.rows,
            &Question {
                from: port(lab.web),
                to: port(lab.db),
                source: Some(address("10.1.0.50")),
                transport: Transport::Tcp,
                port: Some(80),
            },
        )
    };
    assert_eq!(drop(&ask(&lab)).reason, Reason::ForeignAddress);
    let web = lab.web;
    lab.port_mut(web).pairs = vec![crate::network::model::AddressPair {
        mac: None,
        prefix: "10.1.0.48/29".parse().unwrap(),
    }];
    assert_eq!(ask(&lab).verdict(), Verdict::Passes);
    lab.rows.hosts.get_mut("h2").unwrap().behind = Some("nft is not installed".into());
    let path = lab.http(lab.web, lab.db);
    assert_eq!(path.verdict(), Verdict::Unknown);
    assert!(
        short(&path).ends_with("tunnel? tunnel bridge receiver_groups tap?"),
        "{}",
        short(&path)
    );
}

#[test]
fn packets_of_ipv6_are_of_rules_routes_and_routers_of_their_own() {
    let mut lab = Lab::new();
    let (blue, green) = (lab.blue, lab.green);
    for (network, cidr, ports) in [
        (blue, "fd00:1::/64", vec![(lab.web, "fd00:1::5")]),
        (green, "fd00:2::/64", vec![(lab.app, "fd00:2::5")]),
    ] {
        let subnet = Subnet {
            id: SubnetId::new(),
            cidr: cidr.parse().unwrap(),
            gateway: Some(address(&cidr.replace("/64", "1"))),
            ..lab.rows.subnets_of(network).next().unwrap().clone()
        };
        let interface = lab.interface(network);
        let all = ports
            .into_iter()
            .map(|(port, at)| (port, address(at)))
            .chain([(interface, subnet.gateway.unwrap())]);
        for (port, address) in all {
            // The only one that it has.
            lab.port_mut(port).addresses = vec![PortAddress {
                subnet: subnet.id,
                address,
            }];
        }
        lab.rows.subnets.push(subnet);
    }
    // The rules that let IPv4 pass do not count.
    let path = lab.http(lab.web, lab.app);
    let step = drop(&path);
    let Some(Remedy::Rule(rule)) = step.remedy.clone() else {
        panic!("{step:?}")
    };
    assert_eq!(rule.ethertype, Some(Ethertype::Ipv6));
    assert_eq!(rule.protocol.as_deref(), Some("tcp"));
    for group in lab.rows.groups.values_mut() {
        for ingress in [true, false] {
            group.spec.rules.push(SecurityRuleSpec {
                ipv6: true,
                ..super::tests::rule(ingress, None, RuleRange::Any)
            });
        }
    }
    let path = lab.http(lab.web, lab.app);
    assert_eq!(path.verdict(), Verdict::Passes, "{}", short(&path));
    let goes_through = |what: What| path.steps.iter().any(|step| step.what == what);
    assert!(goes_through(What::Router) && !goes_through(What::Nat));

    // Metadata is on the link, where DHCP has an address of it.
    let asked = |lab: &Lab| {
        let to = End::Address(crate::network::names::METADATA6.into());
        lab.ask(port(lab.web), to, Transport::Tcp, 80)
    };
    let dhcp = lab.service(DHCP_OWNER, blue, "10.1.0.2");
    assert_eq!(drop(&asked(&lab)).reason, Reason::NoAddress);
    lab.port_mut(dhcp).addresses[0].address = address("fd00:1::2");
    assert_eq!(
        short(&asked(&lab)),
        "tap anti_spoofing sender_groups bridge tunnel tunnel bridge service"
    );
}
