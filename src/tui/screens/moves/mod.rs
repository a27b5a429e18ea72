//! Wishes that move many servers: a drain, a return, a spreading, a gathering, and the way back. The list of them, and
//! each with its servers.
//!
//! A run is asked for anew when its operation tells that it went on, at most once a second; how far each server is comes
//! from the list of migrations.

mod plan;
mod run;

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::api::wire::{MovesRun, OperationStatus, PlannedMove};
use crate::client::{Client, ClientError};
use crate::compute::wire::Server;
use crate::ids::Time;
use crate::tui::command::Command;
use crate::tui::effect::{Done, Request, call};
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::list::{List, Spec};
use super::migrations::{self, Move};
use super::{Entry, Object, Screen};

pub use plan::Plan;

/// One server of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// Its place in the run, from 1.
    pub number: usize,
    /// What is to be done with it, and how that stands.
    #[serde(flatten)]
    pub planned: PlannedMove,
}

impl Row for Item {
    const KIND: &'static str = "moves.server";

    fn id(&self) -> &str {
        &self.planned.server_id
    }

    fn name(&self) -> &str {
        &self.planned.name
    }
}

impl Item {
    /// The migration that moves it.
    fn migration<'a>(&self, facts: &Facts<'a>) -> Option<&'a Move> {
        migrations::of_operation(self.planned.operation_id.as_deref()?, facts)
    }

    fn is(&self, state: &str) -> bool {
        self.planned.state == state
    }
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Its operation, which is its id.
    pub operation_id: String,
    /// Where that is in its life.
    pub status: OperationStatus,
    /// `drain`, `return`, `spread`, `condense`, `evacuate`, `back`.
    pub goal: String,
    /// The host it is about, if it is about one.
    pub host: Option<String>,
    /// Whether nothing new is begun.
    pub paused: bool,
    /// When it was asked for.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// Its servers in order.
    pub moves: Vec<Item>,
    /// `drain of cmp-03`.
    #[serde(skip)]
    name: String,
}

impl From<MovesRun> for Run {
    fn from(told: MovesRun) -> Self {
        let goal = match told.goal.as_str() {
            "spread" => "spread servers",
            "condense" => "condense servers",
            "back" => "way back",
            "evacuate" => "evacuation",
            other => other,
        };
        let name = match &told.host {
            Some(host) => format!("{goal} of {host}"),
            None => goal.to_owned(),
        };
        let numbered = (1..).zip(told.moves);
        Self {
            operation_id: told.operation_id,
            status: told.status,
            goal: told.goal,
            host: told.host,
            paused: told.paused,
            created_at: told.created_at,
            finished_at: told.finished_at,
            moves: numbered
                .map(|(number, planned)| Item { number, planned })
                .collect(),
            name,
        }
    }
}

impl Row for Run {
    const KIND: &'static str = "moves";

    fn id(&self) -> &str {
        &self.operation_id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Run {
    const EVERY: i64 = 2;
    const RESTLESS: bool = true;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            if !client.supports_skydeck().await? {
                return Ok(Vec::new());
            }
            let told = client.moves_list().await?;
            Ok(told.into_iter().map(Self::from).collect())
        })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move {
            client.moves_show(&id).await.map(Self::from)
        }))
    }
}

impl Run {
    /// Kind of the operations that are runs.
    pub const OPERATION: &'static str = "server_moves";

    fn is_under_way(&self) -> bool {
        matches!(
            self.status,
            OperationStatus::Running | OperationStatus::Waiting
        )
    }

    /// Whether it has begun this operation.
    pub fn begun(&self, operation: &str) -> bool {
        let mut begun = self
            .moves
            .iter()
            .filter_map(|one| one.planned.operation_id.as_deref());
        begun.any(|id| id == operation)
    }

    /// Servers in this state.
    fn count(&self, state: &str) -> usize {
        self.moves.iter().filter(|one| one.is(state)).count()
    }

    /// The part that is done; what moves counts with its own part.
    fn part(&self, facts: &Facts<'_>) -> Option<f64> {
        let parts = self
            .moves
            .iter()
            .map(|one| match one.planned.state.as_str() {
                "waiting" => 0.0,
                "moving" => one.migration(facts).and_then(Move::part).unwrap_or(0.0),
                _ => 1.0,
            });
        (!self.moves.is_empty()).then(|| parts.sum::<f64>() / self.moves.len() as f64)
    }
}

/// What a run's state means, and its word.
fn mood(row: &Run) -> (Mood, &'static str) {
    match row.status {
        OperationStatus::Running | OperationStatus::Waiting if row.paused => (Mood::Warn, "paused"),
        OperationStatus::Running | OperationStatus::Waiting => (Mood::Busy, "running"),
        OperationStatus::Undoing => (Mood::Warn, "aborting"),
        OperationStatus::Done if row.count("failed") > 0 => (Mood::Bad, "some failed"),
        OperationStatus::Done => (Mood::Good, "done"),
        OperationStatus::Failed => (Mood::Off, "aborted"),
        OperationStatus::Stuck => (Mood::Bad, "stuck"),
        OperationStatus::Abandoned => (Mood::Off, "abandoned"),
        OperationStatus::Unknown => (Mood::Unknown, "unknown"),
    }
}

/// What there is to say about it in a line.
fn remark<'a>(row: &'a Run) -> Value<'a> {
    let mut failed = row.moves.iter().filter(|one| one.is("failed"));
    if let Some(first) = failed.next() {
        let reason = first.planned.reason.as_deref().unwrap_or("it did not move");
        return Value::owned(format!("{}: {reason}", first.name()));
    }
    if !row.is_under_way() {
        return Value::Absent;
    }
    let moving = row.moves.iter().filter(|one| one.is("moving"));
    let names: Vec<&str> = moving.map(Row::name).collect();
    match names.is_empty() {
        true => Value::Absent,
        false => Value::owned(format!("moving {}", names.join(", "))),
    }
}

static COLUMNS: [Column<Run>; 8] = [
    Column::new("age", (4, 4), 0, |row, _| Value::Age(row.created_at)),
    Column::new("what", (18, 28), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (13, 13), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("done", (6, 12), 1, |row, facts| {
        Value::maybe(
            row.part(facts).filter(|_| row.is_under_way()),
            Value::Progress,
        )
    }),
    Column::new("moved", (7, 9), 0, |row, _| {
        Value::owned(format!("{}/{}", row.count("moved"), row.moves.len()))
    }),
    Column::new("failed", (6, 6), 3, |row, _| {
        let failed = row.count("failed");
        Value::maybe((failed > 0).then_some(failed as f64), Value::Number)
    }),
    Column::new("remark", (14, 60), 2, |row, _| remark(row)),
    Column::new("took", (5, 7), 4, |row, facts| {
        let end = row.finished_at.unwrap_or(facts.clock.now);
        Value::Span((end.0 - row.created_at.0).max(0))
    }),
];

static ACTIONS: [Action<Run>; 5] = [
    Action::ask(
        "moves.pause",
        "Pause",
        Risk::None,
        |row| match (row.is_under_way(), row.paused) {
            (false, _) => Some("it is over"),
            (_, true) => Some("it is paused"),
            _ => None,
        },
        |row, _| {
            request(row, "pause", |client, id| async move {
                client.moves_pause(&id).await?;
                Ok(Done::saying("nothing new is begun; what moves goes on"))
            })
        },
    ),
    Action::ask(
        "moves.resume",
        "Resume",
        Risk::None,
        |row| match (row.is_under_way(), row.paused) {
            (false, _) => Some("it is over"),
            (_, false) => Some("it is not paused"),
            _ => None,
        },
        |row, _| {
            request(row, "resume", |client, id| async move {
                client.moves_resume(&id).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "moves.retry",
        "Retry",
        Risk::None,
        |row| match row.count("failed") {
            _ if row.finished_at.is_none() => Some("it is not over yet"),
            0 => Some("nothing of it failed"),
            _ => None,
        },
        |row, _| {
            request(row, "retry", |client, id| async move {
                let begun = client.moves_retry(&id).await?;
                Ok(Done::made(begun.operation_id, "begun anew"))
            })
        },
    ),
    Action::ask(
        "moves.abort",
        "Abort",
        Risk::Disruptive(
            "What moves is broken off, and no other is begun. Servers that have moved stay where they are; a host that \
             was drained takes servers again.",
        ),
        |row| (!row.is_under_way()).then_some("it is over, or being aborted"),
        |row, _| {
            request(row, "abort", |client, id| async move {
                client.operation_abort(&id).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "moves.back",
        "Roll back",
        Risk::Disruptive(
            "Servers that it has moved go back to the hosts they came from, two at a time; a host that was drained \
             takes servers again.",
        ),
        not_rolled_back,
        |row, _| {
            request(row, "roll back", |client, id| async move {
                let begun = client.moves_roll_back(&id).await?;
                Ok(Done::made(begun.operation_id, "begun"))
            })
        },
    ),
];

/// Why there is no way back of a run.
fn not_rolled_back(row: &Run) -> Option<&'static str> {
    match row.goal.as_str() {
        _ if row.finished_at.is_none() => Some("it is not over yet; abort it first"),
        "return" | "back" => Some("what came back is not moved forth again"),
        "evacuate" => Some("what the dead host had is gone"),
        _ => (row.count("moved") == 0).then_some("it has moved nothing"),
    }
}

fn request<F, A>(row: &Run, what: &str, ask: F) -> Box<dyn Request>
where
    F: FnOnce(Client, String) -> A + Send + 'static,
    A: Future<Output = Result<Done, ClientError>> + Send + 'static,
{
    let id = row.operation_id.clone();
    call(format!("moves {id} {what}"), move |client| ask(client, id))
}

fn needs() -> Vec<Need> {
    vec![
        Need::list::<Run>(),
        Need::list::<Move>(),
        Need::list::<Server>(),
    ]
}

static SPEC: Spec<Run> = Spec {
    view: "moves",
    title: "Moves",
    noun: "run",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: None,
    needs,
    enter: |row, _| open(&row.operation_id),
    mood: Some(mood),
    empty: "No host was drained or filled, and no load spread lately. Press w on a host to drain it.",
};

/// Opens a run.
fn open(id: &str) -> Option<Box<dyn Screen>> {
    Some(Box::new(run::Servers::of(id)))
}

/// The newest run that this is true of, or else all of them.
pub fn newest(facts: &Facts<'_>, fits: impl Fn(&Run) -> bool) -> Option<Box<dyn Screen>> {
    let runs = facts.data.rows::<Run>().iter();
    let found = runs
        .filter(|run| fits(run))
        .max_by_key(|run| run.created_at.0);
    match found {
        Some(run) => open(&run.operation_id),
        None => Some((ENTRY.open)(facts)),
    }
}

const MOVES: &[&str] = &["moves"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "moves",
    commands: &[
        Command::new(
            "view.moves",
            "moves",
            "Go to drains and other wishes that move many servers",
            &["global"],
        ),
        Command::new(
            "moves.pause",
            "pause",
            "Begin nothing new; what moves goes on",
            MOVES,
        )
        .administrative()
        .hint(20),
        Command::new("moves.resume", "resume", "Go on after a pause", MOVES)
            .administrative()
            .hint(20),
        Command::new(
            "moves.retry",
            "retry",
            "Begin anew what failed, as a run of its own",
            MOVES,
        )
        .administrative()
        .hint(21),
        Command::new(
            "moves.abort",
            "abort",
            "Break off what moves and begin no other",
            MOVES,
        )
        .administrative()
        .hint(22),
        Command::new(
            "moves.back",
            "roll back",
            "Bring what it has moved back to where it came from",
            MOVES,
        )
        .administrative()
        .hint(23),
        Command::new(
            "moves.server",
            "its server",
            "Show the selected server",
            &["moves-run"],
        )
        .hint(24),
        Command::new(
            "plan.more",
            "more at once",
            "Move more servers at a time",
            &["moves-plan"],
        )
        .hint(3),
        Command::new(
            "plan.fewer",
            "fewer",
            "Move fewer servers at a time",
            &["moves-plan"],
        )
        .hint(4),
    ],
    offered: |session| session.extended && session.is_admin(),
    open: |_| Box::new(List::new(&SPEC).beginning_with(Run::is_under_way)),
    kind: Run::KIND,
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| open(id),
};

/// `5 of 12 moved, 2 moving, 4 waiting, 1 failed, 1 stays`.
fn standing(row: &Run) -> String {
    let mut words = format!("{} of {} moved", row.count("moved"), row.moves.len());
    for state in ["moving", "waiting", "failed", "stays"] {
        match row.count(state) {
            0 => {}
            1 => words.push_str(&format!(", 1 {state}")),
            many => words.push_str(&format!(", {many} {}", state.trim_end_matches('s'))),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evacuation_is_named_as_one_and_not_rolled_back() {
        let told = MovesRun {
            operation_id: "1".into(),
            status: OperationStatus::Done,
            goal: "evacuate".into(),
            host: Some("cmp-03".into()),
            paused: false,
            created_at: Time(0),
            finished_at: Some(Time(1)),
            moves: Vec::new(),
        };
        let run = Run::from(told);
        assert_eq!(run.name(), "evacuation of cmp-03");
        assert_eq!(
            not_rolled_back(&run),
            Some("what the dead host had is gone")
        );
    }
}
