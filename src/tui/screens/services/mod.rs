//! What the cloud is run by: control processes, agents, the bus, the database, and whether they answer.

mod rows;

use crate::compute::wire::ComputeServiceUpdate;
use crate::tui::command::Command;
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::{Done, Request, call};
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::load::{Need, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk, target};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};
pub use rows::Service;
use rows::{mood, queue_words, skew_words};

/// Since when it is up, shown as how long.
fn up_since(row: &Service) -> Value<'static> {
    Value::maybe(row.started.filter(|_| row.up), Value::Age)
}

static COLUMNS: [Column<Service>; 9] = [
    Column::new("name", (10, 18), 0, |row, _| Value::text(&row.binary)),
    Column::new("status", (13, 13), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("host", (11, 24), 0, |row, _| Value::text(&row.host)),
    Column::new("heard", (5, 6), 1, |row, _| {
        Value::maybe(row.heard, Value::Age)
    }),
    Column::new("up", (4, 4), 2, |row, _| up_since(row)),
    Column::new("version", (7, 12), 3, |row, _| Value::text(&row.version)),
    Column::new("skew-ms", (7, 8), 4, |row, _| {
        Value::maybe(row.skew_us, |skew| {
            // Whole numbers have no zero below zero.
            Value::Number(skew.div_euclid(1_000) as f64)
        })
    }),
    Column::new("zone", (8, 12), 5, |row, _| Value::text(&row.zone)),
    Column::new("remark", (20, 60), 0, |row, _| Value::owned(row.words())),
];

static ACTIONS: [Action<Service>; 4] = [
    Action::ask(
        "service.enable",
        "Enable",
        Risk::None,
        |row| {
            let enabled = row.enabled.then_some("it is enabled");
            row.unswitched().or(enabled)
        },
        |row, _| switch(&row.compute_id, true, None),
    ),
    Action::open(
        "service.disable",
        |row| {
            let disabled = (!row.enabled).then_some("it is disabled");
            row.unswitched().or(disabled)
        },
        |rows, facts| {
            let disable = Disable {
                services: rows.iter().map(|row| (*row).clone()).collect(),
            };
            Box::new(FormOverlay::new(Box::new(disable), facts))
        },
    ),
    Action::open(
        "service.down",
        |row| {
            let said = row.forced_down.then_some("it is said to be down already");
            row.unswitched().or(said)
        },
        |rows, _| force_down(rows),
    ),
    Action::ask(
        "service.up",
        "Trust",
        Risk::None,
        |row| {
            let trusted = (!row.forced_down).then_some("nobody said that it is down");
            row.unswitched().or(trusted)
        },
        |row, _| say_down(&row.compute_id, false),
    ),
];

/// Opens a host to new servers or closes it.
pub fn switch(id: &str, enable: bool, reason: Option<String>) -> Box<dyn Request> {
    let status = if enable { "enabled" } else { "disabled" };
    update(
        id,
        ComputeServiceUpdate {
            status: Some(status.to_owned()),
            disabled_reason: reason,
            ..ComputeServiceUpdate::default()
        },
    )
}

/// Says that a host is dead, or takes that back.
fn say_down(id: &str, down: bool) -> Box<dyn Request> {
    update(
        id,
        ComputeServiceUpdate {
            forced_down: Some(down),
            ..ComputeServiceUpdate::default()
        },
    )
}

fn update(id: &str, update: ComputeServiceUpdate) -> Box<dyn Request> {
    let id = id.to_owned();
    call(
        format!("service {id} {update:?}"),
        move |client| async move {
            client.compute_service_update(&id, &update).await?;
            Ok(Done::default())
        },
    )
}

/// Asks for the host's name first: the cloud believes it.
fn force_down(rows: &[&Service]) -> Box<dyn Overlay> {
    let requests: Vec<Prepared> = rows
        .iter()
        .map(|row| (target(*row), say_down(&row.compute_id, true)))
        .collect();
    let (what, ask) = match rows {
        [one] => (format!("host {}", one.host), Ask::Name(one.host.clone())),
        many => {
            let hosts: Vec<&str> = many.iter().map(|row| row.host.as_str()).collect();
            (
                format!("hosts {}", hosts.join(", ")),
                Ask::Count(many.len()),
            )
        }
    };
    let along = vec![
        "The cloud takes it for dead, and its servers may be started on other hosts.".to_owned(),
        "If it lives, two guests write to one disk: make sure that its power is off.".to_owned(),
    ];
    Box::new(Confirm::new("Force down", what, along, ask, requests))
}

static SPEC: Spec<Service> = Spec {
    view: "services",
    title: "Services",
    noun: "service",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Service>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(mood),
    empty: "The cloud told of no services.",
};

fn describe<'a>(row: &'a Service, _facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Service")
        .entry("name", Value::text(&row.binary))
        .entry("status", Value::State(mood, word.into()));
    let trouble = row.trouble.as_deref();
    doc.entry(
        "trouble",
        Value::maybe(trouble, |text| Value::State(Mood::Bad, text.into())),
    );
    doc.link("host", Value::text(&row.host), "host", &row.host)
        .entry("zone", Value::text(&row.zone));
    if row.unswitched().is_none() {
        doc.entry("takes servers", Value::flag(row.enabled))
            .entry(
                "because",
                Value::maybe(row.disabled_reason.as_deref(), Value::text),
            )
            .entry("forced down", Value::flag(row.forced_down));
    }
    let skew = row.skew_us.map(skew_words);
    doc.entry("version", Value::text(&row.version))
        .entry("started", Value::maybe(row.started, Value::Age))
        .entry("heard", Value::maybe(row.heard, Value::Age))
        .entry("clock", Value::maybe(skew, Value::owned))
        .entry("remark", Value::text(&row.remark));
    if !row.queues.is_empty() {
        doc.group("Queues");
    }
    for queue in &row.queues {
        let (mood, words) = queue_words(queue);
        doc.entry(&queue.name, Value::State(mood, words.into()));
    }
    doc
}

/// The form that asks why.
pub struct Disable {
    /// What is disabled.
    pub services: Vec<Service>,
}

impl Sheet for Disable {
    fn title(&self) -> String {
        "Take no new servers".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text(
                "reason",
                "Reason",
                "Shown to everyone who wonders; servers on it go on",
            )
            .required(),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let reason = form.value("reason");
        let requests = self.services.iter().map(|row| {
            let request = switch(&row.compute_id, false, Some(reason.clone()));
            (target(row), request)
        });
        cx.act("Disable", requests.collect());
    }
}

/// The form that closes one host.
pub fn disable(service: Service, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let services = vec![service];
    Box::new(FormOverlay::new(Box::new(Disable { services }), facts))
}

const SERVICES: &[&str] = &["services"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "services",
    commands: &[
        Command::new(
            "view.services",
            "services",
            "Go to control processes, agents, bus and database",
            &["global"],
        ),
        Command::new(
            "service.enable",
            "enable",
            "Let the host take new servers again",
            SERVICES,
        )
        .administrative()
        .hint(20),
        Command::new(
            "service.disable",
            "disable",
            "Let the host take no new servers; those on it go on",
            SERVICES,
        )
        .administrative()
        .hint(21),
        Command::new(
            "service.down",
            "force down",
            "Say that the host is dead, so that its servers may be started elsewhere",
            SERVICES,
        )
        .administrative()
        .hint(22),
        Command::new(
            "service.up",
            "trust",
            "Take back that the host is dead; it counts as up when it reports",
            SERVICES,
        )
        .administrative()
        .hint(23),
    ],
    offered: |session| session.is_admin(),
    open: |_| Box::new(List::new(&SPEC)),
    kind: Service::KIND,
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| Detail::open(&SPEC, id),
};
