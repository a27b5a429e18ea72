//! Changes as they happen, for whoever watches: the API's event stream above all.
//!
//! Events are hints. A slow watcher loses old ones and is told so; a watcher that joins late sees none from before.
//! Whoever needs the truth reads it from the database when an event says that it changed.

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::ids::{ProjectId, Time};

/// Events kept for slow watchers.
const DEPTH: usize = 4096;

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// Its project, when it has one; others do not see the event.
    pub project: Option<ProjectId>,
    /// What happened.
    pub change: Change,
    /// A line for people, when there is more to say than that (`cmp-07 heartbeat lost`).
    pub message: Option<String>,
    /// What a watcher would otherwise ask for at once: the latest rates, the progress of an operation.
    pub data: Option<serde_json::Value>,
}

/// Where events are published and watched.
pub struct EventHub {
    sender: broadcast::Sender<Event>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(DEPTH).0,
        }
    }
}

impl EventHub {
    /// Tells all watchers. To be called after the change is committed.
    pub fn publish(&self, event: Event) {
        // Nobody watching is fine.
        let _ = self.sender.send(event);
    }

    /// Tells all watchers of a change without more to say.
    pub fn changed(
        &self,
        kind: &str,
        id: impl ToString,
        project: Option<ProjectId>,
        change: Change,
    ) {
        self.publish(Event {
            at: Time::now(),
            kind: kind.to_owned(),
            id: id.to_string(),
            project,
            change,
            message: None,
            data: None,
        });
    }

    /// Events from now on.
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.sender.receiver_count()
    }
}
