//! Tables of nftables as data: written whole, or as what differs from what they were.
//!
//! A table is sets, maps and chains by name, in the words of `nft -j`. Written whole, it begins with its removal, so it is
//! right whatever was there. Written as a difference, it is right only if the table is exactly as the other one says; what
//! it costs depends on what differs, not on what there is. Both are one transaction: packets meet the old rules or the
//! new ones.
//!
//! In a transaction things are named before others name them: first sets and chains without content, then elements, which may
//! name chains, then rules, which name both; what goes is emptied before anything is removed.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::filter::{TABLE, net_value};

/// A table as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    family: &'static str,
    name: String,
    sets: BTreeMap<String, Set>,
    chains: BTreeMap<String, Chain>,
}

/// A set, or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    kind: &'static str,
    declaration: Value,
    /// By their text, which is how they are told apart.
    elements: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    /// Where it is hooked in; nothing for one that others jump to.
    hook: Value,
    rules: Vec<Value>,
}

impl Table {
    /// One of ours, of this family, without content.
    pub fn new(family: &'static str) -> Self {
        Self::named(family, TABLE)
    }

    /// One with a name of its own.
    pub fn named(family: &'static str, name: &str) -> Self {
        Self {
            family,
            name: name.to_owned(),
            sets: BTreeMap::new(),
            chains: BTreeMap::new(),
        }
    }

    fn put(
        &mut self,
        kind: &'static str,
        name: &str,
        declaration: Value,
        elements: impl Iterator<Item = Value>,
    ) {
        let set = Set {
            kind,
            declaration,
            elements: elements
                .map(|element| (element.to_string(), element))
                .collect(),
        };
        self.sets.insert(name.to_owned(), set);
    }

    /// A set.
    pub fn set(&mut self, name: &str, kind: Value, elements: impl Iterator<Item = Value>) {
        self.put("set", name, json!({"type": kind}), elements);
    }

    /// A set of ranges.
    pub fn interval_set(&mut self, name: &str, kind: Value, elements: impl Iterator<Item = Value>) {
        let declaration = json!({"type": kind, "flags": ["interval"]});
        self.put("set", name, declaration, elements);
    }

    /// A set of networks, which must not overlap.
    pub fn nets(&mut self, name: &str, kind: &str, nets: &[IpNet]) {
        self.interval_set(name, json!(kind), nets.iter().copied().map(net_value));
    }

    /// A map from one type to another; pairs of key and value.
    pub fn map(&mut self, name: &str, from: &str, to: &str, pairs: Vec<Value>) {
        let declaration = json!({"type": from, "map": to});
        self.put("map", name, declaration, pairs.into_iter());
    }

    /// A chain at a hook that has its name.
    pub fn chain(&mut self, hook: &str, kind: &str, priority: i32) {
        self.hooked_chain(hook, hook, kind, priority);
    }

    /// A chain at a hook.
    pub fn hooked_chain(&mut self, name: &str, hook: &str, kind: &str, priority: i32) {
        let hook = json!({"type": kind, "hook": hook, "prio": priority, "policy": "accept"});
        self.chains.entry(name.to_owned()).or_default().hook = hook;
    }

    /// A chain that others jump to.
    pub fn plain_chain(&mut self, name: &str) {
        self.chains.entry(name.to_owned()).or_default();
    }

    /// A rule at the end of a chain.
    pub fn rule(&mut self, chain: &str, statements: impl IntoIterator<Item = Value>) {
        let statements: Vec<Value> = statements.into_iter().collect();
        self.push(chain, json!({"expr": statements}));
    }

    /// The same with a comment, by which its counter is found again.
    pub fn commented_rule(
        &mut self,
        chain: &str,
        statements: impl IntoIterator<Item = Value>,
        comment: &str,
    ) {
        let statements: Vec<Value> = statements.into_iter().collect();
        self.push(chain, json!({"expr": statements, "comment": comment}));
    }

    fn push(&mut self, chain: &str, rule: Value) {
        let chain = self.chains.entry(chain.to_owned()).or_default();
        chain.rules.push(rule);
    }

    /// Commands that make it, whatever is there by its name.
    pub fn write(&self, commands: &mut Vec<Value>) {
        commands.extend(remove_table(self.family, &self.name));
        commands.push(json!({"add": {"table": {"family": self.family, "name": self.name}}}));
        let nothing = Self::named(self.family, &self.name);
        let made = self.write_change(&nothing, commands);
        debug_assert!(made, "nothing is declared otherwise");
    }

    /// Commands that make it of `before`, which is what is there; `false` if that can not be done but by [`Self::write`].
    #[must_use]
    pub fn write_change(&self, before: &Self, commands: &mut Vec<Value>) -> bool {
        let redeclared = |name: &String, set: &Set| {
            let old = before.sets.get(name);
            old.is_some_and(|old| (old.kind, &old.declaration) != (set.kind, &set.declaration))
        };
        let rehooked = |name: &String, chain: &Chain| {
            let old = before.chains.get(name);
            old.is_some_and(|old| old.hook != chain.hook)
        };
        if self.sets.iter().any(|(name, set)| redeclared(name, set))
            || self
                .chains
                .iter()
                .any(|(name, chain)| rehooked(name, chain))
        {
            return false;
        }
        self.write_names(before, commands);
        self.write_elements(before, commands);
        self.write_rules(before, commands);
        self.write_ends(before, commands);
        true
    }

    fn write_names(&self, before: &Self, commands: &mut Vec<Value>) {
        for (name, set) in &self.sets {
            if !before.sets.contains_key(name) {
                let declaration = self.named_object(name, set.declaration.clone());
                commands.push(json!({"add": {set.kind: declaration}}));
            }
        }
        for (name, chain) in &self.chains {
            if !before.chains.contains_key(name) {
                let declaration = match &chain.hook {
                    Value::Null => json!({}),
                    hook => hook.clone(),
                };
                commands.push(json!({"add": {"chain": self.named_object(name, declaration)}}));
            }
        }
    }

    fn write_elements(&self, before: &Self, commands: &mut Vec<Value>) {
        let none = BTreeMap::new();
        let change = |verb: &str, name: &str, elements: Vec<&Value>| {
            let object = self.named_object(name, json!({"elem": elements}));
            json!({verb: {"element": object}})
        };
        // Before any is added: another value of the same key, or a range that overlaps.
        for (name, set) in &self.sets {
            let old = before.sets.get(name).map_or(&none, |set| &set.elements);
            let gone = old
                .iter()
                .filter(|(text, _)| !set.elements.contains_key(*text));
            let gone: Vec<&Value> = gone.map(|(_, element)| element).collect();
            if !gone.is_empty() {
                commands.push(change("delete", name, gone));
            }
        }
        for (name, set) in &self.sets {
            let old = before.sets.get(name).map_or(&none, |set| &set.elements);
            let new = set
                .elements
                .iter()
                .filter(|(text, _)| !old.contains_key(*text));
            let new: Vec<&Value> = new.map(|(_, element)| element).collect();
            if !new.is_empty() {
                commands.push(change("add", name, new));
            }
        }
    }

    fn write_rules(&self, before: &Self, commands: &mut Vec<Value>) {
        for (name, chain) in &self.chains {
            let old = before.chains.get(name);
            if old.is_some_and(|old| old.rules == chain.rules) {
                continue;
            }
            if old.is_some_and(|old| !old.rules.is_empty()) {
                commands.push(self.flushed(name));
            }
            for rule in &chain.rules {
                let mut rule = rule.clone();
                rule["family"] = json!(self.family);
                rule["table"] = json!(self.name);
                rule["chain"] = json!(name);
                commands.push(json!({"add": {"rule": rule}}));
            }
        }
    }

    /// Removes what is not wanted any more. Nothing that stays names it by now; what goes may name each other.
    fn write_ends(&self, before: &Self, commands: &mut Vec<Value>) {
        let chains = before.chains.keys();
        let chains: Vec<&String> = chains
            .filter(|name| !self.chains.contains_key(*name))
            .collect();
        let sets = before.sets.iter();
        let sets: Vec<(&String, &Set)> = sets
            .filter(|(name, _)| !self.sets.contains_key(*name))
            .collect();
        for name in &chains {
            commands.push(self.flushed(name));
        }
        for (name, set) in sets {
            commands.push(json!({"delete": {set.kind: self.named_object(name, json!({}))}}));
        }
        for name in chains {
            commands.push(json!({"delete": {"chain": self.named_object(name, json!({}))}}));
        }
    }

    fn flushed(&self, chain: &str) -> Value {
        json!({"flush": {"chain": self.named_object(chain, json!({}))}})
    }

    fn named_object(&self, name: &str, mut object: Value) -> Value {
        object["family"] = json!(self.family);
        object["table"] = json!(self.name);
        object["name"] = json!(name);
        object
    }
}

/// The transaction that makes these tables, whatever is there by their names.
pub fn whole(tables: &[Table]) -> Value {
    let mut commands = Vec::new();
    for table in tables {
        table.write(&mut commands);
    }
    json!({ "nftables": commands })
}

/// The transaction that makes these tables of `before`, which are what is there, of the same families in the same order; none if
/// they can only be made as a whole.
pub fn difference(before: &[Table], tables: &[Table]) -> Option<Value> {
    let mut commands = Vec::new();
    let alike = before.len() == tables.len();
    let mut pairs = before.iter().zip(tables);
    let can = alike
        && pairs.all(|(before, table)| {
            (before.family, &before.name) == (table.family, &table.name)
                && table.write_change(before, &mut commands)
        });
    can.then(|| json!({ "nftables": commands }))
}

/// Commands that remove our tables of these families, whether they are there or not.
pub fn remove_tables(families: &[&str]) -> Vec<Value> {
    let commands = families.iter().map(|family| remove_table(family, TABLE));
    commands.flatten().collect()
}

/// Commands that remove a table, whether it is there or not.
pub fn remove_table(family: &str, name: &str) -> [Value; 2] {
    let table = json!({"table": {"family": family, "name": name}});
    // Deleting what is not there is an error; adding what is there is none.
    [json!({"add": table}), json!({"delete": table})]
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    /// What there is after a transaction, as `nft` would carry it out; refuses what `nft` refuses.
    fn after(mut world: Table, transaction: &Value) -> Table {
        for command in transaction["nftables"].as_array().unwrap() {
            let (verb, object) = command.as_object().unwrap().iter().next().unwrap();
            let (kind, fields) = object.as_object().unwrap().iter().next().unwrap();
            let name = fields["name"].as_str().unwrap_or_default().to_owned();
            let mut bare = fields.clone();
            for field in ["family", "table", "name", "chain"] {
                bare.as_object_mut().unwrap().remove(field);
            }
            match (verb.as_str(), kind.as_str()) {
                ("add", "set" | "map") => {
                    let kind = if kind == "set" { "set" } else { "map" };
                    assert!(!world.sets.contains_key(&name));
                    world.put(kind, &name, bare, std::iter::empty());
                }
                ("add", "chain") => {
                    assert!(!world.chains.contains_key(&name));
                    let hook = if bare == json!({}) { Value::Null } else { bare };
                    world.chains.insert(
                        name,
                        Chain {
                            hook,
                            rules: Vec::new(),
                        },
                    );
                }
                ("add", "rule") => {
                    for target in targets(&bare) {
                        assert!(world.chains.contains_key(&target), "{target} is not there");
                    }
                    let chain = fields["chain"].as_str().unwrap();
                    world.chains.get_mut(chain).unwrap().rules.push(bare);
                }
                ("add", "element") => {
                    for element in fields["elem"].as_array().unwrap() {
                        for target in targets(element) {
                            assert!(world.chains.contains_key(&target), "{target} is not there");
                        }
                        let set = world.sets.get_mut(&name).unwrap();
                        let key = |element: &Value| element.get(0).cloned();
                        let mut others = set.elements.values();
                        let same = key(element).is_some()
                            && others.any(|other| key(other) == key(element));
                        assert!(!same, "{element} has another value");
                        set.elements.insert(element.to_string(), element.clone());
                    }
                }
                ("delete", "element") => {
                    let set = world.sets.get_mut(&name).unwrap();
                    for element in fields["elem"].as_array().unwrap() {
                        assert!(set.elements.remove(&element.to_string()).is_some());
                    }
                }
                ("flush", "chain") => world.chains.get_mut(&name).unwrap().rules.clear(),
                ("delete", "set" | "map") => assert!(world.sets.remove(&name).is_some()),
                ("delete", "chain") => {
                    world.chains.remove(&name).unwrap();
                    let rules = world.chains.values().flat_map(|chain| &chain.rules);
                    let elements = world.sets.values().flat_map(|set| set.elements.values());
                    let mut all = rules.chain(elements).flat_map(targets);
                    assert!(all.all(|target| target != name), "{name} is jumped to");
                }
                other => panic!("{other:?}"),
            }
        }
        world
    }

    /// Chains that a rule or an element names.
    fn targets(value: &Value) -> Vec<String> {
        match value {
            Value::Object(fields) => {
                let own = fields.get("target").and_then(Value::as_str);
                let own = own.map(str::to_owned).into_iter();
                own.chain(fields.values().flat_map(targets)).collect()
            }
            Value::Array(values) => values.iter().flat_map(targets).collect(),
            _ => Vec::new(),
        }
    }

    /// Ports with chains of their own, jumped to by a map, and groups with rules.
    fn table(ports: &[(u8, u8)], rules: &[u8]) -> Table {
        let mut table = Table::new("inet");
        table.hooked_chain("forward", "forward", "filter", 0);
        for rule in rules {
            table.rule("group", [json!({"accept": rule})]);
        }
        let mut pairs = Vec::new();
        for (port, number) in ports {
            let chain = format!("in-{number}");
            table.rule(&chain, [json!({"jump": {"target": "group"}})]);
            table.commented_rule(&chain, [json!({"drop": null})], &format!("to {port}"));
            pairs.push(json!([port, {"jump": {"target": chain}}]));
        }
        table.plain_chain("group");
        table.map("in", "mark", "verdict", pairs);
        if !rules.is_empty() {
            table.set(
                "members",
                json!("ipv4_addr"),
                rules.iter().map(|rule| json!(rule)),
            );
        }
        table.rule("forward", [json!({"vmap": {"key": "mark", "data": "@in"}})]);
        table
    }

    proptest::proptest! {
        #[test]
        fn a_difference_makes_the_one_of_the_other(
            before in proptest::collection::btree_map(0..6_u8, 0..6_u8, 0..5),
            now in proptest::collection::btree_map(0..6_u8, 0..6_u8, 0..5),
            rules in (proptest::collection::vec(0..4_u8, 0..3), proptest::collection::vec(0..4_u8, 0..3)),
        ) {
            let pairs = |ports: std::collections::BTreeMap<u8, u8>| ports.into_iter().collect::<Vec<_>>();
            let before = table(&pairs(before), &rules.0);
            let now = table(&pairs(now), &rules.1);
            let transaction = difference(from_ref(&before), from_ref(&now)).unwrap();
            proptest::prop_assert_eq!(&after(before, &transaction), &now);
            let nothing = difference(from_ref(&now), from_ref(&now)).unwrap();
            proptest::prop_assert_eq!(nothing, json!({"nftables": []}));
        }
    }

    #[test]
    fn what_is_declared_otherwise_is_made_anew() {
        let mut before = Table::new("inet");
        before.set("a", json!("mark"), std::iter::empty());
        let mut now = Table::new("inet");
        now.interval_set("a", json!("mark"), std::iter::empty());
        assert_eq!(difference(from_ref(&before), &[now]), None);
        let mut hooked = before.clone();
        before.plain_chain("c");
        hooked.chain("c", "filter", 0);
        assert_eq!(difference(from_ref(&before), &[hooked]), None);
        assert_eq!(difference(&[before], &[]), None);
    }
}
