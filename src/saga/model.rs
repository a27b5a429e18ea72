//! An operation as a row, and the life it can have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{OperationId, ProjectId, Time, UserId};

/// Where an operation is in its life.
///
/// `pending` → `running` → `done`; or from `running` to `unwinding` → `undone`, or `stuck` when an undo keeps failing;
/// from `stuck` the operator goes back to `unwinding` (retry) or to `abandoned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for another operation on the same resource.
    Pending,
    /// Goes forward.
    Running,
    /// Goes back.
    Unwinding,
    /// Reached its end.
    Done,
    /// Failed, and everything was undone.
    Undone,
    /// Failed, and an undo failed too: the operator decides.
    Stuck,
    /// Given up by the operator; what it left behind is theirs or a reconciler's.
    Abandoned,
}

impl Status {
    /// All, in the order of life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Unwinding,
        Self::Done,
        Self::Undone,
        Self::Stuck,
        Self::Abandoned,
    ];

    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Unwinding => "unwinding",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Stuck => "stuck",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether nothing will happen any more by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Abandoned)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or(())
    }
}

/// Why an operation failed, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed and why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// How far a long step has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub what: String,
    /// Done so far, in `unit`.
    pub done: u64,
    /// All there is to do, when known.
    pub total: Option<u64>,
    /// `bytes` or `percent`.
    pub unit: String,
    /// Units per second, lately.
    pub rate: f64,
    /// Seconds left at that rate, when the total is known and something moves.
    pub eta: Option<f64>,
    /// When this was seen.
    pub at: Time,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Its saga.
    pub kind: String,
    /// Version of the saga's state.
    pub version: i64,
    /// Kind of the resource it changes.
    pub resource_type: String,
    /// Id of that resource.
    pub resource_id: String,
    /// Name of it when the operation began.
    pub resource_name: String,
    /// Node it works on, when it has one.
    pub host: Option<String>,
    /// Project of the resource.
    pub project: Option<ProjectId>,
    /// User who asked.
    pub user: Option<UserId>,
    /// Whoever asked, whole, as JSON.
    pub actor: String,
    /// Request by which it was asked.
    pub request_id: String,
    /// The saga's state, as JSON.
    pub state: String,
    /// Forward: the step to run. Backward: one more than the step to undo.
    pub step: usize,
    /// Name of the step that runs, or that ran last.
    pub step_name: String,
    /// How many steps there are.
    pub step_count: i64,
    /// Backward: the step to go forward from again, instead of ending as undone.
    pub restart_at: Option<usize>,
    /// Where it is in its life.
    pub status: Status,
    /// Attempts at the present step that ended without an answer.
    pub attempt: i64,
    /// Whether somebody asked to stop it.
    pub abort: bool,
    /// How far the present step has come.
    pub progress: Option<Progress>,
    /// Why it goes back or what it waits for.
    pub error: Option<Failure>,
    /// Rises with each claim and each write, also from one operation of a resource to the next. Writes of an older claim have
    /// no effect, and nodes refuse what is asked with an older number ([`crate::bus::Turn`]).
    pub generation: i64,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

/// Something that happened to an operation.
#[derive(Clone, Debug)]
pub struct OperationEvent {
    /// When.
    pub at: Time,
    /// Step, by name.
    pub step: String,
    /// `run` or `undo`.
    pub phase: String,
    /// `done`, `failed`, `retry`, `parked`.
    pub outcome: String,
    /// More about it.
    pub message: Option<String>,
    /// How long it took, in microseconds.
    pub duration_us: i64,
}

/// Which operations to list; all that are set must hold.
#[derive(Clone, Debug, Default)]
pub struct OperationQuery {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// On this resource.
    pub resource: Option<String>,
    /// Asked for by this request.
    pub request_id: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Not finished yet.
    pub active: bool,
    /// Older than this one (paging, newest first).
    pub before: Option<OperationId>,
    /// At most so many.
    pub limit: u32,
}
