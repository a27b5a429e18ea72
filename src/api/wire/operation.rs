//! Long-running changes, under `/skydeck/v1/operations`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /operations?status=active&resource_id=&request_id=&kind=&all_projects=&limit=&marker=` | [`OperationList`], newest first |
//! | `GET /operations/{id}` | [`OperationBody`] |
//! | `POST /operations/{id}/retry`, `/abandon`, `/abort` | 202 and [`OperationBody`]; 409 where [`Operation::can`] lacks it |

use serde::{Deserialize, Serialize};

use crate::ids::Time;

/// What an operation, an event or an audit entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceRef {
    /// Singular, as in OpenStack's URLs: `server`, `image`, `volume`, `network`, `subnet`, `port`, `flavor`, `keypair`,
    /// `project`, `user`, `host`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name when this was written; a deleted resource keeps it.
    pub name: Option<String>,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// A control process works on it, or will within seconds.
    #[default]
    Running,
    /// Parked until something happens: another operation on the same resource ends, a report comes, the operator
    /// confirms a resize.
    Waiting,
    /// A step failed or it was aborted; what it made is being undone.
    Undoing,
    /// Finished as asked.
    Done,
    /// Failed; everything it made is gone again.
    Failed,
    /// An undo failed: something is half made. The operator retries or abandons.
    Stuck,
    /// Was stuck and given up by the operator.
    Abandoned,
    /// A status of a newer release.
    #[serde(other)]
    Unknown,
}

impl OperationStatus {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Abandoned => "abandoned",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing more happens by itself or by the operator.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Abandoned)
    }
}

/// What an operator may do with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationVerb {
    /// Try the stuck undo again.
    Retry,
    /// Give up a stuck operation, leaving what is there.
    Abandon,
    /// Stop and undo what was done.
    Abort,
    /// A verb of a newer release.
    #[serde(other)]
    Unknown,
}

impl OperationVerb {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Abandon => "abandon",
            Self::Abort => "abort",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Being done.
    Running,
    /// Done.
    Done,
    /// Failed; its error says why.
    Failed,
    /// Being undone.
    Undoing,
    /// Undone.
    Undone,
    /// A status of a newer release.
    #[serde(other)]
    Unknown,
}

/// One step of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationStep {
    /// `place`, `ports`, `root_disk`, `start_guest`, …
    pub name: String,
    /// Where it stands.
    pub status: StepStatus,
    /// How often it was begun; more than one means it was retried.
    pub attempts: u32,
    /// When it was first begun.
    pub started: Option<Time>,
    /// When it was done, failed or undone.
    pub finished: Option<Time>,
    /// What the last attempt said; kept also if a later attempt succeeded.
    pub error: Option<String>,
}

/// How far the running step has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// What is being done, for people: `copying the root disk`.
    pub what: String,
    /// Done so far, in `unit`.
    pub done: u64,
    /// All there is, when known.
    pub total: Option<u64>,
    /// `bytes` or `percent`.
    pub unit: String,
    /// Units per second over the last seconds; absent while it stands still or is not known.
    pub rate: Option<f64>,
    /// Seconds left at that rate.
    pub eta: Option<u64>,
    /// When this was last heard; a console shows progress that is old as stalled.
    pub at: Time,
}

impl Progress {
    /// Part done, 0 to 1, when the whole is known.
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.done as f64 / total as f64).min(1.0))
    }
}

/// Why something failed, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationError {
    /// What failed and why.
    pub message: String,
    /// What the operator can do.
    pub hint: Option<String>,
}

/// A long-running change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// `server_create`, `server_resize`, `volume_attach`, … resource first.
    pub kind: String,
    /// What it changes.
    pub resource: ResourceRef,
    /// Project of the resource.
    pub project_id: String,
    /// Who asked.
    pub user_id: String,
    /// Who asked, by name.
    pub user_name: Option<String>,
    /// The request that asked.
    pub request_id: String,
    /// Where it stands.
    pub status: OperationStatus,
    /// Name of the step under way, or of the last one.
    pub step: Option<String>,
    /// All steps in order; in lists empty.
    pub steps: Vec<OperationStep>,
    /// How far the step under way has come.
    pub progress: Option<Progress>,
    /// Why it goes back, is stuck, or what it waits for.
    pub error: Option<OperationError>,
    /// The node it works on, where there is one.
    pub host: Option<String>,
    /// What the operator may do now.
    pub can: Vec<OperationVerb>,
    /// When it was asked for.
    pub created: Time,
    /// When it last changed.
    pub updated: Time,
    /// When it ended.
    pub finished: Option<Time>,
}

/// `{"operation": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationBody {
    /// The operation.
    pub operation: Operation,
}

/// `{"operations": […], "next": …}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationList {
    /// Newest first.
    pub operations: Vec<Operation>,
    /// `marker` of the next page; absent on the last one.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_newer_release_do_not_break_an_older_console() {
        let text = r#"{"operation":{"id":"1","kind":"server_create","status":"dreaming","can":["abort","exorcise"],
            "resource":{"type":"server","id":"2"},"steps":[{"name":"place","status":"done","new_field":1}]}}"#;
        let body: OperationBody = serde_json::from_str(text).unwrap();
        assert_eq!(body.operation.status, OperationStatus::Unknown);
        assert_eq!(
            body.operation.can,
            [OperationVerb::Abort, OperationVerb::Unknown]
        );
        assert_eq!(body.operation.steps[0].status, StepStatus::Done);
        assert_eq!(body.operation.resource.kind, "server");
    }
}
