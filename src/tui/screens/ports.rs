//! Ports: the interfaces of networks, who has them and with which addresses.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::Server;
use crate::network::wire::{Network, Port, PortFields};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
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
use super::list::{List, Scope, Spec};
use super::networks::mood;
use super::{Entry, Object, Screen};

impl Row for Port {
    const KIND: &'static str = "port";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Port {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.port_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.port_show(&id).await }))
    }
}

fn addresses(row: &Port) -> Value<'_> {
    let mut all = row
        .fixed_ips
        .iter()
        .filter_map(|ip| ip.ip_address.as_deref());
    match (all.next(), all.next()) {
        (None, _) => Value::Absent,
        (Some(only), None) => Value::text(only),
        (Some(one), Some(other)) => {
            let all: Vec<&str> = [one, other].into_iter().chain(all).collect();
            Value::owned(all.join(" "))
        }
    }
}

/// The server that has it, or the kind of thing that does.
fn holder<'a>(row: &'a Port, facts: &Facts<'a>) -> &'a str {
    match facts.data.get::<Server>(&row.device_id) {
        Some(server) => &server.name,
        None if row.device_owner.is_empty() => &row.device_id,
        None => row
            .device_owner
            .rsplit(':')
            .next()
            .unwrap_or(&row.device_owner),
    }
}

static COLUMNS: [Column<Port>; 7] = [
    Column::new("address", (15, 30), 0, |row, _| addresses(row)),
    Column::new("status", (11, 11), 0, |row, _| {
        let (mood, word) = mood(&row.status, row.admin_state_up);
        Value::State(mood, word.into())
    }),
    Column::new("of", (12, 26), 0, |row, facts| {
        Value::text(holder(row, facts))
    }),
    Column::new("network", (10, 20), 1, |row, facts| {
        Value::text(facts.data.name_of::<Network>(&row.network_id))
    }),
    Column::new("mac", (17, 17), 2, |row, _| Value::text(&row.mac_address)),
    Column::new("host", (8, 14), 3, |row, _| {
        Value::maybe(row.host_id.as_deref(), Value::text)
    }),
    Column::new("name", (8, 24), 4, |row, _| Value::text(&row.name)),
];

static ACTIONS: [Action<Port>; 2] = [
    Action::make("port.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::ask(
        "port.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            let address = row
                .fixed_ips
                .first()
                .and_then(|ip| ip.ip_address.as_deref())
                .unwrap_or(&row.mac_address);
            let holder = holder(row, facts);
            if holder.is_empty() {
                vec![format!("{address}: nobody has it")]
            } else {
                vec![format!("{address}: {holder} loses it")]
            }
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("port {id} delete"), move |client| async move {
                client.port_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Port> = Spec {
    view: "ports",
    title: "Ports",
    noun: "port",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<Port>(),
            Need::list::<Network>(),
            Need::list::<Server>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(|row| mood(&row.status, row.admin_state_up)),
    empty: "No ports. Servers get theirs when they are launched.",
};

fn describe<'a>(row: &'a Port, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(&row.status, row.admin_state_up);
    doc.group("Port")
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()))
        .entry("ethernet", Value::text(&row.mac_address));
    for ip in &row.fixed_ips {
        let subnet = ip.subnet_id.as_deref().unwrap_or_default();
        doc.link(
            "address",
            Value::maybe(ip.ip_address.as_deref(), Value::text),
            "subnet",
            subnet,
        );
    }
    doc.link(
        "network",
        Value::text(facts.data.name_of::<Network>(&row.network_id)),
        "network",
        &row.network_id,
    );
    doc.link(
        "of",
        Value::text(holder(row, facts)),
        "server",
        &row.device_id,
    )
    .entry("for", Value::text(&row.device_owner));
    let host = row.host_id.as_deref();
    doc.link(
        "host",
        Value::maybe(host, Value::text),
        "host",
        host.unwrap_or_default(),
    )
    .entry(
        "interface",
        Value::maybe(row.vif_type.as_deref(), Value::text),
    )
    .entry(
        "anti-spoofing",
        Value::maybe(row.port_security_enabled, Value::flag),
    )
    .entry("security", Value::owned(row.security_groups.join(", ")))
    .entry("id", Value::text(&row.id));
    doc
}

/// The ports of a server.
pub fn of_device(id: &str) -> Box<dyn Screen> {
    let device = id.to_owned();
    let scope = Scope {
        title: "network".to_owned(),
        keeps: Box::new(move |row: &Port| row.device_id == device),
    };
    Box::new(List::scoped(&SPEC, scope))
}

struct Create;

impl Sheet for Create {
    fn title(&self) -> String {
        "Make a port".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::choice("network", "Network", "The network it belongs to").required(),
            Field::text("name", "Name", "What people call it"),
            Field::text(
                "address",
                "Address",
                "One of the network's; the next free one if empty",
            ),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Network>()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Network>() {
            let rows = facts.data.rows::<Network>().iter();
            form.offer(
                "network",
                rows.map(|network| Choice::new(&network.id, &network.name, ""))
                    .collect(),
            );
        }
    }

    fn check(&self, form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        super::subnets::check_addresses(&form.value("address"))
            .map(|why| ("address", why))
            .into_iter()
            .collect()
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let fixed = form.filled("address").map(|address| {
            vec![crate::network::wire::FixedIp {
                ip_address: Some(address),
                ..Default::default()
            }]
        });
        let fields = PortFields {
            network_id: form.filled("network"),
            name: form.filled("name"),
            fixed_ips: fixed,
            ..PortFields::default()
        };
        let target = Target {
            kind: Port::KIND,
            id: String::new(),
            name: form.filled("name").unwrap_or_else(|| "a port".to_owned()),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.port_create(fields).await?;
            Ok(Done::made(made.id, "made"))
        });
        cx.act("Create", vec![(target, request)]);
    }
}

const PORTS: &[&str] = &["ports"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "ports",
    commands: &[
        Command::new("view.ports", "ports", "Go to the ports", &["global"]),
        Command::new(
            "port.create",
            "new",
            "Make a port that no one has yet",
            PORTS,
        )
        .mutating()
        .hint(6),
        Command::new(
            "port.delete",
            "delete",
            "Delete it; who has it loses it",
            PORTS,
        )
        .mutating()
        .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Port::KIND,
    objects: |data, out| {
        let addressed = data.rows::<Port>().iter().flat_map(|row| {
            let addresses = row
                .fixed_ips
                .iter()
                .filter_map(|ip| ip.ip_address.as_deref());
            addresses.map(move |address| (row, address))
        });
        out.extend(addressed.map(|(row, address)| Object {
            kind: Port::KIND,
            id: row.id.clone(),
            name: address.to_owned(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
