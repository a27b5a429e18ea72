//! Many servers that change hosts by one wish: what would be done, and runs of it.

use serde::{Deserialize, Serialize};

use super::{Explanation, OperationStatus};
use crate::ids::Time;

/// A wish for many moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovesRequest {
    /// `drain`, `return` (both of one host), `spread`, `condense` (of all hosts).
    pub goal: String,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many at a time, from 1 to 16; 2 when absent. A plan does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
}

/// One of the moves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedMove {
    /// The server.
    pub server_id: String,
    /// Its name.
    pub name: String,
    /// From this host.
    pub from: String,
    /// To this one; absent if none takes it, or none was chosen yet.
    pub to: Option<String>,
    /// `waiting`, `moving`, `moved`, `stays`, `failed`.
    pub state: String,
    /// Its operation, once it was begun.
    pub operation_id: Option<String>,
    /// Why no host takes it, why it stays, or why it failed.
    pub reason: Option<String>,
}

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MovesPlan {
    /// Whether a host was found for all that have to move.
    pub fits: bool,
    /// In this order.
    pub moves: Vec<PlannedMove>,
    /// Why no host takes a server, by host and filter.
    pub refusals: Vec<Explanation>,
}

/// `{"plan": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MovesPlanBody {
    /// The plan.
    pub plan: MovesPlan,
}

/// A run of moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovesRun {
    /// The operation that does it; aborted as any operation is.
    pub operation_id: String,
    /// Where it is in its life.
    pub status: OperationStatus,
    /// What for; `back` for one that takes another's moves back.
    pub goal: String,
    /// The host it is about, if it is about one.
    pub host: Option<String>,
    /// Whether nothing new is begun.
    pub paused: bool,
    /// Its moves in order.
    pub moves: Vec<PlannedMove>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

/// `{"run": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovesRunBody {
    /// The run.
    pub run: MovesRun,
}

/// `{"runs": […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MovesRunList {
    /// Newest first.
    pub runs: Vec<MovesRun>,
}
