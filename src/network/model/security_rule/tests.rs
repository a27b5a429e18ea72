//! Which rules are taken and which are not, and that what is taken can be applied.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn new() -> NewSecurityRule {
    NewSecurityRule {
        group: SecurityGroupId::new(),
        description: String::new(),
        direction: Direction::Ingress,
        ethertype: None,
        protocol: None,
        min: None,
        max: None,
        remote_prefix: None,
        remote_group: None,
    }
}

fn with(
    protocol: &str,
    min: impl Into<Option<i64>>,
    max: impl Into<Option<i64>>,
) -> NewSecurityRule {
    NewSecurityRule {
        protocol: Some(protocol.to_owned()),
        min: min.into(),
        max: max.into(),
        ..new()
    }
}

fn ipv6(rule: NewSecurityRule) -> NewSecurityRule {
    NewSecurityRule {
        ethertype: Some(Ethertype::Ipv6),
        ..rule
    }
}

fn check(rule: NewSecurityRule) -> Result<SecurityRule, RuleError> {
    SecurityRule::checked(rule, ProjectId::new())
}

#[rstest]
#[case::anything(new(), "ingress IPv4 * *-* *")]
#[case::any_by_name(with("any", None, None), "ingress IPv4 * *-* *")]
#[case::port(with("tcp", 22, 22), "ingress IPv4 6 22-22 *")]
#[case::by_number(with("6", 22, 22), "ingress IPv4 6 22-22 *")]
#[case::in_capitals(with("TCP", 1, 65_535), "ingress IPv4 6 1-65535 *")]
#[case::no_ports(with("tcp", None, None), "ingress IPv4 6 *-* *")]
#[case::sctp(with("sctp", 1, 2), "ingress IPv4 132 1-2 *")]
#[case::ping(with("icmp", 8, 0), "ingress IPv4 1 8-0 *")]
#[case::icmp_type(with("icmp", 8, None), "ingress IPv4 1 8-* *")]
#[case::icmp_of_ipv6(ipv6(with("icmp", 128, None)), "ingress IPv6 58 128-* *")]
#[case::icmpv6(ipv6(with("icmpv6", None, None)), "ingress IPv6 58 *-* *")]
#[case::ipv6_icmp(ipv6(with("ipv6-icmp", None, None)), "ingress IPv6 58 *-* *")]
#[case::vrrp(with("vrrp", None, None), "ingress IPv4 112 *-* *")]
#[case::unnamed(with("255", None, None), "ingress IPv4 255 *-* *")]
#[case::zero(with("0", None, None), "ingress IPv4 0 *-* *")]
fn what_makes_sense_is_taken(#[case] rule: NewSecurityRule, #[case] meaning: &str) {
    assert_eq!(check(rule).unwrap().meaning(), meaning);
}

#[rstest]
#[case::ports_of_anything(NewSecurityRule { min: Some(1), max: Some(2), ..new() }, "protocol if port range")]
#[case::ports_of_gre(with("gre", 1, 2), "gre")]
#[case::backwards(with("tcp", 23, 22), "<=")]
#[case::half(with("tcp", 23, None), "both")]
#[case::other_half(with("udp", None, 23), "both")]
#[case::port_zero(with("tcp", 0, 22), "port 0")]
#[case::port_too_high(with("tcp", 1, 65_536), "65536")]
#[case::port_negative(with("tcp", -1, 22), "port -1")]
#[case::icmp_type(with("icmp", 256, None), "type (port-range-min) 256")]
#[case::icmp_code(with("icmp", 8, -1), "code (port-range-max) -1")]
#[case::code_alone(with("icmp", None, 3), "type (port-range-min) is missing")]
#[case::icmpv6_in_ipv4(
    with("icmpv6", None, None),
    "Invalid ethertype IPv4 for protocol icmpv6"
)]
#[case::number_58_in_ipv4(with("58", None, None), "Invalid ethertype IPv4 for protocol 58")]
#[case::ipv6_route(with("ipv6-route", None, None), "ipv6-route")]
#[case::no_protocol(with("nonsense", None, None), "nonsense not supported")]
#[case::number_too_high(with("256", None, None), "256 not supported")]
#[case::number_signed(with("+6", None, None), "+6 not supported")]
#[case::nothing(with("", None, None), "not supported")]
fn what_makes_no_sense_is_refused_and_named(#[case] rule: NewSecurityRule, #[case] named: &str) {
    let error = check(rule).unwrap_err().to_string();
    assert!(error.contains(named), "{error}");
}

#[test]
fn the_other_end_fits_the_rule() {
    let prefix = |text: &str| Some(text.parse::<IpNet>().unwrap());
    let group = Some(SecurityGroupId::new());
    let rule = check(NewSecurityRule {
        remote_prefix: prefix("10.0.0.5/24"),
        ..new()
    });
    assert_eq!(rule.unwrap().meaning(), "ingress IPv4 * *-* 10.0.0.0/24");
    let rule = check(NewSecurityRule {
        remote_prefix: prefix("fd00::/8"),
        ..new()
    });
    assert_eq!(rule.unwrap().ethertype, Ethertype::Ipv6);
    let error = check(NewSecurityRule {
        remote_prefix: prefix("10.0.0.0/8"),
        ..ipv6(new())
    });
    assert!(matches!(error, Err(RuleError::Family { .. })), "{error:?}");
    let error = check(NewSecurityRule {
        remote_prefix: prefix("10.0.0.0/8"),
        remote_group: group,
        ..new()
    });
    assert_eq!(error, Err(RuleError::GroupAndPrefix));
}

fn any_rule() -> impl Strategy<Value = NewSecurityRule> {
    let names = prop_oneof![
        Just("tcp"),
        Just("udp"),
        Just("icmp"),
        Just("icmpv6"),
        Just("58"),
        Just("gre"),
        Just("any"),
        Just("x")
    ];
    let prefixes = prop_oneof![Just("0.0.0.0/0"), Just("10.1.2.3/8"), Just("::/0")];
    (
        any::<bool>(),
        prop::option::of(any::<bool>()),
        prop::option::of(names),
        prop::option::of(-2_i64..70_000),
        prop::option::of(-2_i64..70_000),
        prop::option::of(prefixes),
        any::<bool>(),
    )
        .prop_map(
            |(ingress, ipv6, protocol, min, max, prefix, grouped)| NewSecurityRule {
                direction: if ingress {
                    Direction::Ingress
                } else {
                    Direction::Egress
                },
                ethertype: ipv6.map(|ipv6| {
                    if ipv6 {
                        Ethertype::Ipv6
                    } else {
                        Ethertype::Ipv4
                    }
                }),
                protocol: protocol.map(str::to_owned),
                min,
                max,
                remote_prefix: prefix.map(|text| text.parse().unwrap()),
                remote_group: grouped.then(SecurityGroupId::new),
                ..new()
            },
        )
}

proptest! {
    #[test]
    fn what_is_taken_can_be_applied(new in any_rule()) {
        let Ok(rule) = check(new.clone()) else { return Ok(()) };
        prop_assert!(new.remote_prefix.is_none() || new.remote_group.is_none());
        if let Remote::Prefix(prefix) = rule.remote {
            prop_assert_eq!(Ethertype::of(&prefix), rule.ethertype);
            prop_assert_eq!(prefix, prefix.trunc());
        }
        if let Some((min, max)) = rule.min.zip(rule.max) {
            let icmp = rule.protocol.as_ref().is_some_and(Protocol::is_icmp);
            let applies = if icmp { min.max(max) < 256 } else { min <= max && min > 0 };
            prop_assert!(applies);
        }
        prop_assert!(rule.min.is_none() || rule.protocol.is_some());
        prop_assert!(rule.meaning().len() <= 255);
        // Over IPv4, nothing of IPv6.
        prop_assert!(rule.ethertype == Ethertype::Ipv6 || rule.protocol_number() != Some(58));
    }
}
