//! What the cloud is run by: control processes, agents, the bus, the database, and whether they answer.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::api::wire::PartHealth;
use crate::client::{Client, ClientError};
use crate::compute::wire::{ComputeService, ComputeServiceUpdate};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::load::{Need, Resource, Row, is_admin};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;
use crate::volume::wire::VolumeService;

use super::action::{Action, Risk, target};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

/// A process, or a part that all of them need.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// Unique here.
    pub id: String,
    /// Id for the compute API; empty for what it does not switch.
    pub compute_id: String,
    /// What it is: `nova-compute`, `database`.
    pub name: String,
    /// Where it runs.
    pub host: String,
    /// Its zone.
    pub zone: String,
    /// Whether it answers.
    pub up: bool,
    /// Whether it takes new work.
    pub enabled: bool,
    /// Why not, or what is wrong.
    pub remark: String,
    /// When it was last heard.
    pub heard: Option<String>,
}

impl Row for Service {
    const KIND: &'static str = "service";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl From<ComputeService> for Service {
    fn from(service: ComputeService) -> Self {
        let id = service.id.to_string();
        Self {
            id: format!("compute-{id}"),
            compute_id: if service.binary == "nova-compute" {
                id
            } else {
                String::new()
            },
            name: service.binary,
            host: service.host,
            zone: service.zone,
            up: service.state == "up",
            enabled: service.status == "enabled",
            remark: service.disabled_reason.unwrap_or_default(),
            heard: service.updated_at,
        }
    }
}

impl From<VolumeService> for Service {
    fn from(service: VolumeService) -> Self {
        Self {
            id: format!("volume-{}-{}", service.binary, service.host),
            compute_id: String::new(),
            name: service.binary,
            host: service.host,
            zone: service.zone,
            up: service.state == "up",
            enabled: service.status == "enabled",
            remark: service.disabled_reason.unwrap_or_default(),
            heard: service.updated_at,
        }
    }
}

fn part(name: &str, health: PartHealth) -> Service {
    let mut remark = health.kind;
    if let Some(latency) = health.latency_ms {
        remark.push_str(&format!(", answers in {latency:.1} ms"));
    }
    if let Some(waiting) = health.waiting {
        remark.push_str(&format!(", {waiting} messages wait"));
    }
    if let Some(trouble) = health.trouble {
        remark = trouble;
    }
    Service {
        id: name.to_owned(),
        name: name.to_owned(),
        up: health.ok,
        enabled: true,
        remark,
        ..Service::default()
    }
}

impl Resource for Service {
    const EVERY: i64 = 5;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut all: Vec<Self> = client
                .compute_service_list()
                .await?
                .into_iter()
                .map(Self::from)
                .collect();
            // A cloud without volumes has no such services; that is no failure of this view.
            if let Ok(volume) = client.volume_service_list().await {
                all.extend(volume.into_iter().map(Self::from));
            }
            if client.supports_skydeck().await? {
                let summary = client.summary_show(is_admin(&client).await?).await?;
                all.extend(summary.database.map(|health| part("database", health)));
                all.extend(summary.bus.map(|health| part("bus", health)));
            }
            Ok(all)
        })
    }
}

fn mood(row: &Service) -> (Mood, &'static str) {
    match (row.up, row.enabled) {
        (true, true) => (Mood::Good, "up"),
        (true, false) => (Mood::Warn, "disabled"),
        (false, _) => (Mood::Bad, "down"),
    }
}

fn heard(row: &Service) -> Value<'_> {
    Value::maybe(
        row.heard.as_deref().and_then(format::parse_time),
        Value::Age,
    )
}

static COLUMNS: [Column<Service>; 6] = [
    Column::new("name", (16, 24), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (10, 10), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("host", (12, 24), 0, |row, _| Value::text(&row.host)),
    Column::new("zone", (8, 12), 2, |row, _| Value::text(&row.zone)),
    Column::new("heard", (5, 6), 1, |row, _| heard(row)),
    Column::new("remark", (24, 60), 0, |row, _| Value::text(&row.remark)),
];

static ACTIONS: [Action<Service>; 2] = [
    Action::ask(
        "service.enable",
        "Enable",
        Risk::None,
        |row| match (row.compute_id.is_empty(), row.enabled) {
            (true, _) => Some("only nova-compute is switched"),
            (_, true) => Some("it is enabled"),
            _ => None,
        },
        |row, _| switch(&row.compute_id, true, None),
    ),
    Action::open(
        "service.disable",
        |row| match (row.compute_id.is_empty(), row.enabled) {
            (true, _) => Some("only nova-compute is switched"),
            (_, false) => Some("it is disabled"),
            _ => None,
        },
        |rows, facts| {
            let disable = Disable {
                services: rows.iter().map(|row| (*row).clone()).collect(),
            };
            Box::new(FormOverlay::new(Box::new(disable), facts))
        },
    ),
];

/// Opens a host to new servers or closes it.
pub fn switch(id: &str, enable: bool, reason: Option<String>) -> Box<dyn Request> {
    let id = id.to_owned();
    let update = ComputeServiceUpdate {
        status: Some(if enable { "enabled" } else { "disabled" }.to_owned()),
        disabled_reason: reason,
        ..ComputeServiceUpdate::default()
    };
    call(
        format!("service {id} {update:?}"),
        move |client| async move {
            client.compute_service_update(&id, &update).await?;
            Ok(Done::default())
        },
    )
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
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()));
    doc.link("host", Value::text(&row.host), "host", &row.host)
        .entry("zone", Value::text(&row.zone))
        .entry("takes work", Value::flag(row.enabled))
        .entry("heard", heard(row))
        .entry("remark", Value::text(&row.remark));
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
        .mutating()
        .hint(20),
        Command::new(
            "service.disable",
            "disable",
            "Let the host take no new servers; those on it go on",
            SERVICES,
        )
        .mutating()
        .hint(21),
    ],
    offered: |session| session.is_admin(),
    open: |_| Box::new(List::new(&SPEC)),
    kind: Service::KIND,
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| Detail::open(&SPEC, id),
};
