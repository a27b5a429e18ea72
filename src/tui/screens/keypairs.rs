//! Key pairs: generated (the private half is seen once and saved) or imported.

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Keypair, KeypairCreate};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Once, Reporter, Request, call};
use crate::tui::failure::Failure;
use crate::tui::files;
use crate::tui::format;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object};

/// Bytes of a public key file at most.
const PUBLIC_KEY: u64 = 16_384;

impl Row for Keypair {
    const KIND: &'static str = "keypair";

    fn id(&self) -> &str {
        &self.name
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Keypair {
    const EVERY: i64 = 30;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.keypair_list(&ListQuery::new()).await })
    }
}

static COLUMNS: [Column<Keypair>; 4] = [
    Column::new("name", (14, 40), 0, |row, _| Value::text(&row.name)),
    Column::new("type", (6, 8), 1, |row, _| {
        Value::maybe(row.kind.as_deref(), Value::text)
    }),
    Column::new("fingerprint", (30, 50), 0, |row, _| {
        Value::text(&row.fingerprint)
    }),
    Column::new("comment", (10, 40), 2, |row, _| {
        Value::maybe(row.public_key.split_whitespace().nth(2), Value::text)
    }),
];

static ACTIONS: [Action<Keypair>; 3] = [
    Action::make("keypair.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Generate), facts))
    }),
    Action::make("keypair.import", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Import), facts))
    }),
    Action::ask(
        "keypair.delete",
        "Delete",
        Risk::Irreversible(|_, _| vec!["servers that have it keep the public key".to_owned()]),
        |_| None,
        |row, _| {
            let name = row.name.clone();
            call(format!("keypair {name} delete"), move |client| async move {
                client.keypair_delete(&name).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Keypair> = Spec {
    view: "keypairs",
    title: "Key pairs",
    noun: "key pair",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Keypair>()],
    enter: |row, _| Detail::open(&SPEC, &row.name),
    mood: None,
    empty: "No key pairs yet. Press n to generate one, i to import your own.",
};

fn describe<'a>(row: &'a Keypair, _facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Key pair")
        .entry("name", Value::text(&row.name))
        .entry("type", Value::maybe(row.kind.as_deref(), Value::text))
        .entry("fingerprint", Value::text(&row.fingerprint))
        .entry(
            "created",
            Value::maybe(
                row.created_at.as_deref().and_then(format::parse_time),
                Value::Age,
            ),
        )
        .entry("public key", Value::text(row.public_key.trim()));
    doc
}

fn check_name(form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
    let name = form.value("name");
    let taken = facts
        .data
        .rows::<Keypair>()
        .iter()
        .any(|key| key.name == name);
    let odd = name
        .chars()
        .any(|c| !(c.is_ascii_alphanumeric() || "._-@ ".contains(c)));
    match (taken, odd) {
        (true, _) => vec![("name", "is taken".to_owned())],
        (_, true) => vec![("name", "letters, digits, spaces and . _ - @".to_owned())],
        _ => Vec::new(),
    }
}

fn target(name: &str) -> Target {
    Target {
        kind: Keypair::KIND,
        id: name.to_owned(),
        name: name.to_owned(),
    }
}

struct Generate;

impl Sheet for Generate {
    fn title(&self) -> String {
        "Generate a key pair".to_owned()
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let directory = facts.session.files.join("keys");
        vec![
            Field::text("name", "Name", "What launches call it").required(),
            Field::text(
                "directory",
                "Save in",
                "The private key goes to NAME.pem here, readable by you alone",
            )
            .required()
            .with(&directory.to_string_lossy()),
        ]
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        check_name(form, facts)
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let name = form.value("name");
        let path = files::expand(&form.value("directory"))
            .join(format!("{}.pem", name.replace([' ', '/'], "-")));
        let request = GenerateRequest {
            name: name.clone(),
            path,
        };
        cx.act("Generate", vec![(target(&name), Box::new(request))]);
    }
}

#[derive(Debug)]
struct GenerateRequest {
    name: String,
    path: std::path::PathBuf,
}

impl Request for GenerateRequest {
    fn run(
        self: Box<Self>,
        client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            if self.path.exists() {
                return Err(Failure {
                    message: format!("{} exists already", self.path.display()),
                    advice: Some("choose another name or directory; nothing was made".to_owned()),
                    ..Failure::default()
                });
            }
            let create = KeypairCreate {
                name: self.name.clone(),
                kind: Some("ssh".to_owned()),
                ..KeypairCreate::default()
            };
            let made = client.keypair_create(create).await?;
            let Some(private) = made.private_key else {
                return Err(Failure::local("the cloud sent no private key"));
            };
            let text = private.expose().to_owned();
            // The key can not be had again, so it is shown even if it could not be saved.
            let note = match files::write_new(self.path.clone(), text.clone().into_bytes()).await {
                Ok(()) => format!(
                    "Saved to {} (0600). It is shown this once and kept nowhere else. Use it with ssh -i.",
                    self.path.display()
                ),
                Err(failure) => format!(
                    "{}. Copy it now: it can not be shown again.",
                    failure.line()
                ),
            };
            Ok(Done {
                text: "generated".to_owned(),
                once: Some(Once {
                    title: format!("Private key of {}", self.name),
                    text,
                    note,
                }),
                made: Some(self.name),
                ..Done::default()
            })
        })
    }
}

struct Import;

impl Sheet for Import {
    fn title(&self) -> String {
        "Import a public key".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What launches call it").required(),
            Field::text(
                "key",
                "Public key",
                "ssh-ed25519 AAAA…, or @~/.ssh/id_ed25519.pub",
            )
            .required(),
        ]
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = check_name(form, facts);
        let key = form.value("key");
        if key.contains("PRIVATE KEY") {
            wrong.push((
                "key",
                "that is a private key; the public one ends in .pub".to_owned(),
            ));
        } else if !key.starts_with('@') && !is_public_key(&key) {
            wrong.push((
                "key",
                "a type like ssh-ed25519 and the key in base64, or @ and a file".to_owned(),
            ));
        }
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let name = form.value("name");
        let request = ImportRequest {
            name: name.clone(),
            key: form.value("key"),
        };
        cx.act("Import", vec![(target(&name), Box::new(request))]);
    }
}

/// Whether it looks like a line of `authorized_keys`; the cloud reads it in full.
fn is_public_key(key: &str) -> bool {
    use base64::Engine;
    let mut words = key.split_whitespace();
    let (Some(kind), Some(body)) = (words.next(), words.next()) else {
        return false;
    };
    let known = ["ssh-", "ecdsa-", "sk-"];
    let decoded = base64::engine::general_purpose::STANDARD.decode(body);
    known.iter().any(|prefix| kind.starts_with(prefix)) && decoded.is_ok()
}

#[derive(Debug)]
struct ImportRequest {
    name: String,
    key: String,
}

impl Request for ImportRequest {
    fn run(
        self: Box<Self>,
        client: Client,
        _report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            let key = match self.key.strip_prefix('@') {
                Some(path) => files::read_text(files::expand(path), PUBLIC_KEY).await?,
                None => self.key,
            };
            if key.contains("PRIVATE KEY") {
                return Err(Failure::local(
                    "that file holds a private key; the public one ends in .pub",
                ));
            }
            let create = KeypairCreate {
                name: self.name.clone(),
                public_key: Some(key.trim().to_owned()),
                kind: Some("ssh".to_owned()),
                ..KeypairCreate::default()
            };
            client.keypair_create(create).await?;
            Ok(Done::made(self.name, "imported"))
        })
    }
}

const KEYPAIRS: &[&str] = &["keypairs"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "keypairs",
    commands: &[
        Command::new(
            "view.keypairs",
            "keypairs",
            "Go to the key pairs",
            &["global"],
        ),
        Command::new(
            "keypair.create",
            "generate",
            "Generate a key pair; the private half is shown once and saved",
            KEYPAIRS,
        )
        .mutating()
        .hint(6),
        Command::new("keypair.import", "import", "Import a public key", KEYPAIRS)
            .mutating()
            .hint(7),
        Command::new(
            "keypair.delete",
            "delete",
            "Delete it; servers keep its public key",
            KEYPAIRS,
        )
        .mutating()
        .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Keypair::KIND,
    objects: |data, out| {
        let rows = data.rows::<Keypair>().iter();
        out.extend(rows.map(|row| Object {
            kind: Keypair::KIND,
            id: row.name.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
