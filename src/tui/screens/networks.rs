//! Networks, and making one with its first subnet.

use futures::future::BoxFuture;
use std::sync::Arc;

use crate::client::{Client, ClientError, ListQuery};
use crate::identity::wire::Project;
use crate::network::wire::{Network, NetworkFields, Port, Subnet, SubnetFields};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object, subnets};

impl Row for Network {
    const KIND: &'static str = "network";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Network {
    const EVERY: i64 = 10;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.network_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.network_show(&id).await }))
    }
}

/// What the status of a network or port means, and its word.
pub fn mood(status: &str, up: bool) -> (Mood, &'static str) {
    match (status, up) {
        (_, false) => (Mood::Off, "disabled"),
        ("ACTIVE", _) => (Mood::Good, "active"),
        ("DOWN", _) => (Mood::Off, "down"),
        // A port that is nowhere, as a floating IP's.
        ("N/A", _) => (Mood::Off, "no state"),
        ("BUILD", _) => (Mood::Busy, "building"),
        ("ERROR", _) => (Mood::Bad, "error"),
        _ => (Mood::Unknown, "unknown"),
    }
}

fn cidrs(row: &Network, facts: &Facts<'_>) -> Value<'static> {
    let subnets = row
        .subnets
        .iter()
        .filter_map(|id| facts.data.get::<Subnet>(id));
    let cidrs: Vec<&str> = subnets.map(|subnet| subnet.cidr.as_str()).collect();
    Value::owned(cidrs.join(" "))
}

fn ports(row: &Network, facts: &Facts<'_>) -> usize {
    let ports = facts.data.rows::<Port>().iter();
    ports.filter(|port| port.network_id == row.id).count()
}

static COLUMNS: [Column<Network>; 8] = [
    Column::new("name", (12, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (11, 11), 0, |row, _| {
        let (mood, word) = mood(&row.status, row.admin_state_up);
        Value::State(mood, word.into())
    }),
    Column::new("subnets", (18, 40), 0, cidrs),
    Column::new("ports", (5, 6), 2, |row, facts| {
        Value::Number(ports(row, facts) as f64)
    }),
    Column::new("external", (8, 8), 3, |row, _| Value::flag(row.external)),
    Column::new("shared", (6, 6), 4, |row, _| Value::flag(row.shared)),
    Column::new("project", (8, 20), 5, |row, facts| {
        Value::text(facts.data.name_of::<Project>(&row.project_id))
    }),
    Column::new("age", (4, 4), 1, |row, _| {
        Value::maybe(format::parse_time(&row.created_at), Value::Age)
    }),
];

static ACTIONS: [Action<Network>; 4] = [
    Action::make("network.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::open_one("network.subnet", |_| None, subnets::create_in),
    Action::open_one(
        "network.edit",
        |_| None,
        |row, facts| {
            Box::new(FormOverlay::new(
                Box::new(Edit {
                    network: row.clone(),
                }),
                facts,
            ))
        },
    ),
    Action::ask(
        "network.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            let mut along = vec![format::count(row.subnets.len(), "subnet")];
            let ports = ports(row, facts);
            if ports > 0 {
                along.push(format!(
                    "{ports} ports are on it; those in use make the cloud refuse"
                ));
            }
            along
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("network {id} delete"), move |client| async move {
                client.network_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Network> = Spec {
    view: "networks",
    title: "Networks",
    noun: "network",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<Network>(),
            Need::list::<Subnet>(),
            Need::list::<Port>(),
            Need::list::<Project>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(|row| mood(&row.status, row.admin_state_up)),
    empty: "No networks yet. Press n to make one with its subnet.",
};

fn describe<'a>(row: &'a Network, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(&row.status, row.admin_state_up);
    doc.group("Network")
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()))
        .entry("description", Value::text(&row.description))
        .entry("external", Value::flag(row.external))
        .entry("shared", Value::flag(row.shared))
        .entry("mtu", Value::Number(f64::from(row.mtu)))
        .entry(
            "type",
            Value::maybe(row.provider_network_type.as_deref(), Value::text),
        )
        .entry(
            "physical",
            Value::maybe(row.provider_physical_network.as_deref(), Value::text),
        )
        .entry(
            "segment",
            Value::maybe(row.provider_segmentation_id, |id| {
                Value::Number(f64::from(id))
            }),
        );
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
    doc.group("Subnets");
    for id in &row.subnets {
        let subnet = facts.data.get::<Subnet>(id);
        let name = subnet.map_or("", |subnet| subnet.name.as_str());
        let cidr = subnet.map_or(id.as_str(), |subnet| subnet.cidr.as_str());
        doc.link(name, Value::text(cidr), "subnet", id);
    }
    let ports = facts
        .data
        .rows::<Port>()
        .iter()
        .filter(|port| port.network_id == row.id);
    doc.group("Ports");
    for port in ports.take(200) {
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
        "Make a network".to_owned()
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it").required(),
            Field::text(
                "cidr",
                "Subnet",
                "Addresses of the first subnet, 10.20.0.0/24; empty makes none",
            )
            .with(&subnets::free_cidr(facts.data.rows::<Subnet>())),
            Field::text(
                "dns",
                "DNS servers",
                "Separated by commas; the cloud's own if empty",
            ),
            Field::toggle("dhcp", "DHCP", "Give guests their addresses", true),
            Field::toggle(
                "external",
                "External",
                "It leads outside (administrators)",
                false,
            ),
            Field::toggle(
                "shared",
                "Shared",
                "Every project may use it (administrators)",
                false,
            ),
        ]
    }

    fn check(&self, form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Some(cidr) = form.filled("cidr") {
            wrong.extend(subnets::check_cidr(&cidr).map(|why| ("cidr", why)));
        }
        wrong.extend(subnets::check_addresses(&form.value("dns")).map(|why| ("dns", why)));
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let name = form.value("name");
        let network = NetworkFields {
            name: Some(name.clone()),
            external: form.is_on("external").then_some(true),
            shared: form.is_on("shared").then_some(true),
            ..NetworkFields::default()
        };
        let subnet = form.filled("cidr").map(|cidr| SubnetFields {
            name: Some(format!("{name}-subnet")),
            ip_version: Some(if cidr.contains(':') { 6 } else { 4 }),
            cidr: Some(cidr),
            enable_dhcp: Some(form.is_on("dhcp")),
            dns_nameservers: Some(subnets::addresses(&form.value("dns"))),
            ..SubnetFields::default()
        });
        let target = Target {
            kind: Network::KIND,
            id: String::new(),
            name: name.clone(),
        };
        let request = call(
            format!("network {name} {subnet:?}"),
            move |client| async move {
                let made = client.network_create(network).await?;
                let Some(mut subnet) = subnet else {
                    return Ok(Done::made(made.id, "made, without a subnet"));
                };
                subnet.network_id = Some(made.id.clone());
                if let Err(error) = client.subnet_create(subnet).await {
                    // A network that was to have a subnet and has none is not what was asked for.
                    if let Err(left) = client.network_delete(&made.id).await {
                        tracing::warn!(network = %made.id, error = %left, "a network without its subnet is left");
                    }
                    return Err(error);
                }
                Ok(Done::made(made.id, "made, with its subnet"))
            },
        );
        cx.act("Create", vec![(target, request)]);
    }
}

struct Edit {
    network: Network,
}

impl Sheet for Edit {
    fn title(&self) -> String {
        format!("Edit {}", self.network.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it")
                .required()
                .with(&self.network.name),
            Field::text("description", "Description", "For people").with(&self.network.description),
            Field::toggle(
                "up",
                "Enabled",
                "Whether its ports carry traffic",
                self.network.admin_state_up,
            ),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.network.id.clone();
        let fields = NetworkFields {
            name: form.filled("name"),
            description: Some(form.value("description")),
            admin_state_up: Some(form.is_on("up")),
            ..NetworkFields::default()
        };
        let request = call(
            format!("network {id} {fields:?}"),
            move |client| async move {
                client.network_update(&id, fields).await?;
                Ok(Done::default())
            },
        );
        cx.act(
            "Edit",
            vec![(super::action::target(&self.network), request)],
        );
    }
}

const NETWORKS: &[&str] = &["networks"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "networks",
    commands: &[
        Command::new(
            "view.networks",
            "networks",
            "Go to the networks",
            &["global"],
        ),
        Command::new(
            "network.create",
            "new",
            "Make a network with its first subnet",
            NETWORKS,
        )
        .mutating()
        .hint(6),
        Command::new(
            "network.subnet",
            "add subnet",
            "Add a subnet to it",
            NETWORKS,
        )
        .mutating(),
        Command::new(
            "network.edit",
            "edit",
            "Change name, description, or whether it is enabled",
            NETWORKS,
        )
        .mutating()
        .hint(20),
        Command::new(
            "network.delete",
            "delete",
            "Delete it with its subnets",
            NETWORKS,
        )
        .mutating()
        .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Network::KIND,
    objects: |data, out| {
        let rows = data.rows::<Network>().iter();
        out.extend(rows.map(|row| Object {
            kind: Network::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
