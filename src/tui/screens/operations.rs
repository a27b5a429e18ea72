//! Every long-running change: where it stands, its steps, why it failed and what to do. They are the cloud's and go on
//! without this console.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::api::wire::{Operation, OperationStatus, OperationVerb, Progress, StepStatus};
use crate::client::{Client, ClientError, ListQuery};
use crate::ids::Time;
use crate::tui::command::Command;
use crate::tui::effect::{Done, Reporter, Request};
use crate::tui::failure::Failure;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Part, Resource, Row, is_admin};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

/// Operations asked for; older ones are found through the thing they changed.
const MOST: usize = 500;
/// Seconds without news after which progress is shown as stalled.
const STALLED: i64 = 10;

impl Row for Operation {
    const KIND: &'static str = "operation";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        self.resource.name.as_deref().unwrap_or(&self.resource.id)
    }
}

impl Resource for Operation {
    const EVERY: i64 = 2;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut query = ListQuery::new().limit(MOST);
            query.all_projects = is_admin(&client).await?;
            client.operation_list(&query).await
        })
    }
}

/// An operation with its steps.
pub struct Steps(pub Operation);

impl Part for Steps {
    const KIND: &'static str = "operation.steps";
    const EVERY: i64 = 2;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move { client.operation_show(&id).await.map(Self) })
    }
}

/// What a status means, and its word.
pub fn mood(operation: &Operation) -> (Mood, &'static str) {
    match operation.status {
        OperationStatus::Running => (Mood::Busy, "running"),
        OperationStatus::Waiting => (Mood::Busy, "waiting"),
        OperationStatus::Undoing => (Mood::Warn, "undoing"),
        OperationStatus::Done => (Mood::Good, "done"),
        OperationStatus::Failed => (Mood::Bad, "failed"),
        OperationStatus::Stuck => (Mood::Bad, "stuck"),
        OperationStatus::Abandoned => (Mood::Off, "abandoned"),
        OperationStatus::Unknown => (Mood::Unknown, "unknown"),
    }
}

/// How far it has come, in words that stay true when it stalls.
pub fn progress_words(progress: &Progress, now: Time) -> String {
    let mut words = progress.what.clone();
    let silent = now.0 - progress.at.0;
    let stalled = silent > STALLED * 1_000_000;
    if stalled {
        // Before all else: the end of the line is what is cut off.
        words.push_str(&format!(", no news for {},", format::span(silent)));
    }
    if progress.unit == "bytes" {
        words.push_str(&format!(" {}", format::bytes(progress.done as f64)));
        if let Some(total) = progress.total {
            words.push_str(&format!(" of {}", format::bytes(total as f64)));
        }
    }
    if stalled {
        return words.trim_end_matches(',').to_owned();
    }
    if let Some(rate) = progress.rate.filter(|_| progress.unit == "bytes") {
        words.push_str(&format!("  {}", format::rate(rate)));
    }
    if let Some(eta) = progress.eta {
        let micros = i64::try_from(eta).unwrap_or(0) * 1_000_000;
        words.push_str(&format!("  eta {}", format::clock_span(micros)));
    }
    words
}

/// What there is to say about it: progress, or why it failed, or its step.
fn remark<'a>(row: &'a Operation, facts: &Facts<'a>) -> Value<'a> {
    if let Some(error) = &row.error {
        return Value::text(&error.message);
    }
    match (&row.progress, row.status.is_final()) {
        (Some(progress), false) => Value::owned(progress_words(progress, facts.clock.now)),
        _ => Value::maybe(row.step.as_deref(), |step| {
            Value::owned(format::spaced(step))
        }),
    }
}

fn took(row: &Operation, now: Time) -> i64 {
    row.finished.unwrap_or(now).0 - row.created.0
}

static COLUMNS: [Column<Operation>; 9] = [
    Column::new("age", (4, 4), 0, |row, _| Value::Age(row.created)),
    Column::new("status", (11, 11), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("what", (13, 20), 0, |row, _| {
        Value::owned(format::spaced(&row.kind))
    }),
    Column::new("name", (10, 26), 0, |row, _| Value::text(row.name())),
    Column::new("done", (6, 12), 1, |row, _| match &row.progress {
        Some(progress) if !row.status.is_final() => {
            Value::maybe(progress.fraction(), Value::Progress)
        }
        _ => Value::Absent,
    }),
    Column::new("remark", (24, 80), 0, remark),
    Column::new("took", (6, 7), 2, |row, facts| {
        Value::Span(took(row, facts.clock.now))
    }),
    Column::new("host", (8, 14), 4, |row, _| {
        Value::maybe(row.host.as_deref(), Value::text)
    }),
    Column::new("by", (6, 12), 3, |row, _| {
        Value::maybe(row.user_name.as_deref(), Value::text)
    }),
];

#[derive(Debug)]
struct Decide {
    id: String,
    verb: OperationVerb,
}

impl Request for Decide {
    fn run(
        self: Box<Self>,
        client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            match self.verb {
                OperationVerb::Retry => client.operation_retry(&self.id).await,
                OperationVerb::Abandon => client.operation_abandon(&self.id).await,
                OperationVerb::Abort | OperationVerb::Unknown => {
                    client.operation_abort(&self.id).await
                }
            }?;
            Ok(Done::default())
        })
    }
}

fn decide(row: &Operation, verb: OperationVerb) -> Box<dyn Request> {
    let id = row.id.clone();
    Box::new(Decide { id, verb })
}

fn lacks(row: &Operation, verb: OperationVerb, why: &'static str) -> Option<&'static str> {
    (!row.can.contains(&verb)).then_some(why)
}

static ACTIONS: [Action<Operation>; 3] = [
    Action::ask(
        "operation.abort",
        "Abort",
        Risk::Disruptive("What was done so far is undone."),
        |row| lacks(row, OperationVerb::Abort, "it can not be aborted now"),
        |row, _| decide(row, OperationVerb::Abort),
    ),
    Action::ask(
        "operation.retry",
        "Retry",
        Risk::None,
        |row| {
            lacks(
                row,
                OperationVerb::Retry,
                "only a stuck operation is retried",
            )
        },
        |row, _| decide(row, OperationVerb::Retry),
    ),
    Action::ask(
        "operation.abandon",
        "Abandon",
        Risk::Irreversible(|row, _| {
            vec![format!(
                "what is half made of the {} stays as it is",
                row.resource.kind
            )]
        }),
        |row| {
            lacks(
                row,
                OperationVerb::Abandon,
                "only a stuck operation is abandoned",
            )
        },
        |row, _| decide(row, OperationVerb::Abandon),
    ),
];

/// The list of operations.
pub static SPEC: Spec<Operation> = Spec {
    view: "operations",
    title: "Operations",
    noun: "operation",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Operation>()],
    enter: |row, _| open(&row.id),
    mood: Some(mood),
    empty: "Nothing was changed lately.",
};

fn open(id: &str) -> Option<Box<dyn super::Screen>> {
    Detail::open_with(&SPEC, id, vec![Need::part::<Steps>(id)])
}

fn describe<'a>(listed: &'a Operation, facts: &Facts<'a>) -> Doc<'a> {
    let loaded = facts.data.part::<Steps>(&listed.id).map(|steps| &steps.0);
    // The newer of both: rows come by events, steps by asking.
    let row = match loaded {
        Some(loaded) if loaded.updated >= listed.updated || listed.steps.is_empty() => loaded,
        _ => listed,
    };
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Operation")
        .entry("what", Value::owned(format::spaced(&row.kind)))
        .link(
            "of",
            Value::text(row.name()),
            super::kind_of(&row.resource.kind),
            &row.resource.id,
        )
        .entry("status", Value::State(mood, word.into()));
    if let Some(progress) = row.progress.as_ref().filter(|_| !row.status.is_final()) {
        doc.entry("done", Value::maybe(progress.fraction(), Value::Progress))
            .entry(
                "progress",
                Value::owned(progress_words(progress, facts.clock.now)),
            );
    }
    doc.entry("asked", Value::Age(row.created))
        .entry("took", Value::Span(took(row, facts.clock.now)))
        .entry("host", Value::maybe(row.host.as_deref(), Value::text))
        .entry("by", Value::maybe(row.user_name.as_deref(), Value::text))
        .entry("request", Value::text(&row.request_id))
        .entry("id", Value::text(&row.id));
    if let Some(error) = &row.error {
        doc.group("Why it failed")
            .entry("reason", Value::text(&error.message));
        doc.entry(
            "what to do",
            Value::maybe(error.hint.as_deref(), Value::text),
        );
    }
    doc.group("Steps");
    for step in &row.steps {
        let (mood, word) = step_mood(step.status);
        let mut text = word.to_owned();
        if step.attempts > 1 {
            text.push_str(&format!(", attempt {}", step.attempts));
        }
        if let (Some(started), Some(finished)) = (step.started, step.finished) {
            text.push_str(&format!(", {} ms", (finished.0 - started.0) / 1_000));
        }
        doc.entry(&step.name, Value::State(mood, text.into()));
        doc.entry("", Value::maybe(step.error.as_deref(), Value::text));
    }
    doc
}

fn step_mood(status: StepStatus) -> (Mood, &'static str) {
    match status {
        StepStatus::Pending => (Mood::Off, "to come"),
        StepStatus::Running => (Mood::Busy, "running"),
        StepStatus::Done => (Mood::Good, "done"),
        StepStatus::Failed => (Mood::Bad, "failed"),
        StepStatus::Undoing => (Mood::Warn, "being undone"),
        StepStatus::Undone => (Mood::Off, "undone"),
        StepStatus::Unknown => (Mood::Unknown, "unknown"),
    }
}

/// This view.
pub static ENTRY: Entry = Entry {
    name: "operations",
    commands: &[
        Command::new(
            "view.operations",
            "operations",
            "Go to every long-running change with its steps",
            &["global"],
        )
        .hint(70),
        Command::new(
            "operation.abort",
            "abort",
            "Stop the operation and undo what it did",
            &["operations"],
        )
        .mutating()
        .hint(20),
        Command::new(
            "operation.retry",
            "retry",
            "Try again to undo what is stuck",
            &["operations"],
        )
        .administrative()
        .hint(21),
        Command::new(
            "operation.abandon",
            "abandon",
            "Give a stuck operation up, leaving what is there",
            &["operations"],
        )
        .administrative(),
    ],
    offered: |session| session.extended,
    open: |_| Box::new(List::new(&SPEC)),
    kind: "operation",
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| open(id),
};
