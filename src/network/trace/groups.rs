//! Whether the security groups of a port let a packet pass, and which rule would.

use std::net::IpAddr;

use ipnet::IpNet;

use super::rows::{GroupRow, Rows};
use super::{Packet, Transport};
use crate::ids::SecurityGroupRuleId;
use crate::network::model::{Direction, Ethertype, NewSecurityRule, Port};
use crate::network::rpc::{RuleRange, RuleRemote, SecurityRuleSpec};

/// The rule of the port's groups that lets the packet pass, with the name of its group.
pub(super) fn allowing<'a>(
    rows: &'a Rows,
    port: &Port,
    direction: Direction,
    packet: &Packet,
) -> Option<(&'a str, SecurityGroupRuleId)> {
    of_port(rows, port).find_map(|group| {
        let mut rules = group.spec.rules.iter();
        let found = rules.find(|rule| allows(rows, rule, direction, packet))?;
        Some((group.name.as_str(), found.id))
    })
}

/// The port's groups that are known.
pub(super) fn of_port<'a>(rows: &'a Rows, port: &Port) -> impl Iterator<Item = &'a GroupRow> {
    let groups = port.groups.iter();
    groups.filter_map(|id| rows.groups.get(id))
}

fn allows(rows: &Rows, rule: &SecurityRuleSpec, direction: Direction, packet: &Packet) -> bool {
    let transport = packet.transport;
    rule.ingress == (direction == Direction::Ingress)
        && rule.ipv6 == packet.is_ipv6()
        && rule
            .protocol
            .is_none_or(|number| number == transport.number(rule.ipv6))
        && match rule.range {
            RuleRange::Any => true,
            RuleRange::Ports(first, last) => {
                transport != Transport::Icmp
                    && packet
                        .port
                        .is_some_and(|port| (first..=last).contains(&port))
            }
            RuleRange::Icmp(kind, code) => {
                transport == Transport::Icmp
                    && kind == packet.echo()[0]
                    && code.is_none_or(|code| code == 0)
            }
        }
        && is_at(rows, &rule.remote, other(direction, packet))
}

/// The address of the other end.
fn other(direction: Direction, packet: &Packet) -> Option<IpAddr> {
    match direction {
        Direction::Ingress => packet.source,
        Direction::Egress => packet.destination,
    }
}

/// Whether the other end is one that a rule is for. One that is not known is so only if all are.
fn is_at(rows: &Rows, remote: &RuleRemote, address: Option<IpAddr>) -> bool {
    let within = |net: &IpNet| match address {
        Some(address) => net.contains(&address),
        None => net.prefix_len() == 0,
    };
    match remote {
        RuleRemote::Any => true,
        RuleRemote::Prefix(net) => within(net),
        RuleRemote::Group(id) => {
            let group = rows.groups.get(id);
            group.is_some_and(|group| group.spec.members.iter().any(within))
        }
    }
}

/// The narrowest rule that would let the packet pass; none for a port without groups. Rather in a group of its own than in
/// the one that all ports of the project have.
pub(super) fn rule_for(
    rows: &Rows,
    port: &Port,
    direction: Direction,
    packet: &Packet,
) -> Option<NewSecurityRule> {
    let own = of_port(rows, port).find(|group| !group.is_default);
    let group = own.or_else(|| of_port(rows, port).next())?;
    let (min, max) = match packet.transport {
        Transport::Icmp => (Some(i64::from(packet.echo()[0])), None),
        _ => (packet.port.map(i64::from), packet.port.map(i64::from)),
    };
    Some(NewSecurityRule {
        group: group.spec.id,
        description: String::new(),
        direction,
        ethertype: Some(if packet.is_ipv6() {
            Ethertype::Ipv6
        } else {
            Ethertype::Ipv4
        }),
        protocol: Some(packet.transport.name().to_owned()),
        min,
        max,
        remote_prefix: other(direction, packet).map(IpNet::from),
        remote_group: None,
    })
}
