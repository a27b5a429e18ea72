//! Security groups as port groups, and the addresses that rules name as address sets (ovn-nb(5), `Port_Group`, `Address_Set`).
//!
//! Whatever is not allowed is dropped by a group of its own, which has every port with port security. What a guest may
//! never do stands there as well, before what its groups allow.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::acl::{self, Rule};
use super::rows::Index;
use super::switch::port_key;
use super::want::{Key, Table, Value, Want, text, texts};
use crate::ids::SecurityGroupId;
use crate::network::rpc::{RuleRemote, SecurityGroupSpec};

/// The group of all ports with port security.
const DROP_GROUP: &str = "skydeck_pg_drop";

/// A name that rules may say: letters, digits and `_` only.
fn name(prefix: &str, id: SecurityGroupId) -> String {
    format!("{prefix}_{}", id.to_string().replace('-', "_"))
}

/// Adds all groups with their rules.
pub fn add(want: &mut Want, index: &Index<'_>) {
    let mut members: BTreeMap<SecurityGroupId, BTreeSet<Key>> = BTreeMap::new();
    let mut secured = BTreeSet::new();
    for (port, _) in index.ports() {
        if port.is_service() || !port.port_security {
            continue;
        }
        secured.insert(port_key(port.id));
        for &group in &port.groups {
            members.entry(group).or_default().insert(port_key(port.id));
        }
    }
    let named: BTreeSet<SecurityGroupId> = index
        .rows
        .groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter_map(|rule| match rule.remote {
            RuleRemote::Group(group) => Some(group),
            _ => None,
        })
        .collect();
    for group in &index.rows.groups {
        if named.contains(&group.id) {
            add_sets(want, group);
        }
        let Some(ports) = members.remove(&group.id) else {
            continue;
        };
        add_group(want, group, ports);
    }
    let acls = acl::basics(DROP_GROUP)
        .into_iter()
        .map(|(key, rule)| add_rule(want, key, &rule))
        .collect();
    add_port_group(want, "drop".into(), DROP_GROUP.into(), secured, acls);
}

fn add_group(want: &mut Want, group: &SecurityGroupSpec, ports: BTreeSet<Key>) {
    let own = name("pg", group.id);
    let acls = group
        .rules
        .iter()
        .map(|rule| {
            let set = |remote: SecurityGroupId, ipv6: bool| set_name(remote, ipv6);
            let rule_key = format!("rule:{}", rule.id);
            add_rule(want, rule_key, &acl::allow(&own, rule, set))
        })
        .collect();
    add_port_group(want, format!("group:{}", group.id), own, ports, acls);
}

fn add_port_group(
    want: &mut Want,
    key: Key,
    name: String,
    ports: BTreeSet<Key>,
    acls: BTreeSet<Key>,
) {
    let columns = [
        ("name", text(name)),
        ("ports", Value::Refs(ports)),
        ("acls", Value::Refs(acls)),
    ];
    want.add(Table::PortGroup, key, columns, []);
}

fn add_rule(want: &mut Want, key: Key, rule: &Rule) -> Key {
    let columns = [
        ("direction", text(rule.direction)),
        ("priority", Value::Number(rule.priority)),
        ("match", text(rule.condition.clone())),
        ("action", text(rule.action)),
    ];
    want.add(Table::Acl, key, columns, [])
}

fn set_name(group: SecurityGroupId, ipv6: bool) -> String {
    let family = if ipv6 { "6" } else { "4" };
    format!("{}_ip{family}", name("as", group))
}

fn add_sets(want: &mut Want, group: &SecurityGroupSpec) {
    for ipv6 in [false, true] {
        let of_family = |net: &&IpNet| matches!(net, IpNet::V6(_)) == ipv6;
        let addresses = group.members.iter().filter(of_family).map(|net| {
            if net.prefix_len() == net.max_prefix_len() {
                net.addr().to_string()
            } else {
                net.trunc().to_string()
            }
        });
        let columns = [
            ("name", text(set_name(group.id, ipv6))),
            ("addresses", texts(addresses)),
        ];
        let key = format!("members:{}:{}", group.id, if ipv6 { 6 } else { 4 });
        want.add(Table::AddressSet, key, columns, []);
    }
}
