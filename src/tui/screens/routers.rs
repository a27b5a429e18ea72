//! Routers: which networks they join, and their way out.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::network::wire::{FloatingIp, GatewayInfo, Network, Port, Router, RouterFields, Subnet};
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
use super::{Entry, Object};

/// `device_owner` of routers' ports inside.
const INTERFACE: &str = "network:router_interface";

impl Row for Router {
    const KIND: &'static str = "router";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Router {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.router_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.router_show(&id).await }))
    }
}

/// A router's ports inside.
fn inside<'a>(row: &'a Router, facts: &Facts<'a>) -> impl Iterator<Item = &'a Port> {
    let ports = facts.data.rows::<Port>().iter();
    ports.filter(|port| port.device_id == row.id && port.device_owner == INTERFACE)
}

/// Subnets that a router has interfaces on.
fn subnets<'a>(row: &'a Router, facts: &Facts<'a>) -> Vec<&'a Subnet> {
    let ips = inside(row, facts).flat_map(|port| &port.fixed_ips);
    let ids = ips.filter_map(|ip| ip.subnet_id.as_deref());
    ids.filter_map(|id| facts.data.get::<Subnet>(id)).collect()
}

/// The network it leads out by.
fn outside(row: &Router) -> Option<&str> {
    row.external_gateway_info.as_ref()?.network_id.as_deref()
}

/// The address it leads out by.
fn outer(row: &Router) -> Option<&str> {
    let ips = row
        .external_gateway_info
        .as_ref()?
        .external_fixed_ips
        .as_ref()?;
    ips.first()?.ip_address.as_deref()
}

fn status(row: &Router) -> Value<'_> {
    let (mood, word) = mood(&row.status, row.admin_state_up);
    Value::State(mood, word.into())
}

static COLUMNS: [Column<Router>; 6] = [
    Column::new("name", (12, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (11, 11), 0, |row, _| status(row)),
    Column::new("joins", (16, 48), 0, |row, facts| {
        let cidrs = subnets(row, facts);
        let cidrs: Vec<&str> = cidrs.iter().map(|subnet| subnet.cidr.as_str()).collect();
        Value::owned(cidrs.join(" "))
    }),
    Column::new("way out", (10, 24), 1, |row, facts| {
        Value::maybe(outside(row), |id| {
            Value::text(facts.data.name_of::<Network>(id))
        })
    }),
    Column::new("address", (14, 24), 2, |row, _| {
        Value::maybe(outer(row), Value::text)
    }),
    Column::new("age", (4, 4), 3, |row, _| {
        Value::maybe(format::parse_time(&row.created_at), Value::Age)
    }),
];

static ACTIONS: [Action<Router>; 5] = [
    Action::make("router.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::open_one(
        "router.join",
        |_| None,
        |row, facts| {
            let router = row.clone();
            Box::new(FormOverlay::new(Box::new(Join { router }), facts))
        },
    ),
    Action::open_one(
        "router.part",
        |_| None,
        |row, facts| {
            let router = row.clone();
            Box::new(FormOverlay::new(Box::new(Part { router }), facts))
        },
    ),
    Action::open_one(
        "router.edit",
        |_| None,
        |row, facts| {
            let router = row.clone();
            Box::new(FormOverlay::new(Box::new(Edit { router }), facts))
        },
    ),
    Action::ask(
        "router.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            let interfaces = inside(row, facts).count();
            vec![match interfaces {
                0 => "it joins nothing".to_owned(),
                some => format!("{some} interfaces: the cloud refuses until they are taken"),
            }]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("router {id} delete"), move |client| async move {
                client.router_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Router> = Spec {
    view: "routers",
    title: "Routers",
    noun: "router",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<Router>(),
            Need::list::<Network>(),
            Need::list::<Subnet>(),
            Need::list::<Port>(),
            Need::list::<FloatingIp>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: None,
    empty: "No routers yet. Press n to make one.",
};

fn describe<'a>(row: &'a Router, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Router")
        .entry("name", Value::text(&row.name))
        .entry("description", Value::text(&row.description))
        .entry("status", status(row))
        .entry("carries packets", Value::flag(row.admin_state_up))
        .entry(
            "created",
            Value::maybe(format::parse_time(&row.created_at), Value::Age),
        )
        .entry("id", Value::text(&row.id));
    doc.group("Way out");
    match outside(row) {
        None => {
            doc.entry("network", Value::text("none"));
        }
        Some(id) => {
            let name = Value::text(facts.data.name_of::<Network>(id));
            doc.link("network", name, Network::KIND, id);
            doc.entry("address", Value::maybe(outer(row), Value::text));
            let info = row.external_gateway_info.as_ref();
            let snat = info.and_then(|info| info.enable_snat).unwrap_or(false);
            doc.entry("translates addresses", Value::flag(snat));
        }
    }
    doc.group("Joins");
    for port in inside(row, facts) {
        for ip in &port.fixed_ips {
            let subnet = ip.subnet_id.as_deref().unwrap_or_default();
            let cidr = facts.data.get::<Subnet>(subnet);
            doc.link(
                cidr.map_or("?", |subnet| subnet.cidr.as_str()),
                Value::maybe(ip.ip_address.as_deref(), Value::text),
                Subnet::KIND,
                subnet,
            );
        }
    }
    for route in &row.routes {
        doc.entry(
            "route",
            Value::owned(format!("{} by {}", route.destination, route.nexthop)),
        );
    }
    doc.group("Floating IPs");
    let floating = facts.data.rows::<FloatingIp>().iter();
    for one in floating.filter(|one| one.router_id.as_deref() == Some(&row.id)) {
        doc.link(
            &one.floating_ip_address,
            Value::maybe(one.fixed_ip_address.as_deref(), Value::text),
            FloatingIp::KIND,
            &one.id,
        );
    }
    doc
}

/// Networks that lead outside, to choose from.
pub fn outer_networks(facts: &Facts<'_>) -> Vec<Choice> {
    let rows = facts.data.rows::<Network>().iter();
    rows.filter(|network| network.external)
        .map(|network| Choice::new(&network.id, &network.name, ""))
        .collect()
}

fn gateway(form: &Form) -> Option<GatewayInfo> {
    let network = form.filled("outside")?;
    Some(GatewayInfo {
        network_id: Some(network),
        ..GatewayInfo::default()
    })
}

struct Create;

impl Sheet for Create {
    fn title(&self) -> String {
        "Make a router".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it").required(),
            Field::choice(
                "outside",
                "Way out",
                "A network that leads outside; none if empty",
            ),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Network>()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Network>() {
            form.offer("outside", outer_networks(facts));
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let fields = RouterFields {
            name: form.filled("name"),
            external_gateway_info: gateway(form).map(Some),
            ..RouterFields::default()
        };
        let target = Target {
            kind: Router::KIND,
            id: String::new(),
            name: form.value("name"),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.router_create(fields).await?;
            Ok(Done::made(made.id, "made; it joins nothing yet"))
        });
        cx.act("Create", vec![(target, request)]);
    }
}

struct Edit {
    router: Router,
}

impl Sheet for Edit {
    fn title(&self) -> String {
        format!("Edit {}", self.router.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let way = Field::choice("outside", "Way out", "backspace takes it out: none");
        vec![
            Field::text("name", "Name", "What people call it")
                .required()
                .with(&self.router.name),
            match outside(&self.router) {
                Some(id) => way.with(id),
                None => way,
            },
            Field::toggle(
                "up",
                "Carries packets",
                "Off stops it",
                self.router.admin_state_up,
            ),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Network>()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Network>() {
            form.offer("outside", outer_networks(facts));
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.router.id.clone();
        let moved = form.filled("outside").as_deref() != outside(&self.router);
        let fields = RouterFields {
            name: form.filled("name"),
            admin_state_up: Some(form.is_on("up")),
            external_gateway_info: moved.then(|| gateway(form)),
            ..RouterFields::default()
        };
        let request = call(
            format!("router {id} {fields:?}"),
            move |client| async move {
                client.router_update(&id, fields).await?;
                Ok(Done::default())
            },
        );
        cx.act("Edit", vec![(super::action::target(&self.router), request)]);
    }
}

/// An interface more.
struct Join {
    router: Router,
}

impl Sheet for Join {
    fn title(&self) -> String {
        format!("Join a subnet to {}", self.router.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let help = "The router gets its gateway's address";
        vec![Field::choice("subnet", "Subnet", help).required()]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![
            Need::list::<Subnet>(),
            Need::list::<Network>(),
            Need::list::<Port>(),
        ]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if !facts.data.is_loaded::<Subnet>() {
            return;
        }
        let joined = subnets(&self.router, facts);
        let free = facts.data.rows::<Subnet>().iter().filter(|subnet| {
            let network = facts.data.get::<Network>(&subnet.network_id);
            !joined.iter().any(|other| other.id == subnet.id)
                && !network.is_some_and(|network| network.external)
        });
        let choices = free.map(|subnet| {
            let network = facts.data.name_of::<Network>(&subnet.network_id);
            let label = if subnet.name.is_empty() {
                &subnet.cidr
            } else {
                &subnet.name
            };
            Choice::new(&subnet.id, label, format!("{} of {network}", subnet.cidr))
        });
        form.offer("subnet", choices.collect());
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let (id, subnet) = (self.router.id.clone(), form.value("subnet"));
        let request = call(
            format!("router {id} add {subnet}"),
            move |client| async move {
                client.router_subnet_add(&id, &subnet).await?;
                Ok(Done::default())
            },
        );
        cx.act("Join", vec![(super::action::target(&self.router), request)]);
    }
}

/// An interface less.
struct Part {
    router: Router,
}

impl Sheet for Part {
    fn title(&self) -> String {
        format!("Take a subnet from {}", self.router.name)
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let joined = subnets(&self.router, facts).into_iter();
        let choices = joined.map(|subnet| {
            let network = facts.data.name_of::<Network>(&subnet.network_id);
            Choice::new(&subnet.id, &subnet.cidr, format!("of {network}"))
        });
        vec![
            Field::choice("subnet", "Subnet", "Its guests lose their way out")
                .of(choices.collect())
                .required(),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let (id, subnet) = (self.router.id.clone(), form.value("subnet"));
        let request = call(
            format!("router {id} remove {subnet}"),
            move |client| async move {
                client.router_subnet_remove(&id, &subnet).await?;
                Ok(Done::default())
            },
        );
        cx.act("Part", vec![(super::action::target(&self.router), request)]);
    }
}

const ROUTERS: &[&str] = &["routers"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "routers",
    commands: &[
        Command::new("view.routers", "routers", "Go to the routers", &["global"]),
        Command::new("router.create", "new", "Make a router", ROUTERS)
            .mutating()
            .hint(6),
        Command::new("router.join", "join", "Join a subnet to it", ROUTERS)
            .mutating()
            .hint(15),
        Command::new("router.part", "part", "Take a subnet from it", ROUTERS)
            .mutating()
            .hint(16),
        Command::new(
            "router.edit",
            "edit",
            "Change its name or its way out",
            ROUTERS,
        )
        .mutating()
        .hint(20),
        Command::new("router.delete", "delete", "Delete it", ROUTERS)
            .mutating()
            .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Router::KIND,
    objects: |data, out| {
        let rows = data.rows::<Router>().iter();
        out.extend(rows.map(|row| Object {
            kind: Router::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
