//! The security groups that a node is told: those of ports that it has or will have, with what they allow, and those that
//! their rules name, with the addresses of their members anywhere.
//!
//! Everything is in the order of ids and addresses, so that equal rows give equal messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// Rules by group, and the addresses of those that are members of groups.
#[derive(Default)]
pub(super) struct GroupRows {
    rules: HashMap<SecurityGroupId, Vec<SecurityRule>>,
    members: HashMap<SecurityGroupId, BTreeSet<IpNet>>,
}

impl GroupRows {
    /// All rules, and the members that all ports are.
    pub fn new(rules: Vec<SecurityRule>, ports: &[Port]) -> Self {
        let mut rows = Self::default();
        rows.put_rules(rules);
        for port in ports {
            for group in &port.groups {
                for at in &port.addresses {
                    rows.put_member(*group, at.address.into());
                }
                for pair in &port.pairs {
                    rows.put_member(*group, pair.prefix);
                }
            }
        }
        rows
    }

    /// What these groups need.
    pub async fn read(conn: &mut Conn, groups: &[SecurityGroupId]) -> Result<Self> {
        let mut rows = Self::default();
        if groups.is_empty() {
            return Ok(rows);
        }
        rows.put_rules(store::security_rule::of_groups(conn, groups).await?);
        let named: Vec<SecurityGroupId> = rows.named(groups).into_iter().collect();
        for (group, addresses) in store::host_groups::members(conn, &named).await? {
            for address in addresses {
                rows.put_member(group, address.0.into());
            }
        }
        for (group, prefix) in store::host_groups::member_pairs(conn, &named).await? {
            rows.put_member(group, prefix);
        }
        Ok(rows)
    }

    fn put_rules(&mut self, mut rules: Vec<SecurityRule>) {
        rules.sort_by_key(|rule| rule.id);
        for rule in rules {
            self.rules.entry(rule.group).or_default().push(rule);
        }
    }

    /// A further address that is any at all makes nobody a member.
    fn put_member(&mut self, group: SecurityGroupId, prefix: IpNet) {
        if !is_everything(&prefix) {
            self.members.entry(group).or_default().insert(prefix);
        }
    }

    fn rules_of(&self, groups: &[SecurityGroupId]) -> impl Iterator<Item = &SecurityRule> {
        groups.iter().filter_map(|id| self.rules.get(id)).flatten()
    }

    /// Groups that the rules of these name.
    fn named(&self, groups: &[SecurityGroupId]) -> BTreeSet<SecurityGroupId> {
        self.rules_of(groups)
            .filter_map(|rule| match rule.remote {
                Remote::Group(remote) => Some(remote),
                _ => None,
            })
            .collect()
    }

    /// What is told of these groups, and of those that their rules name.
    pub fn specs(&self, groups: &[SecurityGroupId]) -> Vec<SecurityGroupSpec> {
        let mut specs: BTreeMap<SecurityGroupId, SecurityGroupSpec> =
            groups.iter().map(|id| (*id, empty(*id))).collect();
        for remote in self.named(groups) {
            let spec = specs.entry(remote).or_insert_with(|| empty(remote));
            let members = self.members.get(&remote).into_iter().flatten();
            spec.members = members.copied().collect();
        }
        for rule in self.rules_of(groups) {
            if let Some(spec) = specs.get_mut(&rule.group) {
                spec.rules.push(rule_spec(rule));
            }
        }
        specs.into_values().collect()
    }
}

/// What nodes are told of these groups, and of those that their rules name.
pub(super) async fn group_specs_on_conn(
    conn: &mut Conn,
    groups: &[SecurityGroupId],
) -> Result<Vec<SecurityGroupSpec>> {
    Ok(GroupRows::read(conn, groups).await?.specs(groups))
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
