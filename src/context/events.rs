//! Changes as they happen, for whoever watches: the API's event stream above all. Control processes that share a bus tell
//! each other, so that it does not matter whom a console asks.
//!
//! Events are hints. A slow watcher loses old ones and is told so; one that comes back soon gets what it missed from a
//! short memory. Whoever needs the truth reads it from the database when an event says that it changed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::ids::{ProjectId, Time};

/// Events remembered, and kept for slow watchers.
const DEPTH: usize = 4096;

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It exists now.
    Created,
    /// It is different.
    Updated,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Time,
    /// Kind of the thing: `server`, `image`, `operation`, `host`, `sample`, …
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, where it has one: after it is gone nobody can look that up.
    pub name: Option<String>,
    /// Its status after this, as OpenStack writes it, where it has one: `ACTIVE`, `in-use`.
    pub status: Option<String>,
    /// The node it is on, where it is on one.
    pub host: Option<String>,
    /// Its project, when it has one; others do not see the event.
    pub project: Option<ProjectId>,
    /// What happened.
    pub change: Change,
    /// A line for people, when there is more to say than that (`cmp-07 heartbeat lost`).
    pub message: Option<String>,
    /// What a watcher would otherwise ask for at once: the latest rates, the progress of an operation.
    pub data: Option<serde_json::Value>,
    /// Whether another control process told of it, and tells everybody else.
    #[serde(skip)]
    pub relayed: bool,
}

impl Event {
    /// That this happened to a thing now, without more to say.
    pub fn new(kind: &str, id: impl ToString, project: Option<ProjectId>, change: Change) -> Self {
        Self {
            at: Time::now(),
            kind: kind.to_owned(),
            id: id.to_string(),
            name: None,
            status: None,
            host: None,
            project,
            change,
            message: None,
            data: None,
            relayed: false,
        }
    }

    /// The same of a thing of this name; an empty one is none.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned()).filter(|name| !name.is_empty());
        self
    }

    /// The same with its status after it.
    #[must_use]
    pub fn with_status(mut self, status: impl ToString) -> Self {
        self.status = Some(status.to_string());
        self
    }

    /// The same on this node.
    #[must_use]
    pub fn on_host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(str::to_owned);
        self
    }

    /// The same with a line for people.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// An event with its place in the order of this process.
pub type Numbered = (u64, Arc<Event>);

/// Where events are published and watched.
pub struct EventHub {
    sender: broadcast::Sender<Numbered>,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    last: u64,
    events: VecDeque<Numbered>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(DEPTH).0,
            recent: Mutex::default(),
        }
    }
}

impl EventHub {
    /// Tells all watchers. To be called after the change is committed.
    pub fn publish(&self, event: Event) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.last += 1;
        let numbered = (recent.last, Arc::new(event));
        // Samples come every second and are never missed: the next ones say more.
        if numbered.1.kind != "sample" {
            if recent.events.len() == DEPTH {
                recent.events.pop_front();
            }
            recent.events.push_back(numbered.clone());
        }
        // Nobody watching is fine. Sent under the lock, so that numbers arrive in order.
        let _ = self.sender.send(numbered);
    }

    /// Tells all watchers of a change without more to say.
    pub fn changed(
        &self,
        kind: &str,
        id: impl ToString,
        project: Option<ProjectId>,
        change: Change,
    ) {
        self.publish(Event::new(kind, id, project, change));
    }

    /// Events from now on.
    pub fn watch(&self) -> broadcast::Receiver<Numbered> {
        self.sender.subscribe()
    }

    /// Events after number `last`, and those to come. `None` if some of them are forgotten.
    pub fn watch_after(&self, last: u64) -> Option<(Vec<Numbered>, broadcast::Receiver<Numbered>)> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let complete = recent.events.len() < DEPTH
            || recent
                .events
                .front()
                .is_some_and(|(first, _)| *first <= last + 1);
        let missed = recent
            .events
            .iter()
            .filter(|(number, _)| *number > last)
            .cloned()
            .collect();
        (complete && last <= recent.last).then(|| (missed, self.sender.subscribe()))
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.sender.receiver_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_that_returns_gets_what_it_missed_or_is_told_that_it_can_not() {
        let hub = EventHub::default();
        for number in 0..3 {
            hub.changed("server", number, None, Change::Updated);
        }
        let missed = |last| {
            hub.watch_after(last)
                .map(|(events, _)| events.iter().map(|(n, _)| *n).collect::<Vec<_>>())
        };
        assert_eq!(missed(1), Some(vec![2, 3]));
        assert_eq!(missed(9), None);
        for number in 0..DEPTH {
            hub.changed("server", number, None, Change::Updated);
        }
        assert_eq!(missed(1), None);
    }
}
