//! Who changed what, or tried to.

use futures::future::BoxFuture;

use crate::api::wire::{AuditEntry, AuditOutcome};
use crate::client::{Client, ClientError, ListQuery};
use crate::tui::command::Command;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Resource, Row, is_admin};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::table::Column;

use super::Entry;
use super::detail::Detail;
use super::list::{List, Spec};

/// Entries asked for; the newest.
const MOST: usize = 1_000;

impl Row for AuditEntry {
    const KIND: &'static str = "audit";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.action
    }
}

impl Resource for AuditEntry {
    const EVERY: i64 = 5;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut query = ListQuery::new().limit(MOST);
            query.all_projects = is_admin(&client).await?;
            client.audit_list(&query).await
        })
    }
}

fn mood(row: &AuditEntry) -> (Mood, &'static str) {
    match row.outcome {
        AuditOutcome::Success => (Mood::Good, "accepted"),
        AuditOutcome::Denied => (Mood::Bad, "denied"),
        AuditOutcome::Failure => (Mood::Warn, "failed"),
        AuditOutcome::Unknown => (Mood::Unknown, "unknown"),
    }
}

fn thing(row: &AuditEntry) -> Value<'_> {
    Value::maybe(row.resource.as_ref(), |resource| {
        Value::text(resource.name.as_deref().unwrap_or(&resource.id))
    })
}

fn who(row: &AuditEntry) -> Value<'_> {
    Value::text(row.user_name.as_deref().unwrap_or(&row.user_id))
}

static COLUMNS: [Column<AuditEntry>; 7] = [
    Column::new("time", (11, 11), 0, |row, _| Value::When(row.at)),
    Column::new("who", (8, 16), 0, |row, _| who(row)),
    Column::new("what", (14, 24), 0, |row, _| {
        Value::owned(format::spaced(&row.action))
    }),
    Column::new("outcome", (11, 11), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("thing", (12, 30), 0, |row, _| thing(row)),
    Column::new("from", (8, 16), 2, |row, _| Value::text(&row.source)),
    Column::new("reason", (12, 60), 1, |row, _| {
        Value::maybe(row.reason.as_deref(), Value::text)
    }),
];

static SPEC: Spec<AuditEntry> = Spec {
    view: "audit",
    title: "Audit",
    noun: "entry",
    columns: &COLUMNS,
    sort: (0, true),
    actions: &[],
    doc: Some(describe),
    needs: || vec![Need::list::<AuditEntry>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(mood),
    empty: "Nothing was changed yet.",
};

fn describe<'a>(row: &'a AuditEntry, _facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Request")
        .entry("time", Value::Age(row.at))
        .entry("what", Value::owned(format::spaced(&row.action)))
        .entry("outcome", Value::State(mood, word.into()))
        .entry("reason", Value::maybe(row.reason.as_deref(), Value::text))
        .entry("status", Value::Number(f64::from(row.status)));
    doc.link("who", who(row), "user", &row.user_id)
        .entry("from", Value::text(&row.source));
    if let Some(resource) = &row.resource {
        doc.link(
            &resource.kind,
            thing(row),
            super::kind_of(&resource.kind),
            &resource.id,
        );
    }
    let operation = row.operation_id.as_deref();
    doc.link(
        "operation",
        Value::maybe(operation, Value::text),
        "operation",
        operation.unwrap_or_default(),
    )
    .entry("request", Value::text(&row.request_id));
    doc
}

/// This view.
pub static ENTRY: Entry = Entry {
    name: "audit",
    commands: &[Command::new(
        "view.audit",
        "audit",
        "Go to who changed what, or tried to",
        &["global"],
    )],
    offered: |session| session.extended && session.is_admin(),
    open: |_| Box::new(List::new(&SPEC)),
    kind: AuditEntry::KIND,
    objects: |_, _| {},
    show: |id, _| Detail::open(&SPEC, id),
};
