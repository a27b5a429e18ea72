//! Security groups, as `nft` takes them: what may pass between a guest and everybody else.
//!
//! Frames know the tap, connections are known in the family of packets only. So the bridge table notes in the packet's
//! mark who sends it (upper half) and who gets it (lower half), by the names of the taps, and the rules for packets look
//! at these marks. A mark that is zero is of something that has no groups: a router, DHCP, another node. First what the
//! sender's groups allow, which clears its half; then what the receiver's groups allow. What belongs to a connection
//! that is open passes before that. What no rule allows is dropped, and counted: rules and drops have counters, and each
//! rule has the id of the security group's rule as its comment.
//!
//! Two tenants may have the same addresses: connections of each network are kept apart in a zone of their own. Networks
//! that the node itself routes are not, since their packets leave through others.
//!
//! What is open stays open only as long as it is allowed: a connection carries the digest of the rules it was allowed by
//! ([`Security::epoch`]) as its mark, and when that is not the present one, the next packet of who began it is looked at as
//! if it were the first. Answers need not be: nobody answers for long whom nobody asks.
//!
//! A guest that is being moved here brings connections that this node has never seen begin. Until it has arrived,
//! packets in the middle of a connection are let in, and so the node learns of it. Who began it nobody knows then, so
//! such connections are not looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::filter::{accept, drop, field, is, is_not, is_v4};
use super::ruleset::Table;
use super::tunnel::PORT;
use crate::ids::SecurityGroupId;
use crate::network::rpc::{RuleRange, RuleRemote, SecurityGroupSpec, SecurityRuleSpec};

/// Mask of the half of a mark that says who sends.
const SENDER: u32 = 0xffff_0000;
/// Mask of the half that says who gets it.
const RECEIVER: u32 = 0x0000_ffff;
/// Flags of TCP (RFC 9293): those that begin and end a connection, and the one that all packets in between have.
const OPENING: u8 = 0x07;
const ACK: u8 = 0x10;
/// Mark of connections that came with their guest.
const ARRIVED: u32 = 1;
/// Ports of one node that can have groups.
const MOST: usize = 0xffff;

/// What the node's guests may send and get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// Zones of the connections of bridges that the node does not route.
    pub zones: BTreeMap<String, u16>,
    /// Taps whose guests have groups.
    pub ports: BTreeMap<String, GroupedPort>,
    /// Groups that they have or that rules name.
    pub groups: BTreeMap<SecurityGroupId, SecurityGroupSpec>,
    /// Nodes with which this one has tunnels.
    pub peers: BTreeSet<IpAddr>,
}

/// A port with groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupedPort {
    /// Its groups; with none nothing passes.
    pub groups: Vec<SecurityGroupId>,
    /// Whether its guest is on its way here.
    pub arriving: bool,
}

impl Security {
    /// Taps with their numbers, from 1. A tap has the same one whatever others there are, unless these want it as well.
    fn numbered(&self) -> impl Iterator<Item = (usize, &String, &GroupedPort)> {
        let mut taken = BTreeSet::new();
        self.ports.iter().take(MOST).map(move |(tap, port)| {
            let hash = Sha256::digest(tap.as_bytes());
            let mut number = usize::from(u16::from_be_bytes([hash[0], hash[1]])) % MOST + 1;
            while !taken.insert(number) {
                number = number % MOST + 1;
            }
            (number, tap, port)
        })
    }

    /// A number for what is allowed to whom, by which connections know whether they were looked at since it changed.
    pub fn epoch(&self) -> u32 {
        let ports = self.ports.iter().map(|(tap, port)| (tap, &port.groups));
        let text = format!("{:?} {:?}", self.groups, ports.collect::<Vec<_>>());
        let bytes = Sha256::digest(text.as_bytes());
        let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        // Neither that of connections nobody looked at, nor that of those that came with a guest.
        number.max(ARRIVED + 1)
    }

    /// The rules for connections that are open, in a chain that `ours` limits to what goes from or to bridges of ours.
    pub fn write_open(&self, table: &mut Table, ours: &Value) {
        let marks = json!({"set": [ARRIVED, self.epoch()]});
        for open in [
            vec![state("related")],
            vec![state("established"), is(direction(), "reply")],
            vec![state("established"), is(connection_mark(), marks)],
        ] {
            let mut rule = vec![ours.clone()];
            rule.extend(open);
            rule.push(accept());
            table.rule("forward", rule);
        }
    }

    /// A chain behind all others, where what was allowed is told so.
    pub fn write_epoch(&self, table: &mut Table, ours: [&Value; 2]) {
        table.hooked_chain("allowed", "forward", "filter", 10);
        let old = is_not(connection_mark(), json!({"set": [ARRIVED, self.epoch()]}));
        for ours in ours {
            let began = is(direction(), "original");
            let set = set_connection_mark(self.epoch());
            table.rule("allowed", [ours.clone(), began, old.clone(), set]);
        }
    }

    /// The part in the bridge table: who sends, who gets it.
    pub fn write_marks(&self, table: &mut Table) {
        let senders = self
            .numbered()
            .map(|(number, tap, _)| json!([tap, number << 16]));
        table.map("senders", "ifname", "mark", senders.collect());
        for (number, _, _) in self.numbered() {
            table.plain_chain(&format!("to-{number}"));
            let kept = json!({"&": [mark(), SENDER]});
            let value = json!({"|": [kept, number]});
            table.rule(&format!("to-{number}"), [set_mark(value)]);
        }
        let receivers = self
            .numbered()
            .map(|(number, tap, _)| json!([tap, {"goto": {"target": format!("to-{number}")}}]));
        table.map("receivers", "ifname", "verdict", receivers.collect());
        // Before the kernel shows bridged packets to the rules for packets.
        table.chain("forward", "filter", -10);
        let by_name = json!({"key": {"meta": {"key": "oifname"}}, "data": "@receivers"});
        table.rule("forward", [json!({"vmap": by_name})]);
    }

    /// The rule that marks what comes out of a tap, for the chain that sees it first.
    pub fn mark_sender(table: &mut Table, chain: &str) {
        let by_name = json!({"map": {"key": {"meta": {"key": "iifname"}}, "data": "@senders"}});
        table.rule(chain, [set_mark(by_name)]);
    }

    /// Keeps connections of networks apart; a chain that sees packets before connections are looked up.
    pub fn write_zones(&self, table: &mut Table) {
        if self.zones.is_empty() {
            return;
        }
        table.chain("prerouting", "filter", -300);
        let pairs: Vec<Value> = self
            .zones
            .iter()
            .map(|(bridge, zone)| json!([bridge, zone]))
            .collect();
        let by_name = json!({"map": {"key": {"meta": {"key": "iifname"}}, "data": {"set": pairs}}});
        let zone = json!({"ct": {"key": "zone"}});
        table.rule(
            "prerouting",
            [json!({"mangle": {"key": zone, "value": by_name}})],
        );
    }

    /// What groups allow: sets and chains of groups and ports.
    pub fn write_groups(&self, table: &mut Table) {
        for group in self.groups.values() {
            for v4 in [true, false] {
                let kind = if v4 { "ipv4_addr" } else { "ipv6_addr" };
                let members: BTreeSet<IpNet> = group
                    .members
                    .iter()
                    .copied()
                    .filter(|net| is_v4(*net) == v4)
                    .collect();
                table.nets(
                    &members_set(group.id, v4),
                    kind,
                    &IpNet::aggregate(&members.into_iter().collect()),
                );
            }
        }
        for group in self.groups.values() {
            for ingress in [true, false] {
                let chain = group_chain(group.id, ingress);
                table.plain_chain(&chain);
                for rule in group.rules.iter().filter(|rule| rule.ingress == ingress) {
                    // A remote group that nobody told of has no members.
                    if let RuleRemote::Group(id) = rule.remote
                        && !self.groups.contains_key(&id)
                    {
                        continue;
                    }
                    table.commented_rule(&chain, statements(rule), &rule.id.to_string());
                }
            }
        }
        let counted = || [json!({"counter": {"packets": 0, "bytes": 0}}), drop()];
        for (number, tap, port) in self.numbered() {
            let groups = port.groups.iter().filter(|id| self.groups.contains_key(id));
            let (into, out) = (format!("in-{number}"), format!("out-{number}"));
            table.plain_chain(&into);
            table.plain_chain(&out);
            if port.arriving {
                let flags = json!({"&": [field("tcp", "flags"), OPENING | ACK]});
                let came = set_connection_mark(ARRIVED);
                table.rule(&into, [is(flags, ACK), came, accept()]);
            }
            for id in groups {
                let jump = |ingress| [json!({"jump": {"target": group_chain(*id, ingress)}})];
                table.rule(&into, jump(true));
                table.rule(&out, jump(false));
            }
            table.commented_rule(&into, counted(), &format!("to {tap}"));
            let unspoken = is(json!({"&": [mark(), SENDER]}), number << 16);
            let [count, gone] = counted();
            table.commented_rule(&out, [unspoken, count, gone], &format!("from {tap}"));
        }
        let verdicts = |direction: &str, shift: u32| -> Vec<Value> {
            let verdict = |number: usize| json!([number << shift, {"jump": {"target": format!("{direction}-{number}")}}]);
            self.numbered()
                .map(|(number, _, _)| verdict(number))
                .collect()
        };
        table.map("out", "mark", "verdict", verdicts("out", 16));
        table.map("in", "mark", "verdict", verdicts("in", 0));
    }

    /// The rules that see every packet between guests and others, after those for open connections. `bridged` matches
    /// packets that stay on their bridge.
    pub fn write_forward(&self, table: &mut Table, from_ours: &Value, bridged: &Value) {
        for v4 in [true, false] {
            let (name, kind, family) = if v4 {
                ("peers", "ipv4_addr", "ip")
            } else {
                ("peers6", "ipv6_addr", "ip6")
            };
            let peers: Vec<IpNet> = self
                .peers
                .iter()
                .map(|peer| IpNet::from(*peer))
                .filter(|net| is_v4(*net) == v4)
                .collect();
            table.nets(name, kind, &peers);
            // A guest whose packets leave under the node's own address could speak into other tenants' networks.
            let tunnel = is(field("udp", "dport"), PORT);
            let to_peer = is(field(family, "daddr"), format!("@{name}"));
            table.rule("forward", [from_ours.clone(), to_peer, tunnel, drop()]);
        }
        // Without these no guest has an address or finds its neighbours. That a guest is not the server of DHCP, nor the
        // router, is looked at in the bridge table.
        let neighbours = json!({"set": ["nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert"]});
        for needed in [
            vec![is(field("udp", "sport"), 68), is(field("udp", "dport"), 67)],
            vec![is(field("udp", "sport"), 67), is(field("udp", "dport"), 68)],
            vec![
                is(field("udp", "sport"), 546),
                is(field("udp", "dport"), 547),
            ],
            vec![
                is(field("udp", "sport"), 547),
                is(field("udp", "dport"), 546),
            ],
            vec![is(field("icmpv6", "type"), neighbours)],
        ] {
            let mut rule = vec![bridged.clone()];
            rule.extend(needed);
            rule.push(accept());
            table.rule("forward", rule);
        }
        for (half, verdicts) in [(SENDER, "@out"), (RECEIVER, "@in")] {
            let key = json!({"&": [mark(), half]});
            table.rule("forward", [json!({"vmap": {"key": key, "data": verdicts}})]);
        }
    }
}

fn mark() -> Value {
    json!({"meta": {"key": "mark"}})
}

fn connection_mark() -> Value {
    json!({"ct": {"key": "mark"}})
}

fn set_connection_mark(value: u32) -> Value {
    json!({"mangle": {"key": connection_mark(), "value": value}})
}

fn direction() -> Value {
    json!({"ct": {"key": "direction"}})
}

fn state(name: &str) -> Value {
    json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": name}})
}

fn set_mark(value: Value) -> Value {
    json!({"mangle": {"key": mark(), "value": value}})
}

fn members_set(group: SecurityGroupId, v4: bool) -> String {
    format!("{}-{}", if v4 { "m4" } else { "m6" }, group.short())
}

fn group_chain(group: SecurityGroupId, ingress: bool) -> String {
    format!("{}-{}", if ingress { "gi" } else { "ge" }, group.short())
}

/// One rule of a group. What comes to a guest is accepted; what a guest sends loses the sender's half of its mark and
/// goes on to the receiver's groups.
fn statements(rule: &SecurityRuleSpec) -> Vec<Value> {
    let (family, end) = (
        if rule.ipv6 { "ip6" } else { "ip" },
        if rule.ingress { "saddr" } else { "daddr" },
    );
    let nfproto = json!({"meta": {"key": "nfproto"}});
    let mut all = vec![is(nfproto, if rule.ipv6 { "ipv6" } else { "ipv4" })];
    if let Some(protocol) = rule.protocol {
        all.push(is(json!({"meta": {"key": "l4proto"}}), protocol));
    }
    match rule.range {
        RuleRange::Any => {}
        RuleRange::Ports(first, last) if first == last => all.push(is(field("th", "dport"), first)),
        RuleRange::Ports(first, last) => {
            all.push(is(field("th", "dport"), json!({"range": [first, last]})));
        }
        RuleRange::Icmp(kind, code) => {
            let protocol = if rule.ipv6 { "icmpv6" } else { "icmp" };
            all.push(is(field(protocol, "type"), kind));
            all.extend(code.map(|code| is(field(protocol, "code"), code)));
        }
    }
    match rule.remote {
        RuleRemote::Any => {}
        RuleRemote::Prefix(net) if net.prefix_len() == 0 => {}
        RuleRemote::Prefix(net) => {
            let prefix = json!({"prefix": {"addr": net.network(), "len": net.prefix_len()}});
            all.push(is(field(family, end), prefix));
        }
        RuleRemote::Group(id) => {
            let set = format!("@{}", members_set(id, !rule.ipv6));
            all.push(is(field(family, end), set));
        }
    }
    all.push(json!({"counter": {"packets": 0, "bytes": 0}}));
    if rule.ingress {
        all.push(accept());
    } else {
        all.push(set_mark(json!({"&": [mark(), RECEIVER]})));
    }
    all
}
