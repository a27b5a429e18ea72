//! The packet filter, as `nft` takes it: two tables of ours, changed in one transaction.
//!
//! `bridge skydeck` looks at every frame that comes out of a guest, by the name of its tap. A guest may send only with
//! its own Ethernet address, its own IPv4 and IPv6 addresses, among them the one that it makes of its Ethernet address for the
//! link alone, and (before it has one) DHCP requests and questions about neighbours and routers; it may not answer DHCP,
//! announce itself as a router or as its neighbour, or speak another protocol. Taps nobody told us of may send nothing: a guest can
//! not be faster than its rules. There is no connection tracking here; the rules need none.
//!
//! `inet skydeck` looks at what the node routes, and at what it bridges, where [`security`](super::security) groups
//! decide. Guests reach the world through address translation, where their
//! network has it; nothing reaches them unasked, neither from the world nor from other networks. Of the node itself they
//! reach DHCP, DNS, metadata and ping, nothing else: who runs a guest must not get at the control plane's machine.
//!
//! The rules stay the same whatever there is; ports and networks are elements of sets. What others have in nftables is
//! not touched, which also means that a rule of theirs may drop what is accepted here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use super::blueprint::{link_local6, mac_text};
use super::metadata::METADATA_PORT;
use super::ruleset::Table;
use super::security::Security;
use super::tunnel::PORT;
use crate::network::names::{BRIDGE_PREFIX, METADATA, METADATA6, TAP_PREFIX};

/// Name of our tables.
pub const TABLE: &str = "skydeck";
/// Families our tables are in.
pub const FAMILIES: [&str; 2] = ["inet", "bridge"];

/// Who may send what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Bridges, and whether their guests may reach the world.
    pub bridges: BTreeMap<String, bool>,
    /// Networks whose addresses become the node's own on the way out.
    pub translated: BTreeSet<Ipv4Net>,
    /// Taps, and what their guests may use; none: anything.
    pub ports: BTreeMap<String, Option<GuestPort>>,
    /// What their groups allow.
    pub security: Security,
}

/// Addresses a guest may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPort {
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Internet addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Further ranges, each from an Ethernet address.
    pub pairs: BTreeSet<([u8; 6], IpNet)>,
}

impl GuestPort {
    /// All Ethernet addresses it may use.
    fn macs(&self) -> BTreeSet<[u8; 6]> {
        let more = self.pairs.iter().map(|(mac, _)| *mac);
        more.chain([self.mac]).collect()
    }

    /// All its Internet addresses of one family, without overlaps.
    fn nets(&self, v4: bool) -> Vec<IpNet> {
        let own = self.addresses.iter().map(|address| IpNet::from(*address));
        let link = self.macs().into_iter().map(link_local6);
        let link = link.map(|address| IpNet::from(IpAddr::V6(address)));
        let all = own.chain(self.pairs.iter().map(|(_, net)| net.trunc()));
        let all = all.chain(link);
        let of_family = all.filter(|net| is_v4(*net) == v4);
        IpNet::aggregate(&of_family.collect())
    }
}

impl Filter {
    /// Whether any guest may reach the world, for which the node must forward packets.
    pub fn routes(&self) -> bool {
        self.bridges.values().any(|outward| *outward)
    }

    /// Our tables.
    pub fn tables(&self) -> [Table; 2] {
        let [mut inet, mut bridge] = FAMILIES.map(Table::new);
        self.write_inet(&mut inet);
        self.write_bridge(&mut bridge);
        [inet, bridge]
    }

    fn write_inet(&self, table: &mut Table) {
        let inside = self
            .bridges
            .keys()
            .map(|bridge| json!({"concat": [bridge, bridge]}));
        table.set("inside", json!(["ifname", "ifname"]), inside);
        let outward = self.bridges.iter().filter(|(_, outward)| **outward);
        table.set(
            "outward",
            json!("ifname"),
            outward.map(|(bridge, _)| json!(bridge)),
        );
        let translated: Vec<IpNet> = self.translated.iter().copied().map(IpNet::V4).collect();
        table.nets("translated", "ipv4_addr", &translated);
        let ours = format!("{BRIDGE_PREFIX}*");
        let (from, to) = (
            json!({"meta": {"key": "iifname"}}),
            json!({"meta": {"key": "oifname"}}),
        );
        self.security.write_zones(table);
        self.security.write_groups(table);
        table.chain("forward", "filter", 0);
        for ours in [is(&to, &ours), is(&from, &ours)] {
            self.security.write_open(table, &ours);
        }
        let bridged = is(concat([&from, &to]), "@inside");
        self.security
            .write_forward(table, &is(&from, &ours), &bridged);
        table.rule("forward", [bridged, accept()]);
        table.rule(
            "forward",
            [is(&from, "@outward"), is_not(&to, &ours), accept()],
        );
        table.rule("forward", [is(&from, &ours), drop()]);
        table.rule("forward", [is(&to, &ours), drop()]);
        self.security
            .write_epoch(table, [&is(&to, &ours), &is(&from, &ours)]);

        table.chain("input", "filter", 0);
        for (family, set) in [("ip", "@peers"), ("ip6", "@peers6")] {
            // Frames of tenants come from the nodes that have them, from nobody else.
            let tunnel = is(field("udp", "dport"), PORT);
            let stranger = is_not(field(family, "saddr"), set);
            table.rule("input", [tunnel, stranger, drop()]);
        }
        table.rule("input", [is_not(&from, &ours), accept()]);
        table.rule("input", [known(), accept()]);
        table.rule(
            "input",
            [
                is(field("udp", "dport"), json!({"set": [53, 67]})),
                accept(),
            ],
        );
        table.rule("input", [is(field("tcp", "dport"), 53), accept()]);
        table.rule("input", [is(field("ip", "protocol"), "icmp"), accept()]);
        // IPv6 is spoken on bridges that have an address of it.
        let wanted = json!({"set": [
            "echo-request", "nd-router-solicit", "nd-neighbor-solicit", "nd-neighbor-advert",
            "packet-too-big", "destination-unreachable", "time-exceeded",
            "mld-listener-report", "mld-listener-done", "mld2-listener-report",
        ]});
        table.rule("input", [is(field("icmpv6", "type"), wanted), accept()]);
        table.rule("input", [is(field("udp", "dport"), 547), accept()]);
        // Only what was meant for the metadata service, not whatever else listens at its port.
        let meant = |key: &str| json!({"ct": {"key": key, "dir": "original"}});
        table.rule("input", [is(meant("ip daddr"), METADATA), accept()]);
        table.rule("input", [is(meant("ip6 daddr"), METADATA6), accept()]);
        table.rule("input", [drop()]);

        // Elsewhere a namespace answers, and the kernel shows what is bridged to it to this chain as well.
        let routed = self
            .bridges
            .keys()
            .filter(|bridge| !self.security.zones.contains_key(*bridge));
        table.set("routed", json!("ifname"), routed.map(|name| json!(name)));
        table.hooked_chain("metadata", "prerouting", "nat", -100);
        for (family, address) in [("ip", METADATA.into()), ("ip6", IpAddr::V6(METADATA6))] {
            table.rule(
                "metadata",
                [
                    is(&from, "@routed"),
                    is(field(family, "daddr"), address),
                    is(field("tcp", "dport"), 80),
                    json!({"redirect": {"port": METADATA_PORT}}),
                ],
            );
        }
        table.chain("postrouting", "nat", 100);
        let masquerade = json!({"masquerade": null});
        table.rule(
            "postrouting",
            [
                is(field("ip", "saddr"), "@translated"),
                is_not(&to, &ours),
                masquerade,
            ],
        );
    }

    fn write_bridge(&self, table: &mut Table) {
        let secured = || {
            self.ports
                .iter()
                .filter_map(|(tap, port)| Some((tap, port.as_ref()?)))
        };
        let open = self.ports.iter().filter(|(_, port)| port.is_none());
        table.set("open", json!("ifname"), open.map(|(tap, _)| json!(tap)));
        let macs = secured().flat_map(|(tap, port)| {
            let concat = move |mac| json!({"concat": [tap, mac_text(mac)]});
            port.macs().into_iter().map(concat)
        });
        table.set("macs", json!(["ifname", "ether_addr"]), macs);
        for (name, kind, v4) in [
            ("addresses", "ipv4_addr", true),
            ("addresses6", "ipv6_addr", false),
        ] {
            let addresses = secured().flat_map(|(tap, port)| {
                let concat = move |net: IpNet| json!({"concat": [tap, net_value(net)]});
                port.nets(v4).into_iter().map(concat)
            });
            table.interval_set(name, json!(["ifname", kind]), addresses);
        }
        let from = json!({"meta": {"key": "iifname"}});
        let with = |protocol: &str, name: &str| concat([&from, &field(protocol, name)]);
        let kind = |name: &str| is(field("ether", "type"), name);
        let port = |name: &str, number: u16| is(field("udp", name), number);
        let router = json!({"set": ["nd-router-advert", "nd-redirect"]});
        let icmp6 = |types: Value| is(field("icmpv6", "type"), types);
        // Before it has an address it looks whether that is free, who listens, and who is the router.
        let looking = json!({"set": [
            "nd-router-solicit", "nd-neighbor-solicit", "mld-listener-report", "mld2-listener-report",
        ]});
        self.write_announcers(table);
        let announcer = json!({"vmap": {"key": from, "data": "@announcers"}});

        table.plain_chain("guest");
        for rule in [
            vec![is(&from, "@open"), accept()],
            vec![is_not(with("ether", "saddr"), "@macs"), drop()],
            vec![
                kind("arp"),
                is_not(with("arp", "saddr ether"), "@macs"),
                drop(),
            ],
            vec![
                kind("arp"),
                is(field("arp", "saddr ip"), "0.0.0.0"),
                accept(),
            ],
            vec![
                kind("arp"),
                is(with("arp", "saddr ip"), "@addresses"),
                accept(),
            ],
            vec![kind("ip"), port("sport", 67), drop()],
            vec![is(with("ip", "saddr"), "@addresses"), accept()],
            vec![
                is(field("ip", "saddr"), "0.0.0.0"),
                port("sport", 68),
                port("dport", 67),
                accept(),
            ],
            vec![kind("ip6"), is(field("icmpv6", "type"), router), drop()],
            vec![kind("ip6"), port("sport", 547), drop()],
            vec![kind("ip6"), icmp6(json!("nd-neighbor-advert")), announcer],
            vec![is(field("ip6", "saddr"), "::"), icmp6(looking), accept()],
            vec![is(with("ip6", "saddr"), "@addresses6"), accept()],
            vec![drop()],
        ] {
            table.rule("guest", rule);
        }
        self.security.write_marks(table);
        table.chain("prerouting", "filter", -200);
        Security::mark_sender(table, "prerouting");
        let jump = json!({"jump": {"target": "guest"}});
        table.rule("prerouting", [is(&from, format!("{TAP_PREFIX}*")), jump]);
    }
}

impl Filter {
    /// Chains that drop what a guest says of addresses that are not its own: that it has them.
    fn write_announcers(&self, table: &mut Table) {
        let secured = self
            .ports
            .iter()
            .filter_map(|(tap, port)| Some((tap, port.as_ref()?)));
        let mut chains = Vec::new();
        for (tap, port) in secured {
            // By its tap and not by a number: a port more or less leaves the others' chains as they are.
            let chain = format!("announce-{tap}");
            table.plain_chain(&chain);
            // Of RFC 4861, section 4.4: after type, code, checksum and flags.
            let target = json!({"payload": {"base": "th", "offset": 64, "len": 128}});
            let own: Vec<Value> = port.nets(false).into_iter().map(bits).collect();
            table.rule(&chain, [is_not(target, json!({"set": own})), drop()]);
            chains.push(json!([tap, {"jump": {"target": chain}}]));
        }
        table.map("announcers", "ifname", "verdict", chains);
    }
}

/// A network as `nft` takes it where it knows no addresses, but bits.
fn bits(net: IpNet) -> Value {
    let text = |address| format!("{:#034x}", number(address));
    if net.prefix_len() == net.max_prefix_len() {
        json!(text(net.addr()))
    } else {
        json!({"range": [text(net.network()), text(net.broadcast())]})
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Whether a network is of IPv4.
pub fn is_v4(net: IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

/// A network as an element of a set; one address as itself.
pub fn net_value(net: IpNet) -> Value {
    if net.prefix_len() == net.max_prefix_len() {
        json!(net.addr())
    } else {
        json!({"prefix": {"addr": net.network(), "len": net.prefix_len()}})
    }
}

/// Left equals right.
pub fn is(left: impl serde::Serialize, right: impl serde::Serialize) -> Value {
    json!({"match": {"op": "==", "left": left, "right": right}})
}

/// Left differs from right.
pub fn is_not(left: impl serde::Serialize, right: impl serde::Serialize) -> Value {
    json!({"match": {"op": "!=", "left": left, "right": right}})
}

/// A field of a protocol.
pub fn field(protocol: &str, name: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": name}})
}

/// Both together, as the key of a set.
pub fn concat(parts: [&Value; 2]) -> Value {
    json!({"concat": parts})
}

/// Matches what belongs to a connection that is open.
pub fn known() -> Value {
    json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}})
}

/// The verdict.
pub fn accept() -> Value {
    json!({"accept": null})
}

/// The verdict.
pub fn drop() -> Value {
    json!({"drop": null})
}

#[cfg(test)]
mod tests {
    use super::super::ruleset::{difference, remove_table, whole};
    use super::*;

    #[test]
    fn both_tables_are_removed_and_made_in_one_transaction() {
        let filter = Filter {
            bridges: [("sdb-1".to_owned(), true)].into(),
            translated: ["10.1.0.0/24".parse().unwrap()].into(),
            ports: [
                ("sdt-1".to_owned(), None),
                (
                    "sdt-2".to_owned(),
                    Some(GuestPort {
                        mac: [2, 0, 0, 0, 0, 1],
                        addresses: ["10.1.0.5".parse().unwrap(), "fd00::5".parse().unwrap()].into(),
                        pairs: [([2, 0, 0, 0, 0, 2], "10.1.1.0/24".parse().unwrap())].into(),
                    }),
                ),
            ]
            .into(),
            security: Security::default(),
        };
        let text = whole(&filter.tables()).to_string();
        for family in FAMILIES {
            let [add, delete] = remove_table(family, TABLE).map(|command| command.to_string());
            assert!(text.contains(&format!("{add},{delete},{add}")), "{text}");
        }
        for part in [
            r#"{"concat":["sdt-2","02:00:00:00:00:01"]}"#,
            r#"{"concat":["sdt-2","10.1.0.5"]}"#,
            r#"{"concat":["sdt-2","fd00::5"]}"#,
            r#"{"concat":["sdt-2","fe80::ff:fe00:1"]}"#,
            r#"{"set":["0xfd000000000000000000000000000005","0xfe80000000000000000000fffe000001","0xfe80000000000000000000fffe000002"]}"#,
            r#"["sdt-2",{"jump":{"target":"announce-sdt-2"}}]"#,
            r#"{"prefix":{"addr":"10.1.0.0","len":24}}"#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains(r#""concat":["sdt-1""#));

        // A port more, before the others in order, concerns no other.
        let mut more = filter.clone();
        let port = more.ports["sdt-2"].clone();
        more.ports.insert("sdt-0".to_owned(), port);
        let text = difference(&filter.tables(), &more.tables())
            .unwrap()
            .to_string();
        assert!(text.contains("announce-sdt-0"), "{text}");
        assert!(!text.contains("sdt-2"), "{text}");
    }
}
