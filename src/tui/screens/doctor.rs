//! What hosts have against what they should have, with what can be done about it.

use futures::future::BoxFuture;

use crate::client::{Client, ClientError};
use crate::doctor::wire::Finding;
use crate::tui::command::Command;
use crate::tui::effect::{Done, Request, call};
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

impl Row for Finding {
    const KIND: &'static str = "finding";

    fn id(&self) -> &str {
        &self.id
    }

    /// What is asked for before something is removed.
    fn name(&self) -> &str {
        &self.host
    }
}

impl Resource for Finding {
    const EVERY: i64 = 10;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.finding_list().await })
    }
}

fn mood(row: &Finding) -> (Mood, &'static str) {
    match row.severity.as_str() {
        "error" => (Mood::Bad, "error"),
        "warning" => (Mood::Warn, "warning"),
        _ => (Mood::Off, "mended"),
    }
}

fn severity(row: &Finding) -> Value<'static> {
    let (mood, word) = mood(row);
    Value::State(mood, word.into())
}

static COLUMNS: [Column<Finding>; 5] = [
    Column::new("severity", (9, 9), 0, |row, _| severity(row)),
    Column::new("host", (6, 20), 0, |row, _| Value::text(&row.host)),
    Column::new("found", (24, 50), 0, |row, _| Value::text(&row.found)),
    Column::new("what to do", (14, 90), 0, |row, _| Value::text(&row.advice)),
    Column::new("mended", (6, 6), 1, |row, _| {
        Value::maybe(row.at, Value::Age)
    }),
];

static ACTIONS: [Action<Finding>; 2] = [
    Action::ask(
        "finding.repair",
        "Repair",
        Risk::None,
        |row| other_remedy(row, "repair"),
        |row, _| treat(row),
    ),
    Action::ask(
        "finding.remove",
        "Remove",
        Risk::Irreversible(|row, _| vec![row.found.clone(), row.advice.clone()]),
        |row| other_remedy(row, "remove"),
        |row, _| treat(row),
    ),
];

/// Why this is not what can be done about it.
fn other_remedy(row: &Finding, remedy: &str) -> Option<&'static str> {
    match row.remedy.as_deref() {
        Some(own) if own == remedy => None,
        Some("repair") => Some("repair is what helps here"),
        Some(_) => Some("remove is what helps here"),
        None if row.at.is_some() => Some("it is mended"),
        None => Some("this is nothing that the console can do; the finding says what to look at"),
    }
}

fn treat(row: &Finding) -> Box<dyn Request> {
    let (host, id) = (row.host.clone(), row.id.clone());
    call(format!("treat {host} {id}"), move |client| async move {
        client.finding_treat(&host, &id).await?;
        Ok(Done::default())
    })
}

static SPEC: Spec<Finding> = Spec {
    view: "doctor",
    title: "Doctor",
    noun: "finding",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Finding>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(mood),
    empty: "All hosts have what they should have, and nothing else.",
};

fn describe<'a>(row: &'a Finding, _facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Finding")
        .entry("severity", severity(row))
        .link("host", Value::text(&row.host), "host", &row.host)
        .entry("found", Value::text(&row.found))
        .entry("what to do", Value::text(&row.advice))
        .entry("mended", Value::maybe(row.at, Value::Age));
    if let Some(id) = &row.server_id {
        doc.link("server", Value::text(id), "server", id);
    }
    doc
}

const DOCTOR: &[&str] = &["doctor"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "doctor",
    commands: &[
        Command::new(
            "view.doctor",
            "doctor",
            "Go to what hosts have and should not, or should have and do not",
            &["global"],
        ),
        Command::new(
            "finding.repair",
            "repair",
            "Have the host make its networks what they shall be, at once",
            DOCTOR,
        )
        .administrative()
        .hint(20),
        Command::new(
            "finding.remove",
            "remove",
            "Remove from the host the guest or the files that should not be there",
            DOCTOR,
        )
        .administrative()
        .hint(21),
    ],
    offered: |session| session.is_admin(),
    open: |_| Box::new(List::new(&SPEC)),
    kind: Finding::KIND,
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| Detail::open(&SPEC, id),
};
