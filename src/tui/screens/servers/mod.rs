//! Servers: the list, what can be done to them, and one server in detail.

pub mod actions;
pub mod console;
mod detail;
mod facts;
pub mod forms;
pub mod launch;
pub mod metrics;
mod migrate;
mod placement;
pub mod plan;
mod tabs;

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::api::wire::Operation;
use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Flavor, Server};
use crate::identity::wire::Project;
use crate::image::wire::Image;
use crate::telemetry::wire::Meter;
use crate::tui::command::Command;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Resource, Row, is_admin};
use crate::tui::state::meters::Gauge;
use crate::tui::value::{Spark, Value};
use crate::tui::view::Facts;
use crate::tui::widgets::table::Column;

use super::list::{List, Scope, Spec};
use super::{Entry, Object, Screen};

impl Row for Server {
    const KIND: &'static str = "server";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Server {
    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut query = ListQuery::new();
            query.all_projects = is_admin(&client).await?;
            client.server_list(&query).await
        })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.server_show(&id).await }))
    }
}

/// What a server's state means, and its word.
pub fn mood(server: &Server) -> (Mood, &str) {
    match server.status.as_str() {
        "ACTIVE" => (Mood::Good, "active"),
        "SHUTOFF" => (Mood::Off, "stopped"),
        "PAUSED" => (Mood::Off, "paused"),
        "SUSPENDED" => (Mood::Off, "suspended"),
        "SHELVED" | "SHELVED_OFFLOADED" => (Mood::Off, "shelved"),
        "SOFT_DELETED" | "DELETED" => (Mood::Off, "deleted"),
        "ERROR" => (Mood::Bad, "error"),
        "RESCUE" => (Mood::Warn, "rescued"),
        "VERIFY_RESIZE" => (Mood::Warn, "verify resize"),
        "BUILD" => (Mood::Busy, "building"),
        "REBUILD" => (Mood::Busy, "rebuilding"),
        "RESIZE" => (Mood::Busy, "resizing"),
        "REVERT_RESIZE" => (Mood::Busy, "reverting"),
        "MIGRATING" => (Mood::Busy, "migrating"),
        "REBOOT" | "HARD_REBOOT" => (Mood::Busy, "rebooting"),
        "PASSWORD" => (Mood::Busy, "password"),
        _ => (Mood::Unknown, "unknown"),
    }
}

/// The state as a cell: what is being done to it, where something is, and how far a move of it is.
fn state<'a>(server: &'a Server, facts: &Facts<'a>) -> Value<'a> {
    let (mood, word) = mood(server);
    match server.task_state.as_deref() {
        Some("migrating" | "resize_migrating") if mood != Mood::Bad => {
            Value::State(Mood::Busy, migrating(server, facts))
        }
        Some(task) if mood != Mood::Bad => Value::State(Mood::Busy, format::spaced(task).into()),
        _ if server.is_locked() => Value::State(mood, format!("{word}, locked").into()),
        _ => Value::State(mood, Cow::Borrowed(word)),
    }
}

/// Operations tell of their progress by events, so this costs no request.
fn migrating<'a>(server: &Server, facts: &Facts<'a>) -> Cow<'a, str> {
    let of_it = |row: &&Operation| row.resource.id == server.id && !row.status.is_final();
    let mut operations = facts.data.rows::<Operation>().iter().filter(of_it);
    let part = operations.find_map(|row| row.progress.as_ref()?.fraction());
    part.map_or("migrating".into(), |part| {
        format!("migrating {}", format::percent(part * 100.0)).into()
    })
}

/// The addresses as a cell, those of version 4 first.
fn addresses(server: &Server) -> Value<'_> {
    let of = |version: u8| {
        let all = server.addresses.values().flatten();
        all.filter(move |address| address.version == version)
    };
    let mut all = of(4).chain(of(6)).map(|address| address.addr.as_str());
    match (all.next(), all.next()) {
        (Some(only), None) => Value::text(only),
        (Some(first), Some(second)) => {
            let rest: Vec<&str> = all.collect();
            let mut text = format!("{first} {second}");
            for address in rest {
                text.push(' ');
                text.push_str(address);
            }
            Value::owned(text)
        }
        _ => Value::Absent,
    }
}

/// The name of its flavor.
pub fn flavor_name<'a>(server: &'a Server, facts: &Facts<'a>) -> &'a str {
    match (&server.flavor.original_name, &server.flavor.id) {
        (Some(name), _) => name,
        (None, Some(id)) => facts.data.name_of::<Flavor>(id),
        (None, None) => "",
    }
}

/// The name of its image.
fn image_name<'a>(server: &'a Server, facts: &Facts<'a>) -> Value<'a> {
    Value::maybe(server.image.as_ref(), |image| {
        Value::text(facts.data.name_of::<Image>(&image.id))
    })
}

/// What is measured of it. What was, before it was switched off, is no longer true.
pub fn gauge<'a>(server: &Server, facts: &Facts<'a>) -> Option<&'a Gauge> {
    let off = mood(server).0 == Mood::Off && server.status != "PAUSED";
    facts.data.meters.server(&server.id).filter(|_| !off)
}

fn rate(server: &Server, facts: &Facts<'_>, meter: Meter) -> Option<f64> {
    gauge(server, facts)?.rates.get(meter).map(f64::from)
}

fn history<'a>(server: &'a Server, facts: &Facts<'a>) -> Value<'a> {
    Value::maybe(gauge(server, facts), |gauge| {
        Value::Spark(Spark {
            values: Cow::Borrowed(gauge.history(Meter::CpuUtil)),
            full: Some(100.0),
        })
    })
}

fn age(text: &str) -> Value<'static> {
    Value::maybe(format::parse_time(text), Value::Age)
}

static COLUMNS: [Column<Server>; 13] = [
    Column::new("name", (18, 40), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (15, 18), 0, state),
    Column::new("address", (15, 24), 3, |row, _| addresses(row)),
    Column::new("host", (8, 14), 5, |row, _| {
        Value::maybe(row.host.as_deref(), Value::text)
    }),
    Column::new("flavor", (9, 14), 6, |row, facts| {
        Value::text(flavor_name(row, facts))
    }),
    Column::new("cpu", (4, 5), 2, |row, facts| {
        Value::maybe(rate(row, facts, Meter::CpuUtil), Value::Percent)
    }),
    Column::new("load", (10, 16), 7, history),
    Column::new("ram", (8, 8), 4, |row, facts| {
        let used = rate(row, facts, Meter::MemoryUsage);
        Value::maybe(used, |mib| Value::Bytes(mib * 1_048_576.0))
    }),
    Column::new("in", (10, 10), 8, |row, facts| {
        Value::maybe(rate(row, facts, Meter::NetIn), Value::Rate)
    }),
    Column::new("out", (10, 10), 9, |row, facts| {
        Value::maybe(rate(row, facts, Meter::NetOut), Value::Rate)
    }),
    Column::new("image", (10, 24), 10, image_name),
    Column::new("project", (8, 16), 11, |row, facts| {
        Value::text(facts.data.name_of::<Project>(&row.tenant_id))
    }),
    Column::new("age", (4, 4), 6, |row, _| age(&row.created)),
];

/// The list of servers.
pub static SPEC: Spec<Server> = Spec {
    view: "servers",
    title: "Servers",
    noun: "server",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &actions::ACTIONS,
    doc: Some(detail::describe),
    needs: || {
        vec![
            Need::list::<Server>(),
            Need::list::<Flavor>(),
            Need::list::<Image>(),
            Need::list::<Project>(),
            Need::list::<Operation>(),
            Need::samples(),
        ]
    },
    enter: |row, facts| tabs::open(&row.id, "info", facts),
    mood: Some(mood),
    empty: "No servers yet. Press n to launch the first one.",
};

/// The servers of one host.
pub fn of_host(host: &str) -> Box<dyn Screen> {
    let name = host.to_owned();
    let scope = Scope {
        title: host.to_owned(),
        keeps: Box::new(move |row: &Server| row.host.as_deref() == Some(name.as_str())),
    };
    Box::new(List::scoped(&SPEC, scope))
}

/// This view.
pub static ENTRY: Entry = Entry {
    name: "servers",
    commands: &[
        Command::new("view.servers", "servers", "Go to the servers", &["global"]),
        Command::new("server.launch", "launch", "Launch servers", CONTEXT)
            .mutating()
            .hint(6),
        Command::new("server.start", "start", "Power on", CONTEXT).mutating(),
        Command::new(
            "server.stop",
            "stop",
            "Shut down in an orderly way, by force if the guest does not obey",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.reboot",
            "soft reboot",
            "Ask the guest to restart",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.reset",
            "hard reboot",
            "Power off and on, without asking the guest",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.pause",
            "pause",
            "Stop executing, keep the memory",
            CONTEXT,
        )
        .mutating(),
        Command::new("server.unpause", "unpause", "Continue after pause", CONTEXT).mutating(),
        Command::new(
            "server.suspend",
            "suspend",
            "Save the memory to disk and power off",
            CONTEXT,
        )
        .mutating(),
        Command::new("server.resume", "resume", "Continue after suspend", CONTEXT).mutating(),
        Command::new(
            "server.lock",
            "lock",
            "Refuse actions until unlocked",
            CONTEXT,
        )
        .mutating(),
        Command::new("server.unlock", "unlock", "Allow actions again", CONTEXT).mutating(),
        Command::new("server.rename", "rename", "Give it another name", CONTEXT).mutating(),
        Command::new(
            "server.resize",
            "resize",
            "Change the flavor; to be confirmed or reverted afterwards",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.confirm",
            "confirm resize",
            "Keep the new flavor",
            CONTEXT,
        )
        .mutating()
        .hint(4),
        Command::new(
            "server.revert",
            "revert resize",
            "Go back to the old flavor",
            CONTEXT,
        )
        .mutating()
        .hint(4),
        Command::new(
            "server.rebuild",
            "rebuild",
            "Begin anew from an image; what is on the root disk is lost",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.snapshot",
            "snapshot",
            "Make an image of the root disk",
            CONTEXT,
        )
        .mutating(),
        Command::new(
            "server.migrate",
            "migrate",
            "Move it to another host: live if it runs, cold if it is off",
            CONTEXT,
        )
        .administrative()
        .hint(7),
        Command::new(
            "server.evacuate",
            "evacuate",
            "Make it anew on another host, because its own is dead",
            CONTEXT,
        )
        .administrative(),
        Command::new("server.attach", "attach", "Attach a volume", CONTEXT).mutating(),
        Command::new("server.detach", "detach", "Detach a volume", CONTEXT).mutating(),
        Command::new(
            "server.delete",
            "delete",
            "Delete, with ports and root disk",
            CONTEXT,
        )
        .mutating()
        .hint(30),
        Command::new(
            "server.log",
            "log",
            "Show what the guest wrote to its serial line",
            CONTEXT,
        )
        .hint(20),
        Command::new(
            "server.console",
            "console",
            "Type into the serial console",
            CONTEXT,
        )
        .hint(21),
        Command::new(
            "server.metrics",
            "metrics",
            "Show processor, memory, disk and network over time",
            CONTEXT,
        )
        .hint(22),
        Command::new(
            "server.trace",
            "trace",
            "Find out why it does not reach something",
            CONTEXT,
        )
        .leading_to("trace")
        .hint(31),
        Command::new("tab.next", "next tab", "Go to the next tab", &["tabs"]).hint(15),
        Command::new(
            "tab.previous",
            "tab before",
            "Go to the tab before",
            &["tabs"],
        ),
        Command::new("tab.1", "tab 1", "Go to tab 1", &["tabs"]),
        Command::new("tab.2", "tab 2", "Go to tab 2", &["tabs"]),
        Command::new("tab.3", "tab 3", "Go to tab 3", &["tabs"]),
        Command::new("tab.4", "tab 4", "Go to tab 4", &["tabs"]),
        Command::new("tab.5", "tab 5", "Go to tab 5", &["tabs"]),
        Command::new("tab.6", "tab 6", "Go to tab 6", &["tabs"]),
        Command::new("tab.7", "tab 7", "Go to tab 7", &["tabs"]),
        Command::new("tab.8", "tab 8", "Go to tab 8", &["tabs"]),
        Command::new("tab.9", "tab 9", "Go to tab 9", &["tabs"]),
        Command::new(
            "metrics.longer",
            "longer",
            "Show a longer time: 10 minutes, a day, a year",
            &["metrics"],
        )
        .hint(8),
        Command::new(
            "metrics.shorter",
            "shorter",
            "Show a shorter time",
            &["metrics"],
        )
        .hint(9),
        Command::new(
            "placement.older",
            "older",
            "Show the decision before",
            &["placement"],
        )
        .hint(8),
        Command::new(
            "placement.newer",
            "newer",
            "Show the decision after",
            &["placement"],
        )
        .hint(9),
        Command::new(
            "console.leave",
            "leave",
            "Leave the serial console; the guest goes on",
            &["console"],
        )
        .hint(1),
        Command::new(
            "console.literal",
            "send ctrl-]",
            "Send the key ctrl-] itself to the guest",
            &["console"],
        )
        .hint(3),
        Command::new(
            "console.break",
            "break",
            "Say what to do in place of a break, which this line can not carry",
            &["console"],
        ),
        Command::new(
            "console.up",
            "scroll up",
            "Scroll back half a page",
            &["console"],
        )
        .hint(4),
        Command::new(
            "console.down",
            "scroll down",
            "Scroll forward half a page",
            &["console"],
        ),
        Command::new(
            "console.search",
            "search",
            "Search what was written",
            &["console"],
        ),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Server::KIND,
    objects: |data, out| {
        let rows = data.rows::<Server>().iter();
        out.extend(rows.map(|row| Object {
            kind: Server::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, facts| tabs::open(id, "info", facts),
};

const CONTEXT: &[&str] = &["servers"];
