//! What is told to whoever listens outside: a resource changed.

use serde::Serialize;
use serde_json::Value;

use crate::ids::Time;

/// Version of the notification's shape. Fields may be added without changing it.
const VERSION: u8 = 1;

/// A change, as JSON with a version, under the routing key `<kind>.<change>` (`server.updated`).
#[derive(Clone, Debug, Serialize)]
pub struct Notification {
    /// Version of this shape.
    pub version: u8,
    /// When it happened.
    pub at: Time,
    /// Kind of the thing: `server`, `image`, `operation`, `host`, …
    pub kind: String,
    /// `created`, `updated` or `deleted`.
    pub change: &'static str,
    /// The thing's id.
    pub id: String,
    /// Its project, when it has one.
    pub project_id: Option<String>,
    /// A line for people.
    pub message: Option<String>,
    /// More, by kind.
    pub data: Option<Value>,
}

impl Notification {
    /// That `kind` with this id changed now in this way.
    pub fn new(at: Time, kind: &str, change: &'static str, id: &str) -> Self {
        Self {
            version: VERSION,
            at,
            kind: kind.to_owned(),
            change,
            id: id.to_owned(),
            project_id: None,
            message: None,
            data: None,
        }
    }

    /// The key that listeners choose by.
    pub fn routing_key(&self) -> String {
        format!("{}.{}", self.kind, self.change)
    }
}
