//! The security groups that a node is told: those of ports that it has or will have, with what they allow, and those that
//! their rules name, with the addresses of their members anywhere.
//!
//! Everything is in the order of ids and addresses, so that equal rows give equal messages.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::port_security::is_everything;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::SecurityGroupId;
use crate::network::model::{Direction, Ethertype, Port, Remote, SecurityRule};
use crate::network::rpc::{
    AllowedPair, RuleRange, RuleRemote, SecurityGroupSpec, SecurityRuleSpec,
};
use crate::network::store;

/// What a node is told of security groups.
pub(super) async fn desired_groups(conn: &mut Conn, host: &str) -> Result<Vec<SecurityGroupSpec>> {
    let groups = store::host_groups::groups(conn, host).await?;
    group_specs_on_conn(conn, &groups).await
}

/// What nodes are told of these groups, and of those that their rules name.
pub(super) async fn group_specs_on_conn(
    conn: &mut Conn,
    groups: &[SecurityGroupId],
) -> Result<Vec<SecurityGroupSpec>> {
    let mut specs: BTreeMap<SecurityGroupId, SecurityGroupSpec> =
        groups.iter().map(|id| (*id, empty(*id))).collect();
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    let mut rules = store::security_rule::of_groups(conn, groups).await?;
    rules.sort_by_key(|rule| rule.id);
    let named: BTreeSet<SecurityGroupId> = rules
        .iter()
        .filter_map(|rule| match rule.remote {
            Remote::Group(remote) => Some(remote),
            _ => None,
        })
        .collect();
    let named: Vec<SecurityGroupId> = named.into_iter().collect();
    let mut members: BTreeMap<SecurityGroupId, BTreeSet<IpNet>> = BTreeMap::new();
    for (group, address) in store::host_groups::members(conn, &named).await? {
        let address = IpNet::from(address);
        members.entry(group).or_default().insert(address);
    }
    for (group, prefix) in store::host_groups::member_pairs(conn, &named).await? {
        if !is_everything(&prefix) {
            members.entry(group).or_default().insert(prefix);
        }
    }
    for remote in named {
        let spec = specs.entry(remote).or_insert_with(|| empty(remote));
        if let Some(members) = members.remove(&remote) {
            spec.members = members.into_iter().collect();
        }
    }
    for rule in rules {
        if let Some(spec) = specs.get_mut(&rule.group) {
            spec.rules.push(rule_spec(&rule));
        }
    }
    Ok(specs.into_values().collect())
}

fn empty(id: SecurityGroupId) -> SecurityGroupSpec {
    SecurityGroupSpec {
        id,
        rules: Vec::new(),
        members: Vec::new(),
    }
}

fn rule_spec(rule: &SecurityRule) -> SecurityRuleSpec {
    let byte = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
    let icmp = rule
        .protocol
        .as_ref()
        .is_some_and(|protocol| protocol.is_icmp());
    SecurityRuleSpec {
        id: rule.id,
        ingress: rule.direction == Direction::Ingress,
        ipv6: rule.ethertype == Ethertype::Ipv6,
        protocol: rule.protocol_number(),
        range: match (rule.min, rule.max) {
            (Some(kind), code) if icmp => RuleRange::Icmp(byte(kind), code.map(byte)),
            (Some(first), Some(last)) => RuleRange::Ports(first, last),
            _ => RuleRange::Any,
        },
        remote: match rule.remote {
            Remote::Any => RuleRemote::Any,
            Remote::Prefix(prefix) => RuleRemote::Prefix(prefix),
            Remote::Group(group) => RuleRemote::Group(group),
        },
    }
}

/// Further addresses of a port, as its node is told them.
pub(super) fn pairs_spec(port: &Port) -> Vec<AllowedPair> {
    port.pairs
        .iter()
        .map(|pair| AllowedPair {
            mac: pair.mac.clone(),
            prefix: pair.prefix,
        })
        .collect()
}
