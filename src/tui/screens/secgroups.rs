//! Security groups, and what they allow.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::identity::wire::Project;
use crate::network::wire::{
    Port, SecurityGroup, SecurityGroupFields, SecurityGroupRule, SecurityGroupRuleFields,
};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
use crate::tui::format;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

/// Ports that are named in a group's description at most.
const SHOWN: usize = 200;

impl Row for SecurityGroup {
    const KIND: &'static str = "security_group";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for SecurityGroup {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.security_group_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(
            async move { client.security_group_show(&id).await },
        ))
    }
}

fn incoming(row: &SecurityGroup) -> usize {
    let rules = row.security_group_rules.iter();
    rules.filter(|rule| rule.direction == "ingress").count()
}

fn ports<'a>(row: &'a SecurityGroup, facts: &Facts<'a>) -> impl Iterator<Item = &'a Port> {
    let ports = facts.data.rows::<Port>().iter();
    ports.filter(|port| port.security_groups.contains(&row.id))
}

/// A rule in one line: `tcp 22 from 0.0.0.0/0`.
fn line(rule: &SecurityGroupRule, facts: &Facts<'_>) -> String {
    let protocol = rule.protocol.as_deref().unwrap_or("all");
    let is_icmp = protocol.contains("icmp") || protocol == "1" || protocol == "58";
    let range = match (rule.port_range_min, rule.port_range_max) {
        (Some(kind), None) if is_icmp => format!(" type {kind}"),
        (Some(kind), Some(code)) if is_icmp => format!(" type {kind} code {code}"),
        (Some(first), Some(last)) if first == last => format!(" {first}"),
        (Some(first), Some(last)) => format!(" {first}-{last}"),
        _ => String::new(),
    };
    let end = match (&rule.remote_ip_prefix, &rule.remote_group_id) {
        (Some(prefix), _) => prefix.clone(),
        (None, Some(group)) => format!("group {}", facts.data.name_of::<SecurityGroup>(group)),
        (None, None) if rule.ethertype == "IPv6" => "any IPv6".to_owned(),
        (None, None) => "any IPv4".to_owned(),
    };
    let way = if rule.direction == "ingress" {
        "from"
    } else {
        "to"
    };
    format!("{protocol}{range} {way} {end}")
}

static COLUMNS: [Column<SecurityGroup>; 7] = [
    Column::new("name", (12, 30), 0, |row, _| Value::text(&row.name)),
    Column::new(
        "in",
        (4, 6),
        0,
        |row, _| Value::Number(incoming(row) as f64),
    ),
    Column::new("out", (4, 6), 0, |row, _| {
        Value::Number((row.security_group_rules.len() - incoming(row)) as f64)
    }),
    Column::new("ports", (5, 6), 1, |row, facts| {
        Value::Number(ports(row, facts).count() as f64)
    }),
    Column::new("description", (12, 40), 3, |row, _| {
        Value::text(&row.description)
    }),
    Column::new("project", (8, 20), 2, |row, facts| {
        Value::text(facts.data.name_of::<Project>(&row.project_id))
    }),
    Column::new("age", (4, 4), 1, |row, _| {
        Value::maybe(format::parse_time(&row.created_at), Value::Age)
    }),
];

static ACTIONS: [Action<SecurityGroup>; 5] = [
    Action::make("secgroup.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::open_one(
        "secgroup.allow",
        |_| None,
        |row, facts| {
            let group = row.clone();
            Box::new(FormOverlay::new(Box::new(Allow { group }), facts))
        },
    ),
    Action::open_one(
        "secgroup.forbid",
        |row| {
            row.security_group_rules
                .is_empty()
                .then_some("has no rules")
        },
        |row, facts| {
            let group = row.clone();
            Box::new(FormOverlay::new(Box::new(Forbid { group }), facts))
        },
    ),
    Action::open_one(
        "secgroup.edit",
        |_| None,
        |row, facts| {
            let group = row.clone();
            Box::new(FormOverlay::new(Box::new(Edit { group }), facts))
        },
    ),
    Action::ask(
        "secgroup.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            let mut along = vec![format::count(row.security_group_rules.len(), "rule")];
            let ports = ports(row, facts).count();
            if ports > 0 {
                along.push(format!("{ports} ports have it: the cloud refuses"));
            }
            along
        }),
        |row| (row.name == "default").then_some("every project has one"),
        |row, _| {
            let id = row.id.clone();
            call(
                format!("security group {id} delete"),
                move |client| async move {
                    client.security_group_delete(&id).await?;
                    Ok(Done::default())
                },
            )
        },
    ),
];

static SPEC: Spec<SecurityGroup> = Spec {
    view: "secgroups",
    title: "Security groups",
    noun: "security group",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<SecurityGroup>(),
            Need::list::<Port>(),
            Need::list::<Project>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: None,
    empty: "No security groups yet. Press n to make one.",
};

fn describe<'a>(row: &'a SecurityGroup, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Security group")
        .entry("name", Value::text(&row.name))
        .entry("description", Value::text(&row.description))
        .entry("shared", Value::flag(row.shared));
    doc.link(
        "project",
        Value::text(facts.data.name_of::<Project>(&row.project_id)),
        "project",
        &row.project_id,
    )
    .entry(
        "created",
        Value::maybe(format::parse_time(&row.created_at), Value::Age),
    )
    .entry("id", Value::text(&row.id));
    for (title, direction) in [("Lets in", "ingress"), ("Lets out", "egress")] {
        doc.group(title);
        let rules = row.security_group_rules.iter();
        for rule in rules.filter(|rule| rule.direction == direction) {
            let text = Value::owned(line(rule, facts));
            match &rule.remote_group_id {
                Some(group) => doc.link(&rule.ethertype, text, SecurityGroup::KIND, group),
                None => doc.entry(&rule.ethertype, text),
            };
        }
    }
    doc.group("Ports");
    for port in ports(row, facts).take(SHOWN) {
        let address = port
            .fixed_ips
            .first()
            .and_then(|ip| ip.ip_address.as_deref());
        let what = if port.device_owner.is_empty() {
            "unused"
        } else {
            &port.device_owner
        };
        doc.link(
            what,
            Value::text(address.unwrap_or(&port.mac_address)),
            "port",
            &port.id,
        );
    }
    doc
}

struct Create;

impl Sheet for Create {
    fn title(&self) -> String {
        "Make a security group".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it").required(),
            Field::text("description", "Description", "For people"),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let fields = SecurityGroupFields {
            name: form.filled("name"),
            description: Some(form.value("description")),
            ..SecurityGroupFields::default()
        };
        let target = Target {
            kind: SecurityGroup::KIND,
            id: String::new(),
            name: form.value("name"),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.security_group_create(fields).await?;
            Ok(Done::made(made.id, "made; it lets out everything"))
        });
        cx.act("Create", vec![(target, request)]);
    }
}

struct Edit {
    group: SecurityGroup,
}

impl Sheet for Edit {
    fn title(&self) -> String {
        format!("Edit {}", self.group.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it")
                .required()
                .with(&self.group.name),
            Field::text("description", "Description", "For people").with(&self.group.description),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.group.id.clone();
        let fields = SecurityGroupFields {
            // The default one refuses any name, be it its own, in some clouds.
            name: form.filled("name").filter(|name| *name != self.group.name),
            description: Some(form.value("description")),
            ..SecurityGroupFields::default()
        };
        let request = call(
            format!("security group {id} {fields:?}"),
            move |client| async move {
                client.security_group_update(&id, fields).await?;
                Ok(Done::default())
            },
        );
        cx.act("Edit", vec![(super::action::target(&self.group), request)]);
    }
}

/// Adding a rule.
struct Allow {
    group: SecurityGroup,
}

impl Sheet for Allow {
    fn title(&self) -> String {
        format!("What {} allows", self.group.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let ways = vec![
            Choice::new("ingress", "in", "What comes to its ports"),
            Choice::new("egress", "out", "What its ports send"),
        ];
        vec![
            Field::choice("direction", "Direction", "For what comes in, or goes out")
                .of(ways)
                .required()
                .with("ingress"),
            Field::text(
                "protocol",
                "Protocol",
                "tcp, udp, icmp, …, or a number; any if empty",
            )
            .with("tcp"),
            Field::text(
                "ports",
                "Ports",
                "22, or 8000-8080; with icmp the type; all if empty",
            ),
            Field::text(
                "remote",
                "Other end",
                "Addresses like 10.0.0.0/8, or the name of a group; anybody if empty",
            ),
            Field::toggle("ipv6", "IPv6", "Where the other end does not say", false),
            Field::text("description", "Description", "For people"),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<SecurityGroup>()]
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = range(&form.value("ports")) {
            wrong.push(("ports", why));
        }
        if form.filled("ports").is_some() && form.filled("protocol").is_none() {
            wrong.push(("protocol", "ports are of a protocol".to_owned()));
        }
        if let Some(remote) = form.filled("remote")
            && !is_addresses(&remote)
            && group_named(&remote, facts).is_none()
        {
            wrong.push((
                "remote",
                "neither addresses nor the name of one group".to_owned(),
            ));
        }
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let (min, max) = range(&form.value("ports")).unwrap_or_default();
        let protocol = form.filled("protocol");
        let is_icmp = protocol.as_deref().is_some_and(|p| p.contains("icmp"));
        let remote = form.filled("remote");
        let group = remote
            .as_deref()
            .filter(|text| !is_addresses(text))
            .and_then(|text| group_named(text, &cx.facts));
        let prefix = remote.filter(|text| is_addresses(text));
        let is_ipv6 = match &prefix {
            Some(prefix) => prefix.contains(':'),
            None => form.is_on("ipv6"),
        };
        let fields = SecurityGroupRuleFields {
            security_group_id: self.group.id.clone(),
            direction: form.value("direction"),
            ethertype: Some(if is_ipv6 { "IPv6" } else { "IPv4" }.to_owned()),
            protocol,
            port_range_min: min,
            port_range_max: if is_icmp { None } else { max },
            remote_group_id: group,
            remote_ip_prefix: prefix,
            description: form.filled("description"),
            ..SecurityGroupRuleFields::default()
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            client.security_rule_create(fields).await?;
            Ok(Done::default())
        });
        cx.act("Allow", vec![(super::action::target(&self.group), request)]);
    }
}

fn is_addresses(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}

/// The id of the only group of this name, or of this id.
fn group_named(text: &str, facts: &Facts<'_>) -> Option<String> {
    let rows = facts.data.rows::<SecurityGroup>().iter();
    let mut named = rows.filter(|group| group.name == text || group.id == text);
    match (named.next(), named.next()) {
        (Some(group), None) => Some(group.id.clone()),
        _ => None,
    }
}

/// `22`, `8000-8080`, or nothing.
fn range(text: &str) -> Result<(Option<i64>, Option<i64>), String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok((None, None));
    }
    let number = |part: &str| part.trim().parse::<u16>().map(i64::from);
    let (first, last) = text.split_once(['-', ':']).unwrap_or((text, text));
    match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first <= last => Ok((Some(first), Some(last))),
        _ => Err("a number, or two with a hyphen between, the lower one first".to_owned()),
    }
}

/// Deleting a rule.
struct Forbid {
    group: SecurityGroup,
}

impl Sheet for Forbid {
    fn title(&self) -> String {
        format!("Take a rule from {}", self.group.name)
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let rules = self.group.security_group_rules.iter();
        let choices = rules.map(|rule| {
            let label = format!("{} {}", rule.ethertype, line(rule, facts));
            Choice::new(&rule.id, &label, rule.description.as_str())
        });
        vec![
            Field::choice("rule", "Rule", "What is not allowed any more")
                .of(choices.collect())
                .required(),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = form.value("rule");
        let request = call(
            format!("security group rule {id} delete"),
            move |client| async move {
                client.security_rule_delete(&id).await?;
                Ok(Done::default())
            },
        );
        cx.act(
            "Forbid",
            vec![(super::action::target(&self.group), request)],
        );
    }
}

const SECGROUPS: &[&str] = &["secgroups"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "secgroups",
    commands: &[
        Command::new(
            "view.secgroups",
            "security groups",
            "Go to the security groups",
            &["global"],
        ),
        Command::new("secgroup.create", "new", "Make a security group", SECGROUPS)
            .mutating()
            .hint(6),
        Command::new(
            "secgroup.allow",
            "allow",
            "Add a rule that allows something",
            SECGROUPS,
        )
        .mutating()
        .hint(15),
        Command::new("secgroup.forbid", "forbid", "Delete a rule", SECGROUPS)
            .mutating()
            .hint(16),
        Command::new(
            "secgroup.edit",
            "edit",
            "Change name or description",
            SECGROUPS,
        )
        .mutating()
        .hint(20),
        Command::new(
            "secgroup.delete",
            "delete",
            "Delete it with its rules",
            SECGROUPS,
        )
        .mutating()
        .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: SecurityGroup::KIND,
    objects: |data, out| {
        let rows = data.rows::<SecurityGroup>().iter();
        out.extend(rows.map(|row| Object {
            kind: SecurityGroup::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
