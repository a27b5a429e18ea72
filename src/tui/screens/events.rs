//! What happened lately, as the cloud told it: resources that came, changed and went, and alarms.
//!
//! The list begins when the console does; what is older is in `audit` and `operations`.

use serde::Serialize;

use crate::api::wire::{AlarmEvent, Change, ResourceEvent};
use crate::ids::Time;
use crate::tui::command::Command;
use crate::tui::glyph::Mood;
use crate::tui::state::data::Data;
use crate::tui::state::load::Row;
use crate::tui::value::Value;
use crate::tui::widgets::table::Column;

use super::Entry;
use super::list::{List, Spec};

/// Seconds in which the same thing said again is no news.
const AGAIN: i64 = 10;

/// Something that happened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Happening {
    #[serde(skip)]
    id: String,
    /// When.
    pub at: Time,
    /// Kind of the thing.
    pub kind: String,
    /// Id of the thing.
    pub resource: String,
    /// Its name, as far as it was told.
    pub name: String,
    /// What happened to it.
    pub what: String,
    /// Its state after that, or what an alarm says.
    pub state: String,
    /// Whether it wants attention.
    pub bad: bool,
}

impl From<ResourceEvent> for Happening {
    fn from(event: ResourceEvent) -> Self {
        let what = match event.change {
            Change::Created => "created",
            Change::Deleted => "deleted",
            Change::Updated => "changed",
        };
        let state = event.status.unwrap_or_default().to_lowercase();
        let said = event.message.clone();
        let bad = matches!(
            state.as_str(),
            "error" | "down" | "killed" | "stuck" | "failed"
        );
        Self {
            id: format!("{}-{}-{what}-{state}", event.at.0, event.resource.id),
            at: event.at,
            name: event.resource.name.unwrap_or_default(),
            kind: event.resource.kind,
            resource: event.resource.id,
            what: what.to_owned(),
            state: said.unwrap_or(state),
            bad,
        }
    }
}

impl From<AlarmEvent> for Happening {
    fn from(alarm: AlarmEvent) -> Self {
        let resource = alarm.resource.unwrap_or_default();
        // An alarm that is about nothing else is about itself.
        Self {
            id: format!("{}-{}-{}", alarm.at.0, alarm.id, alarm.state),
            at: alarm.at,
            kind: if resource.kind.is_empty() {
                "alarm".to_owned()
            } else {
                resource.kind
            },
            resource: resource.id,
            name: resource.name.unwrap_or_else(|| alarm.name.clone()),
            what: alarm.state.clone(),
            state: format!("{}: {}", alarm.name, alarm.message),
            bad: alarm.state == "alarm",
        }
    }
}

impl Happening {
    /// What it means.
    pub fn mood(&self) -> Mood {
        match (self.bad, self.what.as_str()) {
            (true, _) => Mood::Bad,
            (_, "deleted") => Mood::Off,
            (_, "created" | "changed" | "ok") => Mood::Good,
            _ => Mood::Unknown,
        }
    }
}

impl Happening {
    /// The name of the thing: what the cloud told, or what is known of it.
    pub fn name_in<'a>(&'a self, data: &'a Data) -> &'a str {
        if self.name.is_empty() {
            data.name(&self.kind, &self.resource)
                .unwrap_or(&self.resource)
        } else {
            &self.name
        }
    }

    /// Whether it says what another one just said.
    pub fn repeats(&self, other: &Self) -> bool {
        (&self.resource, &self.what, &self.state) == (&other.resource, &other.what, &other.state)
            && self.at.0 - other.at.0 < AGAIN * 1_000_000
    }
}

impl Row for Happening {
    const KIND: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

static COLUMNS: [Column<Happening>; 6] = [
    Column::new("time", (11, 11), 0, |row, _| Value::When(row.at)),
    Column::new("what", (10, 12), 0, |row, _| {
        Value::State(row.mood(), row.what.as_str().into())
    }),
    Column::new("kind", (8, 12), 0, |row, _| Value::text(&row.kind)),
    Column::new("name", (16, 40), 0, |row, facts| {
        Value::text(row.name_in(facts.data))
    }),
    Column::new("state", (20, 60), 0, |row, _| Value::text(&row.state)),
    Column::new("id", (10, 36), 1, |row, _| Value::text(&row.resource)),
];

static SPEC: Spec<Happening> = Spec {
    view: "events",
    title: "Events",
    noun: "event",
    columns: &COLUMNS,
    sort: (0, true),
    actions: &[],
    doc: None,
    needs: Vec::new,
    enter: |row, facts| super::show(super::kind_of(&row.kind), &row.resource, facts),
    mood: None,
    empty: "Nothing has happened since this console was opened. Older things are in audit and operations.",
};

/// This view.
pub static ENTRY: Entry = Entry {
    name: "events",
    commands: &[Command::new(
        "view.events",
        "events",
        "Go to what happened lately",
        &["global"],
    )],
    offered: |session| session.extended,
    open: |_| Box::new(List::new(&SPEC)),
    kind: "event",
    objects: |_, _| {},
    show: |_, _| None,
};
