//! The stream of what happens, `GET /skydeck/v1/events`: server-sent events, one connection for a console.
//!
//! Query: [`EventQuery`]. Each frame has an `event:` with the topic's name and `data:` with an [`Event`] on one line;
//! resource and operation events also have an `id:`. A client that reconnects sends the last one as `Last-Event-ID` and gets
//! what it missed; if that is no longer kept, or the client reads too slowly, it gets `resync` and must list anew
//! what it shows. A comment line every 15 s keeps proxies and dead peers from going unnoticed. Samples are never replayed.

use serde::{Deserialize, Serialize};

use super::{Operation, ResourceRef};
use crate::ids::Time;
use crate::telemetry::wire::SampleBatch;

/// Request header with the last id seen.
pub const LAST_EVENT_ID_HEADER: &str = "last-event-id";

/// Query of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventQuery {
    /// Topics wanted, separated by commas; all when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topics: String,
    /// Every project's, for administrators; else the token's project only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all_projects: bool,
}

/// Kinds of event; the `event:` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A resource was created, changed or deleted.
    Resource,
    /// An operation moved.
    Operation,
    /// New rates of servers and hosts.
    Sample,
    /// An alarm changed its state.
    Alarm,
    /// Events were lost.
    Resync,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Resource,
        Self::Operation,
        Self::Sample,
        Self::Alarm,
        Self::Resync,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Operation => "operation",
            Self::Sample => "sample",
            Self::Alarm => "alarm",
            Self::Resync => "resync",
        }
    }

    /// The topic with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

/// One event. The JSON has the topic's name as its only member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A resource was created, changed or deleted.
    Resource(ResourceEvent),
    /// An operation moved; whole, with its steps.
    Operation(Box<Operation>),
    /// New rates of servers and hosts.
    Sample(SampleBatch),
    /// An alarm changed its state.
    Alarm(AlarmEvent),
    /// Events were lost: list anew.
    Resync(Resync),
}

impl Event {
    /// Its topic.
    pub fn topic(&self) -> Topic {
        match self {
            Self::Resource(_) => Topic::Resource,
            Self::Operation(_) => Topic::Operation,
            Self::Sample(_) => Topic::Sample,
            Self::Alarm(_) => Topic::Alarm,
            Self::Resync(_) => Topic::Resync,
        }
    }
}

/// What happened to a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is there now.
    Created,
    /// It is gone.
    Deleted,
    /// It looks different; also what to assume of a word that is not known.
    #[default]
    #[serde(other)]
    Updated,
}

/// A resource changed. The event says which; whoever shows it asks for it, so that rights are checked in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceEvent {
    /// The resource.
    pub resource: ResourceRef,
    /// Its project; absent for what belongs to none (hosts, flavors).
    pub project_id: Option<String>,
    /// What happened.
    pub change: Change,
    /// Its status after it, where it has one (`ACTIVE`, `in-use`, `up`).
    pub status: Option<String>,
    /// The node it is on, where it is on one.
    pub host: Option<String>,
    /// A line for people, when there is more to say: `cmp-07: heartbeat lost for 40 s`.
    pub message: Option<String>,
    /// When.
    pub at: Time,
}

/// An alarm changed its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlarmEvent {
    /// The alarm.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `low`, `moderate`, `critical`.
    pub severity: String,
    /// `ok`, `alarm`, `insufficient data`.
    pub state: String,
    /// What it is about.
    pub resource: Option<ResourceRef>,
    /// For people: `heartbeat lost for 40 s`.
    pub message: String,
    /// When.
    pub at: Time,
}

/// Why everything must be listed anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resync {
    /// `too slow`, `too old`, `connected` (the first event after a connection without a last id).
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_its_topic_as_only_member() {
        let event = Event::Resource(ResourceEvent {
            change: Change::Deleted,
            ..ResourceEvent::default()
        });
        let value = serde_json::to_value(&event).unwrap();
        assert_eq!(value[event.topic().name()]["change"], "deleted");
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
        assert_eq!(Topic::parse("sample"), Some(Topic::Sample));
    }
}
