//! Rules of security groups in OVN's language of conditions (ovn-sb(5), `Logical_Flow`). Pure.

use super::want::Key;
use crate::ids::SecurityGroupId;
use crate::network::rpc::{RuleRange, RuleRemote, SecurityRuleSpec};

/// What nobody may do comes before what groups allow, and that before the drop.
const NEVER: i64 = 1003;
const ALLOW: i64 = 1002;
const DROP: i64 = 1001;

const ICMP: u8 = 1;
const ICMP6: u8 = 58;

/// An access control list's row (ovn-nb(5), `ACL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `from-lport` for what a guest sends, `to-lport` for what comes to it.
    pub direction: &'static str,
    /// The highest that holds decides.
    pub priority: i64,
    /// When it holds.
    pub condition: String,
    /// What is done then.
    pub action: &'static str,
}

/// What holds for every port with port security. OVN lets neighbours and routers of IPv6 speak before all rules (`nd`, `nd_ra`
/// in ovn-northd(8)), so that nothing can be said of those here: the filter on each guest's own bridge stops them.
pub fn basics(group: &str) -> Vec<(Key, Rule)> {
    let (from, to) = ("from-lport", "to-lport");
    let rows = [
        ("drop:from", from, DROP, "ip", "drop"),
        ("drop:to", to, DROP, "ip", "drop"),
        // OVN answers these itself, but only what was let through.
        (
            "dhcp:4",
            from,
            ALLOW,
            "ip4 && udp.src == 68 && udp.dst == 67",
            "allow",
        ),
        (
            "dhcp:6",
            from,
            ALLOW,
            "ip6 && udp.src == 546 && udp.dst == 547",
            "allow",
        ),
        // A guest is nobody's DHCP server.
        (
            "never:dhcp4",
            from,
            NEVER,
            "ip4 && udp.src == 67 && udp.dst == 68",
            "drop",
        ),
        (
            "never:dhcp6",
            from,
            NEVER,
            "ip6 && udp.src == 547 && udp.dst == 546",
            "drop",
        ),
    ];
    rows.into_iter()
        .map(|(key, direction, priority, packets, action)| {
            let port = if direction == from {
                "inport"
            } else {
                "outport"
            };
            let rule = Rule {
                direction,
                priority,
                condition: format!("{port} == @{group} && {packets}"),
                action,
            };
            (key.to_owned(), rule)
        })
        .collect()
}

/// What a rule of a security group allows to ports of the group; `set` names the addresses of another group's members.
pub fn allow(
    group: &str,
    rule: &SecurityRuleSpec,
    set: impl Fn(SecurityGroupId, bool) -> String,
) -> Rule {
    let (direction, port, remote) = if rule.ingress {
        ("to-lport", "outport", "src")
    } else {
        ("from-lport", "inport", "dst")
    };
    let family = if rule.ipv6 { "ip6" } else { "ip4" };
    let mut condition = format!("{port} == @{group} && {family}");
    match rule.remote {
        RuleRemote::Any => {}
        RuleRemote::Prefix(prefix) => {
            condition.push_str(&format!(" && {family}.{remote} == {prefix}"));
        }
        RuleRemote::Group(other) => {
            condition.push_str(&format!(
                " && {family}.{remote} == ${}",
                set(other, rule.ipv6)
            ));
        }
    }
    condition.push_str(&protocol(rule));
    Rule {
        direction,
        priority: ALLOW,
        condition,
        action: "allow-related",
    }
}

fn protocol(rule: &SecurityRuleSpec) -> String {
    let Some(number) = rule.protocol else {
        return String::new();
    };
    let known = match number {
        ICMP | ICMP6 if rule.ipv6 => Some("icmp6"),
        ICMP | ICMP6 => Some("icmp4"),
        6 => Some("tcp"),
        17 => Some("udp"),
        132 => Some("sctp"),
        _ => None,
    };
    let Some(name) = known else {
        return format!(" && ip.proto == {number}");
    };
    let mut condition = format!(" && {name}");
    match rule.range {
        RuleRange::Any => {}
        RuleRange::Ports(first, last) if first == last => {
            condition.push_str(&format!(" && {name}.dst == {first}"));
        }
        RuleRange::Ports(first, last) => {
            condition.push_str(&format!(
                " && {name}.dst >= {first} && {name}.dst <= {last}"
            ));
        }
        RuleRange::Icmp(kind, code) => {
            condition.push_str(&format!(" && {name}.type == {kind}"));
            if let Some(code) = code {
                condition.push_str(&format!(" && {name}.code == {code}"));
            }
        }
    }
    condition
}
