//! Security groups between two nodes, whoever carries their networks: what rules allow comes through, nothing else does, and what
//! is open ends with the rule that allowed it.

use rstest::rstest;
use skydeck::config::Engine;
use skydeck::network::rpc::{RuleRange, RuleRemote, SecurityGroupSpec, SecurityRuleSpec};

use super::site::Guest;
use super::tenants::{Nodes, TCP, Tenant, World, allow, group, serve};

const ICMP: u8 = 1;
const UDP: u8 = 17;

/// What comes through to a guest from each of these: http, a datagram, an echo. All at once, since what is dropped takes its
/// time.
fn passing(from: &[&Guest<'_>], to: &Guest<'_>, address: &str) -> Vec<[bool; 3]> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = from
            .iter()
            .zip(5353..)
            .map(|(from, port)| {
                [
                    scope.spawn(move || from.fetches(address)),
                    scope.spawn(move || to.hears_udp(from, address, port)),
                    scope.spawn(move || from.pings(address)),
                ]
            })
            .collect();
        let answers = asked
            .into_iter()
            .map(|all| all.map(|one| one.join().unwrap()));
        answers.collect()
    })
}

#[rstest]
#[case::bridge(Engine::Bridge)]
#[case::ovn(Engine::Ovn)]
fn security_groups_let_through_what_they_allow_and_nothing_else(#[case] engine: Engine) {
    let nodes = Nodes::over(engine);
    let mut tenant = Tenant::over(engine, 1, 1001);
    let web = tenant.guest(1, 5, "web");
    let near = tenant.guest(1, 6, "near");
    let far = tenant.guest(2, 7, "far");
    let mut world = World {
        engine,
        tenants: vec![tenant],
        ..World::default()
    };
    let clients = group(Vec::new());
    let closed = group(Vec::new());
    world.tenants[0].group(&web, &[closed.id]);
    world.tenants[0].group(&near, &[clients.id]);
    world.tenants[0].group(&far, &[clients.id]);
    world.groups = vec![clients.clone(), closed.clone()];
    nodes.tell(&world);
    let (one, two, three) = (
        nodes.site(1).guest(&web),
        nodes.site(1).guest(&near),
        nodes.site(2).guest(&far),
    );
    for guest in [&one, &two, &three] {
        guest.dhcp();
        serve(guest, "hello");
    }
    // Nobody is let in; who asks gets answers.
    let address = |guest: &Guest<'_>| match guest.name == one.name {
        true => "10.1.0.5",
        false if guest.name == two.name => "10.1.0.6",
        false => "10.1.0.7",
    };
    for to in [&one, &two, &three] {
        let others = [&one, &two, &three].into_iter();
        let others: Vec<&Guest<'_>> = others.filter(|from| from.name != to.name).collect();
        let passes = passing(&others, to, address(to));
        assert_eq!(passes, [[false; 3]; 2], "{} is open", to.name);
    }

    let opened = |rules: Vec<SecurityRuleSpec>| {
        let mut group = group(rules);
        group.id = closed.id;
        group
    };
    // Each of the three protocols alone, then by who it is.
    let cases: [(&str, SecurityRuleSpec, [bool; 3], [bool; 3]); 6] = [
        (
            "tcp 80",
            allow(Some(TCP), RuleRange::Ports(80, 80), RuleRemote::Any),
            [true, false, false],
            [true, false, false],
        ),
        (
            "tcp 1-79",
            allow(Some(TCP), RuleRange::Ports(1, 79), RuleRemote::Any),
            [false; 3],
            [false; 3],
        ),
        (
            "udp",
            allow(Some(UDP), RuleRange::Any, RuleRemote::Any),
            [false, true, false],
            [false, true, false],
        ),
        (
            "echo",
            allow(Some(ICMP), RuleRange::Icmp(8, None), RuleRemote::Any),
            [false, false, true],
            [false, false, true],
        ),
        (
            "from near",
            allow(
                None,
                RuleRange::Any,
                RuleRemote::Prefix("10.1.0.6/32".parse().unwrap()),
            ),
            [true; 3],
            [false; 3],
        ),
        (
            "from a group",
            allow(None, RuleRange::Any, RuleRemote::Group(clients.id)),
            [false; 3],
            [true; 3],
        ),
    ];
    for (name, rule, from_near, from_far) in cases {
        // Only the far one counts as a member, whatever groups it has.
        let clients = SecurityGroupSpec {
            members: vec!["10.1.0.7/32".parse().unwrap()],
            ..clients.clone()
        };
        world.groups = vec![clients, opened(vec![rule])];
        nodes.tell(&world);
        let got = passing(&[&two, &three], &one, "10.1.0.5");
        assert_eq!(got, [from_near, from_far], "{name}");
    }
    // A connection that is open ends with the rule that allowed it, and does not with others that come and go.
    let tcp = |remote| allow(Some(TCP), RuleRange::Any, remote);
    let by_prefix = tcp(RuleRemote::Prefix("10.1.0.6/31".parse().unwrap()));
    world.groups = vec![clients.clone(), opened(vec![by_prefix.clone()])];
    nodes.tell(&world);
    for (number, (guest, site)) in [(&two, 1), (&three, 2)].into_iter().enumerate() {
        let port = 7000 + u16::try_from(number).unwrap();
        let talk = guest.talk("10.1.0.5", port, nodes.site(1), &one.name);
        talk.says("allowed");
        let more = allow(Some(UDP), RuleRange::Ports(9, 9), RuleRemote::Any);
        world.groups = vec![clients.clone(), opened(vec![by_prefix.clone(), more])];
        nodes.tell(&world);
        talk.says("allowed by the same");
        let other = tcp(RuleRemote::Prefix("10.1.0.0/29".parse().unwrap()));
        world.groups = vec![clients.clone(), opened(vec![other])];
        nodes.tell(&world);
        talk.says("allowed by another");
        nodes.site(site).shell("nft flush ruleset");
        nodes.site(site).repair();
        talk.says("allowed after a repair");
        world.groups = vec![clients.clone(), opened(Vec::new())];
        nodes.tell(&world);
        talk.says_in_vain("not allowed any more", guest);
        world.groups = vec![clients.clone(), opened(vec![by_prefix.clone()])];
        nodes.tell(&world);
        talk.says("allowed again");
        talk.end();
    }
    // What may be sent is limited as well, for connections that begin here; answers go out.
    let mut mute = opened(vec![allow(None, RuleRange::Any, RuleRemote::Any)]);
    mute.rules.pop();
    mute.rules.push(SecurityRuleSpec {
        ingress: false,
        ..allow(Some(ICMP), RuleRange::Any, RuleRemote::Any)
    });
    let open = |group: &SecurityGroupSpec| SecurityGroupSpec {
        rules: vec![
            allow(None, RuleRange::Any, RuleRemote::Any),
            SecurityRuleSpec {
                ingress: false,
                ..allow(None, RuleRange::Any, RuleRemote::Any)
            },
        ],
        ..group.clone()
    };
    world.groups = vec![open(&clients), mute];
    nodes.tell(&world);
    assert!(one.pings("10.1.0.6") && one.pings("10.1.0.7"));
    assert!(!one.fetches("10.1.0.6") && !one.fetches("10.1.0.7"));
    assert!(two.fetches("10.1.0.5") && three.fetches("10.1.0.5"));
    // Whom groups leave nothing still renews its lease.
    world.tenants[0].group(&web, &[]);
    nodes.tell(&world);
    assert!(!one.pings("10.1.0.6") && !two.pings("10.1.0.5"));
    assert_eq!(one.address().to_string(), "10.1.0.5");
}
