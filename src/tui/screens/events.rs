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

/// Seconds in which the same line about the same thing is no news. That it is what it was is never any.
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
    /// Its state after that, and where it is.
    pub state: String,
    /// What was said of it besides, without its name.
    pub said: String,
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
        let status = event.status.unwrap_or_default().to_lowercase();
        let name = event.resource.name.unwrap_or_default();
        let (kind, resource) = (event.resource.kind, event.resource.id);
        let message = event.message.unwrap_or_default();
        let bad = matches!(
            status.as_str(),
            "error" | "down" | "killed" | "stuck" | "failed"
        );
        let mut state = status.replace('_', " ");
        if let Some(host) = event.host.filter(|_| !state.is_empty()) {
            state.push_str(&format!(" on {host}"));
        }
        Self {
            id: format!("{}-{resource}-{what}-{status}", event.at.0),
            at: event.at,
            said: without_subject(&message, &[&kind, &name, &resource]).to_owned(),
            name,
            kind,
            resource,
            what: what.to_owned(),
            state,
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
            state: String::new(),
            said: format!("{}: {}", alarm.name, alarm.message),
            bad: alarm.state == "alarm",
        }
    }
}

/// A line for people without the words at its beginning that name what it is about.
fn without_subject<'a>(message: &'a str, subject: &[&str]) -> &'a str {
    let mut rest = message;
    for name in subject.iter().filter(|name| !name.is_empty()) {
        if let Some(after) = rest.strip_prefix(name)
            && let Some(after) = after.strip_prefix([' ', ':'])
        {
            rest = after.trim_start();
        }
    }
    rest
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

    /// What happened, as a sentence in which the thing is called `name`.
    pub fn sentence(&self, name: &str) -> String {
        let (kind, what) = (&self.kind, self.what.as_str());
        match (self.said.as_str(), self.state.as_str()) {
            ("", "") => format!("{kind} {name} {what}"),
            // That it changed is said by what it is now.
            ("", state) if what == "changed" => format!("{kind} {name} is {state}"),
            ("", state) => format!("{kind} {name} {what}, {state}"),
            (said, _) if what == "changed" => format!("{kind} {name} {said}"),
            (said, _) => format!("{kind} {name} {what}: {said}"),
        }
    }

    /// Whether it says no more than the one before it about the same thing.
    pub fn repeats(&self, other: &Self) -> bool {
        let says = |it: &Self| (it.what.clone(), it.state.clone(), it.said.clone());
        says(self) == says(other)
            && (self.said.is_empty() || self.at.0 - other.at.0 < AGAIN * 1_000_000)
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
    Column::new("state", (20, 60), 0, |row, _| {
        Value::text(if row.said.is_empty() {
            &row.state
        } else {
            &row.said
        })
    }),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::ResourceRef;

    fn event(kind: &str, name: &str, change: Change) -> ResourceEvent {
        ResourceEvent {
            resource: ResourceRef {
                kind: kind.to_owned(),
                id: "7f".to_owned(),
                name: Some(name.to_owned()),
            },
            change,
            ..ResourceEvent::default()
        }
    }

    fn sentence(event: ResourceEvent) -> String {
        let happening = Happening::from(event);
        happening.sentence(&happening.name)
    }

    #[test]
    fn what_happened_is_a_sentence_that_names_the_thing_once() {
        let active = ResourceEvent {
            status: Some("ACTIVE".to_owned()),
            host: Some("cmp-03".to_owned()),
            ..event("server", "web-1", Change::Updated)
        };
        assert_eq!(sentence(active), "server web-1 is active on cmp-03");
        for message in ["cmp-012 is up", "is up"] {
            let up = ResourceEvent {
                message: Some(message.to_owned()),
                ..event("host", "cmp-012", Change::Updated)
            };
            assert_eq!(sentence(up), "host cmp-012 is up");
        }
        let damaged = ResourceEvent {
            message: Some("image 7f is damaged".to_owned()),
            ..event("image", "", Change::Updated)
        };
        assert_eq!(Happening::from(damaged).said, "is damaged");
        let new = ResourceEvent {
            status: Some("in-use".to_owned()),
            ..event("volume", "data", Change::Created)
        };
        assert_eq!(sentence(new), "volume data created, in-use");
        let gone = event("flavor", "tiny", Change::Deleted);
        assert_eq!(sentence(gone), "flavor tiny deleted");
    }

    #[test]
    fn what_a_thing_is_is_news_once_and_a_line_again_after_a_while() {
        let at = |seconds: i64, status: &str, message: Option<&str>| {
            Happening::from(ResourceEvent {
                status: Some(status.to_owned()),
                message: message.map(str::to_owned),
                at: Time(seconds * 1_000_000),
                ..event("server", "web-1", Change::Updated)
            })
        };
        assert!(at(3_600, "ACTIVE", None).repeats(&at(0, "ACTIVE", None)));
        assert!(!at(1, "SHUTOFF", None).repeats(&at(0, "ACTIVE", None)));
        let off = Some("the guest powered itself off");
        assert!(at(5, "SHUTOFF", off).repeats(&at(0, "SHUTOFF", off)));
        assert!(!at(3_600, "SHUTOFF", off).repeats(&at(0, "SHUTOFF", off)));
    }
}
