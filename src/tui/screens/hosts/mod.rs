//! Hosts: how full and how busy they are, as a table or as a map, and one host with its guests.

mod dead;
mod detail;
mod map;

use std::borrow::Cow;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Hypervisor, Server};
use crate::telemetry::wire::Meter;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Request;
use crate::tui::glyph::Mood;
use crate::tui::keys::Key;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::{Spark, Value};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::heat;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::list::{List, Spec};
use super::moves::{self, Plan, Run};
use super::services::{self, Service};
use super::{Entry, Object, Offer, Screen};
use map::{Map, Zones};

impl Row for Hypervisor {
    const KIND: &'static str = "host";

    fn id(&self) -> &str {
        name(self)
    }

    fn name(&self) -> &str {
        name(self)
    }
}

impl Resource for Hypervisor {
    const EVERY: i64 = 5;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.hypervisor_list(&ListQuery::new()).await })
    }
}

/// The name by which servers and samples call the host.
pub fn name(row: &Hypervisor) -> &str {
    let service = row.service.as_ref().map(|service| service.host.as_str());
    service
        .filter(|host| !host.is_empty())
        .unwrap_or(&row.hypervisor_hostname)
}

/// What its state means, and its word.
pub fn mood(row: &Hypervisor) -> (Mood, &'static str) {
    match (row.state.as_str(), row.status.as_str()) {
        ("down", _) => (Mood::Bad, "down"),
        (_, "disabled") => (Mood::Warn, "disabled"),
        ("up", _) => (Mood::Good, "up"),
        _ => (Mood::Unknown, "unknown"),
    }
}

fn rate(row: &Hypervisor, facts: &Facts<'_>, meter: Meter) -> Option<f64> {
    let gauge = facts.data.meters.host(name(row))?;
    gauge.rates.get(meter).map(f64::from)
}

/// Per cent of its processors that are used now.
pub fn cpu(row: &Hypervisor, facts: &Facts<'_>) -> Option<f64> {
    rate(row, facts, Meter::CpuUtil)
}

fn share(used: Option<i64>, total: Option<i64>) -> Option<f64> {
    let total = total.filter(|total| *total > 0)?;
    Some(used? as f64 / total as f64)
}

/// Used and there, as `3/8`.
fn of(used: Option<i64>, total: Option<i64>) -> Value<'static> {
    match (used, total) {
        (Some(used), Some(total)) => Value::owned(format!("{used}/{total}")),
        _ => Value::Absent,
    }
}

fn servers(row: &Hypervisor, facts: &Facts<'_>) -> f64 {
    match row.running_vms {
        Some(count) => count as f64,
        None => {
            let on = |server: &&Server| server.host.as_deref() == Some(name(row));
            facts.data.rows::<Server>().iter().filter(on).count() as f64
        }
    }
}

static COLUMNS: [Column<Hypervisor>; 11] = [
    Column::new("name", (12, 26), 0, |row, _| Value::text(name(row))),
    Column::new("status", (10, 10), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("servers", (7, 7), 0, |row, facts| {
        Value::Number(servers(row, facts))
    }),
    Column::new("cpu", (4, 5), 1, |row, facts| {
        Value::maybe(rate(row, facts, Meter::CpuUtil), Value::Percent)
    }),
    Column::new("load", (10, 20), 5, |row, facts| {
        Value::maybe(facts.data.meters.host(name(row)), |gauge| {
            Value::Spark(Spark {
                values: Cow::Borrowed(gauge.history(Meter::CpuUtil)),
                full: Some(100.0),
            })
        })
    }),
    Column::new("vcpus", (7, 9), 2, |row, _| of(row.vcpus_used, row.vcpus)),
    Column::new("ram", (9, 16), 2, |row, _| {
        Value::maybe(share(row.memory_mb_used, row.memory_mb), Value::Progress)
    }),
    Column::new("disk", (9, 16), 3, |row, _| {
        Value::maybe(share(row.local_gb_used, row.local_gb), Value::Progress)
    }),
    Column::new("in", (10, 10), 6, |row, facts| {
        Value::maybe(rate(row, facts, Meter::NetIn), Value::Rate)
    }),
    Column::new("out", (10, 10), 7, |row, facts| {
        Value::maybe(rate(row, facts, Meter::NetOut), Value::Rate)
    }),
    Column::new("type", (6, 10), 8, |row, _| {
        Value::maybe(row.hypervisor_type.as_deref(), Value::text)
    }),
];

static ACTIONS: [Action<Hypervisor>; 10] = [
    Action::go("host.servers", |row, _| {
        Some(super::servers::of_host(name(row)))
    }),
    Action::open_one(
        "host.drain",
        |row| (row.state == "down").then_some("it is down; its servers are evacuated"),
        |row, _| Plan::drain(name(row)),
    ),
    Action::open_one(
        "host.return",
        |row| (row.state == "down").then_some("it is down"),
        |row, _| Plan::bring_back(name(row)),
    ),
    Action::open_one(
        "host.evacuate",
        |row| (row.state != "down").then_some("it is up; drain it"),
        |row, _| dead::evacuate(row),
    ),
    Action::open_one(
        "host.fence",
        |row| (row.state != "down").then_some("it is up; drain it"),
        |row, _| dead::fence(row),
    ),
    Action::make("hosts.spread", |_| Plan::spread()),
    Action::make("hosts.condense", |_| Plan::condense()),
    Action::go("host.moves", |row, facts| {
        moves::newest(facts, |run| run.host.as_deref() == Some(name(row)))
    }),
    Action::ask(
        "host.enable",
        "Enable",
        Risk::None,
        |row| (row.status != "disabled").then_some("it is enabled"),
        |row, _| -> Box<dyn Request> { services::switch(&service_id(row), true, None) },
    ),
    Action::open_one(
        "host.disable",
        |row| (row.status == "disabled").then_some("it is disabled"),
        |row, facts| {
            let service = Service {
                id: format!("compute-{}", service_id(row)),
                compute_id: service_id(row),
                title: name(row).to_owned(),
                ..Service::default()
            };
            services::disable(service, facts)
        },
    ),
];

fn service_id(row: &Hypervisor) -> String {
    row.service
        .as_ref()
        .map(|service| service.id.to_string())
        .unwrap_or_default()
}

static SPEC: Spec<Hypervisor> = Spec {
    view: "hosts",
    title: "Hosts",
    noun: "host",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(detail::describe),
    needs: || {
        vec![
            Need::list::<Hypervisor>(),
            Need::list::<Server>(),
            Need::list::<Run>(),
            Need::samples(),
        ]
    },
    enter: |row, _| detail::open(name(row)),
    mood: Some(mood),
    empty: "No hosts, or you may not see them.",
};

/// The view: a table, or a map of the same rows.
struct Hosts {
    list: List<Hypervisor>,
    map: Map,
    /// Whether the map is shown.
    mapped: bool,
}

impl Screen for Hosts {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        self.list.path(facts)
    }

    fn subject(&self, facts: &Facts<'_>) -> String {
        self.list.subject(facts)
    }

    fn contexts(&self) -> Vec<&'static str> {
        self.list.contexts()
    }

    fn is_typing(&self) -> bool {
        self.list.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = self.list.needs();
        if self.mapped {
            needs.push(Need::part::<Zones>(""));
        }
        needs
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let hidden = match (command.name, self.mapped) {
            ("left" | "right" | "hosts.measure", false) => true,
            // The map has one cursor and an order of its own.
            ("mark" | "mark-range" | "mark-all" | "sort-flip", true) => true,
            _ => false,
        };
        if hidden {
            return Offer::Hidden;
        }
        self.list.offer(command, facts)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name == "hosts.heat" {
            self.mapped = !self.mapped;
            self.map.select(self.list.table().selected());
            return true;
        }
        let rows = cx.facts.data.rows::<Hypervisor>();
        if self.mapped && self.map.on(command.name, rows) {
            return true;
        }
        self.list.on(command, cx)
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        self.list.key(key, cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.list.paste(text, cx);
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.list.settle(area, facts);
        if !self.mapped {
            return;
        }
        self.map.settle(area, self.list.table().order(), facts);
        // Actions are the list's, and are about the host with the map's cursor.
        let selected = self.map.selected();
        if let Some(host) = selected.filter(|_| selected != self.list.table().selected()) {
            self.list.select(host);
            self.list.settle(area, facts);
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        if !self.mapped || self.list.is_typing() || self.list.table().order().is_empty() {
            return self.list.draw(area, buf, view);
        }
        self.map.draw(area, buf, view, &self.list.note(view));
        None
    }
}

/// A host as a box of a heat map.
pub fn cell<'a>(row: &'a Hypervisor, facts: &Facts<'_>) -> heat::Cell<'a> {
    let (mood, word) = mood(row);
    heat::Cell {
        name: name(row),
        value: rate(row, facts, Meter::CpuUtil),
        word: match word {
            "down" => Some((mood, "down")),
            "disabled" => Some((mood, "maint")),
            _ => None,
        },
    }
}

const HOSTS: &[&str] = &["hosts"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "hosts",
    commands: &[
        Command::new("view.hosts", "hosts", "Go to the hosts", &["global"]),
        Command::new(
            "hosts.heat",
            "heat map",
            "Show hosts as a heat map, or as a table again",
            HOSTS,
        )
        .hint(20),
        Command::new(
            "hosts.measure",
            "by what",
            "Colour the map by processor, memory or disk, in use or given away",
            HOSTS,
        )
        .hint(19),
        Command::new(
            "host.servers",
            "its servers",
            "Show the servers on it",
            HOSTS,
        )
        .hint(21),
        Command::new(
            "host.drain",
            "drain",
            "Let it take no new servers and move away those on it",
            HOSTS,
        )
        .administrative()
        .hint(22),
        Command::new(
            "host.return",
            "fill again",
            "Let it take new servers and bring back those that were moved away",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "host.evacuate",
            "evacuate all",
            "Make the servers of a dead host anew on others",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "host.fence",
            "fence",
            "Make sure that a silent host is dead, and its servers anew on others",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "hosts.spread",
            "spread",
            "Move servers so that all hosts carry about the same",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "hosts.condense",
            "condense",
            "Move servers so that as few hosts as possible carry any",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "host.moves",
            "its moves",
            "Show how its drain or return goes, or all such moves",
            HOSTS,
        )
        .hint(23),
        Command::new(
            "host.enable",
            "enable",
            "Let it take new servers again",
            HOSTS,
        )
        .administrative(),
        Command::new(
            "host.disable",
            "disable",
            "Let it take no new servers; those on it go on",
            HOSTS,
        )
        .administrative(),
    ],
    offered: |session| session.is_admin(),
    open: |_| {
        Box::new(Hosts {
            list: List::new(&SPEC),
            map: Map::new(),
            mapped: false,
        })
    },
    kind: Hypervisor::KIND,
    objects: |data, out| {
        let rows = data.rows::<Hypervisor>().iter();
        out.extend(rows.map(|row| Object {
            kind: Hypervisor::KIND,
            id: name(row).to_owned(),
            name: name(row).to_owned(),
        }));
    },
    show: |id, _| detail::open(id),
};
