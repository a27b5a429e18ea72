//! What security groups let through between real guests, each of ICMP, TCP and UDP, by IPv4 and IPv6, in both directions; a
//! part of the journey of [`super::tenants`].
//!
//! Each time what a guest reaches is asked as a whole, so that what is kept out is kept out while something else gets in.

use skydeck::client::Client;
use skydeck::network::wire::{PortFields, SecurityGroupFields, SecurityGroupRuleFields};

use super::cloud::PATIENCE;
use super::tenants::{Guest, heard};
use crate::lab::wait::wait_for_async;

/// All that a guest can reach another by, as `reach` of `tests/guest/init` says it.
const ALL: &str = "icmp4 icmp6 tcp4 tcp6 udp4 udp6";

/// Waits until a guest reaches another one by these ways and no other.
pub async fn reaches(client: &Client, from: &Guest, to: &[&str], wanted: &str) {
    let line = format!("reach {}", to.join(" "));
    let what = format!("{line} to say {wanted:?}");
    wait_for_async(&what, PATIENCE, async || {
        let said = heard(client, &from.id, &line, "GUEST-REACH").await;
        let ways = said.trim_start_matches("GUEST-REACH").trim().to_owned();
        eprintln!("{line}: {ways:?}");
        (ways == wanted).then_some(())
    })
    .await;
}

/// The other end of a rule.
enum Remote {
    Any,
    Prefix(&'static str),
    Group(String),
}

/// A rule: by which way, and to or from whom.
type Rule = (&'static str, Remote);

/// Replaces the rules of a group in one direction.
async fn allow(client: &Client, group: &str, direction: &str, rules: &[Rule]) {
    let before = client.security_group_show(group).await.expect("a group");
    let mut gone = before.security_group_rules;
    gone.retain(|rule| rule.direction == direction);
    for rule in gone {
        let deleted = client.security_rule_delete(&rule.id).await;
        deleted.expect("a rule to go");
    }
    for (way, remote) in rules {
        let (protocol, family) = way.split_at(way.len() - 1);
        let ports = match protocol {
            "tcp" => Some((80, 80)),
            // Of those that `traceroute` sends to.
            "udp" => Some((33434, 33534)),
            _ => None,
        };
        let fields = SecurityGroupRuleFields {
            security_group_id: group.to_owned(),
            direction: direction.to_owned(),
            ethertype: Some(format!("IPv{family}")),
            protocol: Some(
                if *way == "icmp6" {
                    "ipv6-icmp"
                } else {
                    protocol
                }
                .to_owned(),
            ),
            port_range_min: ports.map(|(first, _)| first),
            port_range_max: ports.map(|(_, last)| last),
            remote_group_id: match remote {
                Remote::Group(id) => Some(id.clone()),
                _ => None,
            },
            remote_ip_prefix: match remote {
                Remote::Prefix(prefix) => Some((*prefix).to_owned()),
                _ => None,
            },
            ..SecurityGroupRuleFields::default()
        };
        client.security_rule_create(fields).await.expect("a rule");
    }
}

async fn group(client: &Client, name: &str) -> String {
    let fields = SecurityGroupFields {
        name: Some(name.to_owned()),
        ..SecurityGroupFields::default()
    };
    let made = client.security_group_create(fields).await.expect("a group");
    made.id
}

/// Gives a guest's first port these groups; those that it had.
async fn set_groups(client: &Client, guest: &Guest, groups: &[&str]) -> Vec<String> {
    let before = client.port_show(&guest.port).await.expect("a port");
    let fields = PortFields {
        security_groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
        ..PortFields::default()
    };
    let changed = client.port_update(&guest.port, fields).await;
    changed.expect("a port to change");
    before.security_groups
}

/// `db` and `web` are on one network, `stranger` reaches `web` through a router, by IPv6 alone. They have the default group,
/// and have it again in the end.
pub async fn groups_decide(client: &Client, db: &Guest, web: &Guest, stranger: &Guest) {
    let to_web = [web.address.as_str(), web.address6.as_str()];
    let to_web6 = [web.address6.as_str()];
    // Members of a group that lets its members in.
    reaches(client, db, &to_web, ALL).await;
    reaches(client, stranger, &to_web6, "icmp6 tcp6 udp6").await;

    let (inward, peers) = (group(client, "inward").await, group(client, "peers").await);
    let default = set_groups(client, web, &[&inward]).await;
    let mut both: Vec<&str> = default.iter().map(String::as_str).collect();
    both.push(&peers);
    set_groups(client, db, &both).await;
    reaches(client, db, &to_web, "").await;
    let from_peers = || Remote::Group(peers.clone());
    let rules = [
        ("tcp4", from_peers()),
        ("udp4", Remote::Prefix("10.1.0.0/24")),
        ("icmp6", Remote::Any),
    ];
    allow(client, &inward, "ingress", &rules).await;
    reaches(client, db, &to_web, "icmp6 tcp4 udp4").await;
    reaches(client, stranger, &to_web6, "icmp6").await;
    let rules = [
        ("icmp4", from_peers()),
        ("tcp6", from_peers()),
        ("udp6", Remote::Any),
    ];
    allow(client, &inward, "ingress", &rules).await;
    reaches(client, db, &to_web, "icmp4 tcp6 udp6").await;
    reaches(client, stranger, &to_web6, "udp6").await;

    // What leaves is limited as well, by the groups of who sends.
    let all = ["icmp4", "icmp6", "tcp4", "tcp6", "udp4", "udp6"].map(|way| (way, Remote::Any));
    allow(client, &inward, "ingress", &all).await;
    allow(client, &peers, "egress", &[]).await;
    set_groups(client, db, &[&peers]).await;
    for ways in [["icmp6", "tcp4", "udp6"], ["icmp4", "tcp6", "udp4"]] {
        let rules = ways.map(|way| (way, Remote::Any));
        allow(client, &peers, "egress", &rules).await;
        reaches(client, db, &to_web, &ways.join(" ")).await;
    }
    for guest in [db, web] {
        let default: Vec<&str> = default.iter().map(String::as_str).collect();
        set_groups(client, guest, &default).await;
    }
}
