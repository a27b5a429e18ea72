//! Which cloud this console is on, and which others `clouds.yaml` knows.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::client::clouds::Clouds;
use crate::client::{Client, ClientError};
use crate::tui::command::Command;
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::table::Column;

use super::Entry;
use super::detail::Detail;
use super::list::{List, Spec};

/// A cloud that can be gone to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// The file it is from.
    pub file: String,
    /// Whether this console is on it.
    pub here: bool,
    /// What is wrong with its entry.
    pub trouble: Option<String>,
}

impl Row for Known {
    const KIND: &'static str = "cloud";

    fn id(&self) -> &str {
        &self.name
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Known {
    const EVERY: i64 = 30;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let config = client.config();
            let mut all = vec![Self {
                name: config.name.clone(),
                address: config.endpoint.to_string(),
                file: String::new(),
                here: true,
                trouble: None,
            }];
            let loading = tokio::task::spawn_blocking(|| Clouds::load(&[]));
            let Ok(Ok(clouds)) = loading.await else {
                // Without a readable clouds.yaml there is this cloud alone.
                return Ok(all);
            };
            for (name, file) in clouds.names().filter(|(name, _)| *name != config.name) {
                let (address, trouble) = match clouds.get(name) {
                    Ok(config) => (config.endpoint.to_string(), None),
                    Err(error) => (String::new(), Some(error.to_string())),
                };
                all.push(Self {
                    name: name.to_owned(),
                    address,
                    file: file.display().to_string(),
                    here: false,
                    trouble,
                });
            }
            Ok(all)
        })
    }
}

fn mood(row: &Known) -> (Mood, &'static str) {
    match (row.here, &row.trouble) {
        (true, _) => (Mood::Good, "here"),
        (_, Some(_)) => (Mood::Bad, "unusable"),
        _ => (Mood::Off, "known"),
    }
}

static COLUMNS: [Column<Known>; 4] = [
    Column::new("name", (14, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (10, 10), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("address", (24, 60), 0, |row, _| Value::text(&row.address)),
    Column::new("file", (16, 50), 1, |row, _| Value::text(&row.file)),
];

static SPEC: Spec<Known> = Spec {
    view: "clouds",
    title: "Clouds",
    noun: "cloud",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &[],
    doc: Some(describe),
    needs: || vec![Need::list::<Known>()],
    enter: |row, _| Detail::open(&SPEC, &row.name),
    mood: Some(mood),
    empty: "No clouds.",
};

fn describe<'a>(row: &'a Known, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Cloud")
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()))
        .entry("address", Value::text(&row.address))
        .entry("file", Value::text(&row.file))
        .entry("trouble", Value::maybe(row.trouble.as_deref(), Value::text));
    if row.here {
        if let Some(who) = &facts.session.who {
            doc.group("You")
                .entry("user", Value::text(&who.user_name))
                .entry("domain", Value::text(&who.domain_name))
                .entry(
                    "project",
                    Value::maybe(who.project_name.as_deref(), Value::text),
                )
                .entry("roles", Value::owned(who.roles.join(", ")))
                .entry("region", Value::text(&who.region))
                .entry("version", Value::text(&who.version));
        }
    } else {
        doc.entry(
            "go there",
            Value::owned(format!("skydeck --cloud {}", row.name)),
        );
    }
    doc
}

/// This view.
pub static ENTRY: Entry = Entry {
    name: "clouds",
    commands: &[Command::new(
        "view.clouds",
        "clouds",
        "Go to the clouds this console can be on",
        &["global"],
    )],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Known::KIND,
    objects: |_, _| {},
    show: |id, _| Detail::open(&SPEC, id),
};
