//! Floating IPs: addresses outside, and the ports they lead to.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::Server;
use crate::network::wire::{FloatingIp, FloatingIpFields, Network, Port, Router};
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
use super::networks::mood;
use super::routers::outer_networks;
use super::{Entry, Object};

impl Row for FloatingIp {
    const KIND: &'static str = "floatingip";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.floating_ip_address
    }
}

impl Resource for FloatingIp {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.floatingip_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.floatingip_show(&id).await }))
    }
}

/// The server behind it.
fn server<'a>(row: &'a FloatingIp, facts: &Facts<'a>) -> Option<&'a Server> {
    let port = facts.data.get::<Port>(row.port_id.as_deref()?)?;
    facts.data.get::<Server>(&port.device_id)
}

fn status(row: &FloatingIp) -> Value<'_> {
    let (mood, word) = mood(&row.status, true);
    Value::State(mood, word.into())
}

static COLUMNS: [Column<FloatingIp>; 6] = [
    Column::new("address", (15, 24), 0, |row, _| {
        Value::text(&row.floating_ip_address)
    }),
    Column::new("status", (11, 11), 1, |row, _| status(row)),
    Column::new("leads to", (15, 24), 0, |row, _| {
        Value::maybe(row.fixed_ip_address.as_deref(), Value::text)
    }),
    Column::new("server", (10, 30), 0, |row, facts| {
        Value::maybe(server(row, facts), |server| Value::text(&server.name))
    }),
    Column::new("network", (10, 24), 2, |row, facts| {
        Value::text(facts.data.name_of::<Network>(&row.floating_network_id))
    }),
    Column::new("age", (4, 4), 3, |row, _| {
        Value::maybe(format::parse_time(&row.created_at), Value::Age)
    }),
];

static ACTIONS: [Action<FloatingIp>; 4] = [
    Action::make("floatingip.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::open_one(
        "floatingip.lead",
        |_| None,
        |row, facts| {
            let floating = row.clone();
            Box::new(FormOverlay::new(Box::new(Lead { floating }), facts))
        },
    ),
    Action::ask(
        "floatingip.free",
        "Take off",
        Risk::None,
        |row| row.port_id.is_none().then_some("leads nowhere"),
        |row, _| {
            let id = row.id.clone();
            let fields = FloatingIpFields {
                port_id: Some(None),
                ..FloatingIpFields::default()
            };
            call(format!("floating IP {id} free"), move |client| async move {
                client.floatingip_update(&id, fields).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "floatingip.delete",
        "Give back",
        Risk::Irreversible(|row, facts| {
            let server = server(row, facts);
            vec![server.map_or("it leads nowhere".to_owned(), |server| {
                format!("{} is not reached by it any more", server.name)
            })]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(
                format!("floating IP {id} delete"),
                move |client| async move {
                    client.floatingip_delete(&id).await?;
                    Ok(Done::default())
                },
            )
        },
    ),
];

static SPEC: Spec<FloatingIp> = Spec {
    view: "floatingips",
    title: "Floating IPs",
    noun: "floating IP",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<FloatingIp>(),
            Need::list::<Network>(),
            Need::list::<Port>(),
            Need::list::<Server>(),
            Need::list::<Router>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: None,
    empty: "No floating IPs yet. Press n to get one.",
};

fn describe<'a>(row: &'a FloatingIp, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Floating IP")
        .entry("address", Value::text(&row.floating_ip_address))
        .entry("description", Value::text(&row.description))
        .entry("status", status(row));
    let network = Value::text(facts.data.name_of::<Network>(&row.floating_network_id));
    doc.link("network", network, Network::KIND, &row.floating_network_id);
    if let Some(router) = row.router_id.as_deref() {
        let name = Value::text(facts.data.name_of::<Router>(router));
        doc.link("router", name, Router::KIND, router);
    }
    if let Some(port) = row.port_id.as_deref() {
        let address = Value::maybe(row.fixed_ip_address.as_deref(), Value::text);
        doc.link("leads to", address, Port::KIND, port);
    }
    if let Some(server) = server(row, facts) {
        doc.link(
            "server",
            Value::text(&server.name),
            Server::KIND,
            &server.id,
        );
    }
    doc.entry(
        "created",
        Value::maybe(format::parse_time(&row.created_at), Value::Age),
    )
    .entry("id", Value::text(&row.id));
    doc
}

/// Ports of servers, to choose from, by their servers' names.
fn server_ports(facts: &Facts<'_>) -> Vec<Choice> {
    let ports = facts.data.rows::<Port>().iter();
    ports
        .filter_map(|port| {
            let server = facts.data.get::<Server>(&port.device_id)?;
            let mut addresses = port.fixed_ips.iter();
            // None of IPv6 needs one.
            let address = addresses.find_map(|ip| {
                let address = ip.ip_address.as_deref();
                address.filter(|address| !address.contains(':'))
            })?;
            let network = facts.data.name_of::<Network>(&port.network_id);
            let note = format!("{address} on {network}");
            Some(Choice::new(&port.id, &server.name, note))
        })
        .collect()
}

fn needs() -> Vec<Need> {
    vec![
        Need::list::<Network>(),
        Need::list::<Port>(),
        Need::list::<Server>(),
    ]
}

struct Create;

impl Sheet for Create {
    fn title(&self) -> String {
        "Get a floating IP".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::choice("outside", "Network", "The network that leads outside").required(),
            Field::choice("port", "Server", "What it leads to; may be said later"),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        needs()
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Network>() {
            let outer = outer_networks(facts);
            if let [only] = outer.as_slice() {
                form.suggest("outside", &only.id);
            }
            form.offer("outside", outer);
        }
        if facts.data.is_loaded::<Port>() && facts.data.is_loaded::<Server>() {
            form.offer("port", server_ports(facts));
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let fields = FloatingIpFields {
            floating_network_id: form.filled("outside"),
            port_id: form.filled("port").map(Some),
            ..FloatingIpFields::default()
        };
        let target = Target {
            kind: FloatingIp::KIND,
            id: String::new(),
            name: "floating IP".to_owned(),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.floatingip_create(fields).await?;
            let text = format!("{} is yours", made.floating_ip_address);
            Ok(Done::made(made.id, &text))
        });
        cx.act("Get", vec![(target, request)]);
    }
}

/// Leading it to a server.
struct Lead {
    floating: FloatingIp,
}

impl Sheet for Lead {
    fn title(&self) -> String {
        format!("Where {} leads", self.floating.floating_ip_address)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let field = Field::choice("port", "Server", "By one of its ports").required();
        vec![match &self.floating.port_id {
            Some(port) => field.with(port),
            None => field,
        }]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        needs()
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Port>() && facts.data.is_loaded::<Server>() {
            form.offer("port", server_ports(facts));
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.floating.id.clone();
        let fields = FloatingIpFields {
            port_id: Some(form.filled("port")),
            ..FloatingIpFields::default()
        };
        let request = call(
            format!("floating IP {id} {fields:?}"),
            move |client| async move {
                client.floatingip_update(&id, fields).await?;
                Ok(Done::default())
            },
        );
        cx.act(
            "Lead",
            vec![(super::action::target(&self.floating), request)],
        );
    }
}

const FLOATING: &[&str] = &["floatingips"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "floatingips",
    commands: &[
        Command::new(
            "view.floatingips",
            "floating IPs",
            "Go to the floating IPs",
            &["global"],
        ),
        Command::new("floatingip.create", "new", "Get a floating IP", FLOATING)
            .mutating()
            .hint(6),
        Command::new("floatingip.lead", "lead", "Lead it to a server", FLOATING)
            .mutating()
            .hint(15),
        Command::new("floatingip.free", "take off", "Lead it nowhere", FLOATING)
            .mutating()
            .hint(16),
        Command::new("floatingip.delete", "give back", "Give it back", FLOATING)
            .mutating()
            .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: FloatingIp::KIND,
    objects: |data, out| {
        let rows = data.rows::<FloatingIp>().iter();
        out.extend(rows.map(|row| Object {
            kind: FloatingIp::KIND,
            id: row.id.clone(),
            name: row.floating_ip_address.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
