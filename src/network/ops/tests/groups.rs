//! Security groups and further addresses of ports: what may be, and what nodes are told of it.

use ipnet::IpNet;

use super::*;
use crate::ids::SecurityGroupId;
use crate::network::model::{
    AddressPair, Direction, Ethertype, NewSecurityGroup, NewSecurityRule, SecurityGroup,
    SecurityGroupChanges, SecurityRule,
};
use crate::network::rpc::{RuleRange, RuleRemote, SecurityGroupSpec};

async fn group(cx: &Context, name: &str) -> SecurityGroup {
    let new = NewSecurityGroup {
        name: name.to_owned(),
        ..NewSecurityGroup::default()
    };
    security_group_create(cx, new).await.unwrap()
}

fn rule(group: SecurityGroupId) -> NewSecurityRule {
    NewSecurityRule {
        group,
        description: String::new(),
        direction: Direction::Ingress,
        ethertype: None,
        protocol: Some("tcp".into()),
        min: Some(22),
        max: Some(22),
        remote_prefix: None,
        remote_group: None,
    }
}

fn from_group(group: SecurityGroupId, remote: SecurityGroupId) -> NewSecurityRule {
    NewSecurityRule {
        protocol: None,
        min: None,
        max: None,
        remote_group: Some(remote),
        ..rule(group)
    }
}

async fn default(cx: &Context) -> SecurityGroup {
    let all = security_group_list(cx).await.unwrap();
    let own = project(cx);
    let mut found = all
        .into_iter()
        .filter(|group| group.is_default && group.project == own);
    let first = found.next().unwrap();
    assert!(found.next().is_none());
    first
}

fn groups(groups: &[SecurityGroupId]) -> PortChanges {
    PortChanges {
        groups: Some(groups.to_vec()),
        ..PortChanges::default()
    }
}

fn pair(prefix: &str, mac: Option<&str>) -> AddressPair {
    AddressPair {
        mac: mac.map(str::to_owned),
        prefix: prefix
            .parse::<IpNet>()
            .unwrap_or_else(|_| IpNet::from(prefix.parse::<std::net::IpAddr>().unwrap())),
    }
}

fn words(rules: &[SecurityRule]) -> Vec<String> {
    let mut words: Vec<String> = rules.iter().map(SecurityRule::meaning).collect();
    words.sort();
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_project_has_one_default_group_whoever_needs_it_first() {
    let lab = lab().await;
    let lists = (0..16).map(|_| {
        let cx = lab.member.clone();
        tokio::spawn(async move { default(&cx).await.id })
    });
    let seen: BTreeSet<SecurityGroupId> = futures::future::join_all(lists)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(seen.len(), 1);
    let group = default(&lab.member).await;
    assert_eq!(
        words(&group.rules),
        [
            "egress IPv4 * *-* *".to_owned(),
            "egress IPv6 * *-* *".to_owned(),
            format!("ingress IPv4 * *-* {}", group.id),
            format!("ingress IPv6 * *-* {}", group.id),
        ]
    );
    let cx = &lab.member;
    let error = security_group_delete(cx, group.id).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupCannotRemoveDefault");
    let rename = |name: &str| SecurityGroupChanges {
        name: Some(name.to_owned()),
        ..SecurityGroupChanges::default()
    };
    let error = security_group_update(cx, group.id, rename("other"))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupCannotUpdateDefault");
    security_group_update(cx, group.id, rename("default"))
        .await
        .unwrap();
    let second = NewSecurityGroup {
        name: "default".into(),
        ..NewSecurityGroup::default()
    };
    let error = security_group_create(cx, second).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupDefaultAlreadyExists");
}

#[tokio::test]
async fn rules_come_and_go_and_are_never_there_twice() {
    let lab = lab().await;
    let cx = &lab.member;
    let web = group(cx, "web").await;
    assert_eq!(
        words(&web.rules),
        ["egress IPv4 * *-* *", "egress IPv6 * *-* *"]
    );
    let made = security_rule_create(cx, rule(web.id)).await.unwrap();
    assert_eq!(security_rule_show(cx, made.id).await.unwrap(), made);
    // The same in other words.
    let same = NewSecurityRule {
        protocol: Some("6".into()),
        ethertype: Some(Ethertype::Ipv4),
        ..rule(web.id)
    };
    let error = security_rule_create(cx, same).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupRuleExists");
    assert!(error.to_string().contains(&made.id.to_string()), "{error}");
    let wrong = NewSecurityRule {
        min: Some(23),
        ..rule(web.id)
    };
    let error = security_rule_create(cx, wrong).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupInvalidPortRange");
    for missing in [
        rule(SecurityGroupId::new()),
        from_group(web.id, SecurityGroupId::new()),
    ] {
        let error = security_rule_create(cx, missing).await.unwrap_err();
        assert_eq!(kind(&error), "SecurityGroupNotFound");
    }
    let all = security_rule_list(cx).await.unwrap();
    assert!(all.contains(&made));
    assert_eq!(security_rule_list(&lab.admin).await.unwrap().len(), 7 + 4);
    security_rule_delete(cx, made.id).await.unwrap();
    let error = security_rule_delete(cx, made.id).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupRuleNotFound");
    let after = security_group_show(cx, web.id).await.unwrap();
    assert_eq!((after.rules.len(), after.revision), (2, 3));
    // A group that is named by another's rule goes with that rule.
    let db = group(cx, "db").await;
    let named = security_rule_create(cx, from_group(db.id, web.id))
        .await
        .unwrap();
    security_group_delete(cx, web.id).await.unwrap();
    let error = security_rule_show(cx, named.id).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupRuleNotFound");
    let error = security_group_show(cx, web.id).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupNotFound");
}

#[tokio::test]
async fn a_port_has_the_default_group_unless_others_are_named_and_none_without_port_security() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let with = |security: bool, groups: Option<Vec<SecurityGroupId>>| NewPort {
        port_security: Some(security),
        groups,
        ..new_port(cx, network.id)
    };
    let port = port_create(cx, &with(true, None)).await.unwrap();
    let default = default(cx).await.id;
    assert_eq!(port.groups, [default]);
    assert_eq!(port_show(cx, port.id).await.unwrap(), port);
    let (web, db) = (group(cx, "web").await.id, group(cx, "db").await.id);
    let named = port_create(cx, &with(true, Some(vec![db, web, db])))
        .await
        .unwrap();
    assert_eq!(named.groups, [web, db]);
    let none = port_create(cx, &with(true, Some(vec![]))).await.unwrap();
    assert!(none.groups.is_empty());
    let open = port_create(cx, &with(false, None)).await.unwrap();
    assert!(open.groups.is_empty());
    let error = port_create(cx, &with(false, Some(vec![web])))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "PortSecurityAndIPRequiredForSecurityGroups");
    let error = port_update(cx, open.id, groups(&[web])).await.unwrap_err();
    assert_eq!(kind(&error), "PortSecurityAndIPRequiredForSecurityGroups");
    // Neither one's that nobody has, nor another project's.
    let foreign = group(&lab.admin, "foreign").await.id;
    for missing in [SecurityGroupId::new(), foreign] {
        let error = port_update(cx, port.id, groups(&[missing]))
            .await
            .unwrap_err();
        assert_eq!(kind(&error), "SecurityGroupNotFound");
    }
    let many: Vec<SecurityGroupId> = (0..33).map(|_| SecurityGroupId::new()).collect();
    let error = port_update(cx, port.id, groups(&many)).await.unwrap_err();
    assert_eq!(kind(&error), "Invalid");
    // A group in use stays.
    let after = port_update(cx, port.id, groups(&[web])).await.unwrap();
    assert_eq!(after.groups, [web]);
    let error = security_group_delete(cx, web).await.unwrap_err();
    assert_eq!(kind(&error), "SecurityGroupInUse");
    assert!(error.to_string().contains(&port.id.to_string()), "{error}");
    // Port security goes after the groups, or with them.
    let off = PortChanges {
        port_security: Some(false),
        ..PortChanges::default()
    };
    let error = port_update(cx, port.id, off.clone()).await.unwrap_err();
    assert_eq!(kind(&error), "PortSecurityPortHasSecurityGroup");
    let both = PortChanges {
        groups: Some(vec![]),
        ..off
    };
    let after = port_update(cx, port.id, both).await.unwrap();
    assert!(after.groups.is_empty() && !after.port_security);
    port_delete(cx, named.id).await.unwrap();
    security_group_delete(cx, web).await.unwrap();
}

#[tokio::test]
async fn further_addresses_are_few_and_need_port_security() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let with = |pairs: Vec<AddressPair>| NewPort {
        pairs,
        ..new_port(cx, network.id)
    };
    let made = with(vec![
        pair("10.9.0.128/25", Some("FA-16-3E-00-00-01")),
        pair("10.9.0.200", None),
        pair("10.8.0.9/16", None),
    ]);
    let port = port_create(cx, &made).await.unwrap();
    assert_eq!(
        port.pairs,
        [
            pair("10.8.0.0/16", None),
            pair("10.9.0.200", None),
            pair("10.9.0.128/25", Some("fa:16:3e:00:00:01")),
        ]
    );
    assert_eq!(port_show(cx, port.id).await.unwrap(), port);
    let many = (0..11).map(|at| pair(&format!("10.1.{at}.0/24"), None));
    for (pairs, expected) in [
        (many.collect(), "AllowedAddressPairExhausted"),
        (
            vec![pair("10.1.0.1", None), pair("10.1.0.1/32", None)],
            "DuplicateAddressPairInRequest",
        ),
        (vec![pair("10.1.0.1", Some("nonsense"))], "InvalidInput"),
    ] {
        let error = port_create(cx, &with(pairs)).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{error}");
    }
    let open = NewPort {
        port_security: Some(false),
        ..with(vec![pair("10.1.0.1", None)])
    };
    let error = port_create(cx, &open).await.unwrap_err();
    assert_eq!(kind(&error), "AddressPairAndPortSecurityRequired");
    let off = PortChanges {
        port_security: Some(false),
        groups: Some(vec![]),
        ..PortChanges::default()
    };
    let error = port_update(cx, port.id, off.clone()).await.unwrap_err();
    assert_eq!(kind(&error), "AddressPairAndPortSecurityRequired");
    let all = PortChanges {
        pairs: Some(vec![]),
        ..off
    };
    let after = port_update(cx, port.id, all).await.unwrap();
    assert!(after.pairs.is_empty());
    assert_eq!(port_show(cx, port.id).await.unwrap(), after);
}

/// What is wanted of a node, in generations.
async fn wanted(cx: &Context, host: &str) -> i64 {
    desired_of(cx, host).await.generation
}

fn spec(told: &NetworkDesired, id: SecurityGroupId) -> &SecurityGroupSpec {
    told.security_groups
        .iter()
        .find(|spec| spec.id == id)
        .unwrap()
}

fn members(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_node_is_told_the_groups_of_its_ports_and_who_is_in_those_that_they_name() {
    let lab = lab().await;
    let cx = &lab.member;
    let (one, _) = network(cx, "10.9.0.0/24").await;
    let (other, _) = network(cx, "10.8.0.0/24").await;
    let (web, db) = (group(cx, "web").await.id, group(cx, "db").await.id);
    let ssh = security_rule_create(cx, rule(web)).await.unwrap();
    let ping = NewSecurityRule {
        protocol: Some("icmp".into()),
        min: Some(8),
        max: None,
        remote_prefix: Some("10.0.0.0/8".parse().unwrap()),
        ..rule(web)
    };
    let ping = security_rule_create(cx, ping).await.unwrap();
    let named = security_rule_create(cx, from_group(db, web)).await.unwrap();
    let port = async |network: NetworkId, at: &str, groups: &[SecurityGroupId]| {
        let new = NewPort {
            addresses: wish(at),
            groups: Some(groups.to_vec()),
            ..new_port(cx, network)
        };
        port_create(cx, &new).await.unwrap().id
    };
    let server = port(one.id, "10.9.0.20", &[web]).await;
    let client = port(one.id, "10.9.0.10", &[db]).await;
    bind(cx, server, "n1").await;
    bind(cx, client, "n2").await;
    // The one with the rules is told the rules, and no members: nobody there asks who is in it.
    let told = desired_of(cx, "n1").await;
    assert_eq!(told.security_groups.len(), 1);
    let of_web = spec(&told, web);
    assert!(of_web.members.is_empty());
    let mut ids: Vec<_> = of_web.rules.iter().map(|rule| rule.id).collect();
    assert!(ids.is_sorted());
    ids.retain(|id| [ssh.id, ping.id].contains(id));
    assert_eq!(ids.len(), 2);
    let told_ssh = of_web.rules.iter().find(|rule| rule.id == ssh.id).unwrap();
    assert!(told_ssh.ingress && !told_ssh.ipv6);
    assert_eq!(
        (told_ssh.protocol, told_ssh.range, told_ssh.remote),
        (Some(6), RuleRange::Ports(22, 22), RuleRemote::Any)
    );
    let told_ping = of_web.rules.iter().find(|rule| rule.id == ping.id).unwrap();
    assert_eq!(
        (told_ping.protocol, told_ping.range, told_ping.remote),
        (
            Some(1),
            RuleRange::Icmp(8, None),
            RuleRemote::Prefix("10.0.0.0/8".parse().unwrap())
        )
    );
    let specs = &told.networks[0].ports;
    let spec_of = specs.iter().find(|spec| spec.id == server).unwrap();
    assert_eq!(spec_of.security_groups, Some(vec![web]));
    // The other one is told who is in the group that its rule names.
    let told = desired_of(cx, "n2").await;
    assert_eq!(told.security_groups.len(), 2);
    let of_db = spec(&told, db);
    let told_named = of_db.rules.iter().find(|rule| rule.id == named.id).unwrap();
    assert_eq!(told_named.remote, RuleRemote::Group(web));
    assert!(spec(&told, web).rules.is_empty());
    assert_eq!(spec(&told, web).members, members(&["10.9.0.20/32"]));

    // Who joins, in whatever network, is told to those who ask, and to nobody else.
    let before = (wanted(cx, "n1").await, wanted(cx, "n2").await);
    let far = port(other.id, "10.8.0.7", &[web]).await;
    let after = (wanted(cx, "n1").await, wanted(cx, "n2").await);
    assert!(
        after.0 == before.0 && after.1 > before.1,
        "{before:?} {after:?}"
    );
    let told = desired_of(cx, "n2").await;
    assert_eq!(
        spec(&told, web).members,
        members(&["10.8.0.7/32", "10.9.0.20/32"])
    );
    assert_eq!(told, desired_of(cx, "n2").await);
    // So are further addresses, but not all there are.
    let before = wanted(cx, "n2").await;
    let changes = PortChanges {
        pairs: Some(vec![
            pair("10.8.0.7", None),
            pair("10.8.9.0/24", None),
            pair("0.0.0.0/0", None),
        ]),
        ..PortChanges::default()
    };
    port_update(cx, far, changes).await.unwrap();
    let told = desired_of(cx, "n2").await;
    assert!(told.generation > before);
    assert_eq!(
        spec(&told, web).members,
        members(&["10.8.0.7/32", "10.8.9.0/24", "10.9.0.20/32"])
    );
    // Other addresses, other groups, and the end of a port.
    let moved = PortChanges {
        addresses: Some(vec![AddressWish {
            subnet: None,
            address: Some(IpAddr::from([10, 8, 0, 8])),
        }]),
        pairs: Some(vec![]),
        ..PortChanges::default()
    };
    for (change, expected) in [
        (Some(moved), vec!["10.8.0.8/32", "10.9.0.20/32"]),
        (Some(groups(&[])), vec!["10.9.0.20/32"]),
        (Some(groups(&[web])), vec!["10.8.0.8/32", "10.9.0.20/32"]),
        (None, vec!["10.9.0.20/32"]),
    ] {
        let before = wanted(cx, "n2").await;
        match change {
            Some(change) => drop(port_update(cx, far, change).await.unwrap()),
            None => port_delete(cx, far).await.unwrap(),
        }
        let told = desired_of(cx, "n2").await;
        assert!(told.generation > before, "{expected:?}");
        assert_eq!(spec(&told, web).members, members(&expected));
    }

    // Rules are told to nodes with ports that have the group, also while a port is on its way there.
    let mut tx = cx.db.begin().await.unwrap();
    port_expect_on_conn(&mut tx, &[server], Some("n3"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let hosts = ["n1", "n2", "n3"];
    let mut before = Vec::new();
    for host in hosts {
        before.push(wanted(cx, host).await);
    }
    security_rule_delete(cx, ssh.id).await.unwrap();
    for (host, before) in hosts.into_iter().zip(before) {
        let told = desired_of(cx, host).await;
        assert_eq!(told.generation > before, host != "n2", "{host}");
        let mut rules = told.security_groups.iter().flat_map(|group| &group.rules);
        assert!(rules.all(|rule| rule.id != ssh.id));
    }
    // A group that goes takes the rule with it that names it.
    let mut tx = cx.db.begin().await.unwrap();
    port_delete_on_conn(&mut tx, server).await.unwrap();
    tx.commit().await.unwrap();
    let before = wanted(cx, "n2").await;
    security_group_delete(cx, web).await.unwrap();
    let told = desired_of(cx, "n2").await;
    assert!(told.generation > before);
    assert_eq!(told.security_groups.len(), 1);
    assert_eq!(spec(&told, db).rules.len(), 2);
}

#[tokio::test]
async fn groups_are_found_by_name_or_id_and_two_of_one_name_are_told_apart() {
    let lab = lab().await;
    let cx = &lab.member;
    let web = group(cx, "web").await;
    group(&lab.admin, "web").await;
    let find = async |word: String| security_groups_named(cx, project(cx), &[word]).await;
    for word in ["web".to_owned(), web.id.to_string()] {
        let found = find(word).await.unwrap().remove(0).unwrap();
        assert_eq!(found.id, web.id);
    }
    assert!(find("default".into()).await.unwrap()[0].is_some());
    assert!(find("nothing".into()).await.unwrap()[0].is_none());
    group(cx, "web").await;
    let error = find("web".into()).await.unwrap_err();
    assert!(error.to_string().contains("Multiple"), "{error}");
    assert!(find(web.id.to_string()).await.unwrap()[0].is_some());
}

#[tokio::test]
async fn ports_from_before_security_groups_stay_open_once() {
    let lab = lab().await;
    let cx = &lab.member;
    let (network, _) = network(cx, "10.9.0.0/24").await;
    let without = NewPort {
        groups: Some(vec![]),
        ..new_port(cx, network.id)
    };
    let old = port_create(cx, &without).await.unwrap();
    let named = port_create(cx, &new_port(cx, network.id)).await.unwrap();
    bind(cx, old.id, "n1").await;
    let before = wanted(cx, "n1").await;
    for _ in 0..2 {
        network_start(&lab.admin, project(&lab.admin))
            .await
            .unwrap();
    }
    assert!(wanted(cx, "n1").await > before);
    let groups = port_show(cx, old.id).await.unwrap().groups;
    let open = security_group_show(cx, groups[0]).await.unwrap();
    assert_eq!(
        words(&open.rules),
        [
            "egress IPv4 * *-* *",
            "egress IPv6 * *-* *",
            "ingress IPv4 * *-* *",
            "ingress IPv6 * *-* *",
        ]
    );
    assert_eq!(
        port_show(cx, named.id).await.unwrap().groups,
        [default(cx).await.id]
    );
    let later = port_create(
        cx,
        &NewPort {
            groups: Some(vec![]),
            ..new_port(cx, network.id)
        },
    )
    .await
    .unwrap();
    network_start(&lab.admin, project(&lab.admin))
        .await
        .unwrap();
    assert!(port_show(cx, later.id).await.unwrap().groups.is_empty());
}
