//! Images: what servers are made from. Brought in from a file or an address, with progress; a broken upload goes on.

mod content;
mod transfer;

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::image::wire::{Image, ImageCreate, ImagePatch};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
use crate::tui::files;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use content::{LocalFile, name_of};
use transfer::{DownloadSheet, Source, Upload};

use super::action::{Action, Risk};
use super::detail::Detail;
use super::list::{List, Scope, Spec};
use super::{Entry, Object, Screen, servers};

impl Row for Image {
    const KIND: &'static str = "image";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Resource for Image {
    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.image_list(&ListQuery::new()).await })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.image_show(&id).await }))
    }
}

fn mood(image: &Image) -> (Mood, &str) {
    match image.status.as_str() {
        "active" => (Mood::Good, "active"),
        "queued" => (Mood::Warn, "no data yet"),
        "saving" | "uploading" | "importing" => (Mood::Busy, "coming in"),
        "deactivated" => (Mood::Off, "deactivated"),
        "killed" => (Mood::Bad, "failed"),
        "deleted" | "pending_delete" => (Mood::Off, "deleted"),
        _ => (Mood::Unknown, "unknown"),
    }
}

fn when(text: &str) -> Value<'static> {
    Value::maybe(format::parse_time(text), Value::Age)
}

static COLUMNS: [Column<Image>; 8] = [
    Column::new("name", (20, 40), 0, |row, _| Value::text(row.name())),
    Column::new("status", (13, 13), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("size", (9, 9), 0, |row, _| {
        Value::maybe(row.size, |size| Value::Bytes(size as f64))
    }),
    Column::new("format", (7, 8), 2, |row, _| {
        Value::maybe(row.disk_format.as_deref(), Value::text)
    }),
    Column::new("disk", (9, 9), 4, |row, _| {
        Value::maybe(row.virtual_size, |size| Value::Bytes(size as f64))
    }),
    Column::new("visibility", (10, 10), 3, |row, _| {
        Value::text(&row.visibility)
    }),
    Column::new("protected", (9, 9), 5, |row, _| Value::flag(row.protected)),
    Column::new("age", (4, 4), 1, |row, _| when(&row.created_at)),
];

static ACTIONS: [Action<Image>; 8] = [
    Action::make("image.create", |facts| open_form(None, facts)),
    Action::open_one(
        "image.upload",
        |row| {
            (!matches!(row.status.as_str(), "queued" | "saving"))
                .then_some("it has its data already")
        },
        |row, facts| open_form(Some(row), facts),
    ),
    Action::open_one(
        "image.launch",
        |row| (row.status != "active").then_some("it is not active"),
        servers::launch::open_from,
    ),
    Action::open_one(
        "image.rename",
        |_| None,
        |row, facts| {
            let rename = Rename {
                id: row.id.clone(),
                name: row.name().to_owned(),
            };
            Box::new(FormOverlay::new(Box::new(rename), facts))
        },
    ),
    Action::open_one(
        "image.download",
        |row| (row.status != "active").then_some("it is not active"),
        |row, facts| {
            Box::new(FormOverlay::new(
                Box::new(DownloadSheet { image: row.clone() }),
                facts,
            ))
        },
    ),
    Action::ask(
        "image.deactivate",
        "Deactivate",
        Risk::Disruptive("Servers can not be made from it until it is activated again."),
        |row| (row.status != "active").then_some("it is not active"),
        |row, _| {
            let id = row.id.clone();
            call(format!("image {id} deactivate"), move |client| async move {
                client.image_deactivate(&id).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "image.reactivate",
        "Activate",
        Risk::None,
        |row| (row.status != "deactivated").then_some("it is not deactivated"),
        |row, _| {
            let id = row.id.clone();
            call(format!("image {id} reactivate"), move |client| async move {
                client.image_reactivate(&id).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "image.delete",
        "Delete",
        Risk::Irreversible(|_, _| vec!["its data; servers made from it go on".to_owned()]),
        |row| row.protected.then_some("it is protected"),
        |row, _| {
            let id = row.id.clone();
            call(format!("image {id} delete"), move |client| async move {
                client.image_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Image> = Spec {
    view: "images",
    title: "Images",
    noun: "image",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Image>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(mood),
    empty: "No images yet. Press n to bring one in from a file or an address.",
};

fn describe<'a>(row: &'a Image, _facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Image")
        .entry("name", Value::text(row.name()))
        .entry("status", Value::State(mood, word.into()))
        .entry(
            "format",
            Value::maybe(row.disk_format.as_deref(), Value::text),
        )
        .entry(
            "size",
            Value::maybe(row.size, |size| Value::Bytes(size as f64)),
        )
        .entry(
            "disk it makes",
            Value::maybe(row.virtual_size, |size| Value::Bytes(size as f64)),
        )
        .entry("visibility", Value::text(&row.visibility))
        .entry("protected", Value::flag(row.protected))
        .entry("needs disk", Value::owned(format!("{} GiB", row.min_disk)))
        .entry("needs memory", Value::owned(format!("{} MiB", row.min_ram)));
    let owner = row.owner.as_deref();
    doc.link(
        "project",
        Value::maybe(owner, Value::text),
        "project",
        owner.unwrap_or_default(),
    )
    .entry("created", when(&row.created_at))
    .entry("changed", when(&row.updated_at))
    .entry("tags", Value::owned(row.tags.join(", ")))
    .entry("id", Value::text(&row.id));
    doc.group("Checksums")
        .entry("md5", Value::maybe(row.checksum.as_deref(), Value::text));
    if let (Some(algorithm), Some(value)) = (&row.os_hash_algo, &row.os_hash_value) {
        doc.entry(algorithm, Value::text(value));
    }
    if !row.properties.is_empty() {
        doc.group("Properties");
    }
    for (key, value) in &row.properties {
        doc.entry(key, Value::text(value));
    }
    doc
}

/// Images that were made from a server.
pub fn of_server(id: &str) -> Box<dyn Screen> {
    let server = id.to_owned();
    let scope = Scope {
        title: "snapshots".to_owned(),
        keeps: Box::new(move |row: &Image| {
            let from = |key: &str| {
                row.properties
                    .get(key)
                    .is_some_and(|value| *value == server)
            };
            from("instance_uuid") || from("base_server_id")
        }),
    };
    Box::new(List::scoped(&SPEC, scope))
}

/// The form that brings an image in; into an image that has no data yet, if one is given.
struct Bring {
    into: Option<(String, String)>,
}

fn open_form(into: Option<&Image>, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let into = into.map(|image| (image.id.clone(), image.name().to_owned()));
    Box::new(FormOverlay::new(Box::new(Bring { into }), facts))
}

impl Sheet for Bring {
    fn title(&self) -> String {
        match &self.into {
            Some((_, name)) => format!("Upload into {name}"),
            None => "Bring in an image".to_owned(),
        }
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let from = Field::text(
            "from",
            "From",
            "A file on this machine, or an http(s) address the cloud fetches",
        )
        .required();
        if self.into.is_some() {
            return vec![from];
        }
        let visibility = vec![
            Choice::new("private", "private", "this project"),
            Choice::new(
                "shared",
                "shared",
                "this project, and others it is shared with",
            ),
            Choice::new("public", "public", "everyone"),
        ];
        vec![
            from,
            Field::text("name", "Name", "The file's name if left empty"),
            Field::choice("format", "Format", "Told by the content if left on auto")
                .of(["auto", "qcow2", "raw", "iso"].map(Choice::plain).to_vec())
                .with("auto"),
            Field::choice("visibility", "Visibility", "Who may make servers from it")
                .of(visibility)
                .with("private"),
            Field::number(
                "min_disk",
                "Needs disk",
                "Least root disk of a server",
                (0, 100_000),
                "GiB",
            )
            .with("0"),
            Field::number(
                "min_ram",
                "Needs memory",
                "Least memory of a server",
                (0, 10_000_000),
                "MiB",
            )
            .with("0"),
            Field::toggle("protected", "Protected", "Refuse to delete it", false),
        ]
    }

    fn needs(&self, form: &Form) -> Vec<Need> {
        let from = form.filled("from").filter(|from| !is_address(from));
        from.iter()
            .map(|from| Need::part::<LocalFile>(from))
            .collect()
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let from = form.value("from");
        if let Some(LocalFile(Err(failure))) = facts.data.part(&from) {
            return vec![("from", failure.message.clone())];
        }
        let scheme = from
            .split_once("://")
            .map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            None | Some("http" | "https") => Vec::new(),
            Some(other) => vec![(
                "from",
                format!("{other} is not fetched; http, https or a file"),
            )],
        }
    }

    fn outlook(&self, form: &Form, facts: &Facts<'_>) -> Vec<String> {
        let from = form.value("from");
        if is_address(&from) {
            return vec!["The cloud fetches it; the list shows how it comes in.".to_owned()];
        }
        let mut lines = Vec::new();
        if let Some(LocalFile(Ok((format, size)))) = facts.data.part(&from) {
            lines.push(format!("{format}, {}", format::bytes(*size as f64)));
        }
        lines.push("It is sent from here, with progress below. If it breaks off, press u on the image to go on.".to_owned());
        lines
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let from = form.value("from");
        let source = if is_address(&from) {
            Source::Address(from.clone())
        } else {
            Source::File(files::expand(&from))
        };
        let name = form.filled("name");
        let name = name.unwrap_or_else(|| name_of(&from).to_owned());
        let (into, name) = match self.into.clone() {
            Some((id, name)) => (Some(id), name),
            None => (None, name),
        };
        let create = ImageCreate {
            name: Some(name.clone()),
            visibility: form.filled("visibility"),
            protected: Some(form.is_on("protected")),
            container_format: Some("bare".to_owned()),
            disk_format: form.filled("format").filter(|format| format != "auto"),
            min_disk: form.number("min_disk"),
            min_ram: form.number("min_ram"),
            ..ImageCreate::default()
        };
        let target = Target {
            kind: Image::KIND,
            id: into.clone().unwrap_or_default(),
            name,
        };
        cx.act(
            "Upload",
            vec![(
                target,
                Box::new(Upload {
                    source,
                    create,
                    into,
                }),
            )],
        );
    }
}

fn is_address(from: &str) -> bool {
    from.contains("://")
}

struct Rename {
    id: String,
    name: String,
}

impl Sheet for Rename {
    fn title(&self) -> String {
        format!("Rename {}", self.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "What people call it")
                .required()
                .with(&self.name),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let (id, name) = (self.id.clone(), form.value("name"));
        let target = Target {
            kind: Image::KIND,
            id: id.clone(),
            name: self.name.clone(),
        };
        let request = call(
            format!("image {id} name {name}"),
            move |client| async move {
                let patch = ImagePatch::Replace {
                    path: "/name".to_owned(),
                    value: name.into(),
                };
                client.image_update(&id, &[patch]).await?;
                Ok(Done::default())
            },
        );
        cx.act("Rename", vec![(target, request)]);
    }
}

/// This view.
pub static ENTRY: Entry = Entry {
    name: "images",
    commands: &[
        Command::new("view.images", "images", "Go to the images", &["global"]),
        Command::new(
            "image.create",
            "bring in",
            "Bring in an image from a file or an address",
            IMAGES,
        )
        .mutating()
        .hint(6),
        Command::new(
            "image.upload",
            "upload",
            "Send the data of an image, or go on where it broke off",
            IMAGES,
        )
        .mutating()
        .hint(20),
        Command::new("image.launch", "launch", "Launch servers from it", IMAGES)
            .mutating()
            .hint(21),
        Command::new("image.rename", "rename", "Give it another name", IMAGES).mutating(),
        Command::new(
            "image.download",
            "save",
            "Save its data to a file on this machine",
            IMAGES,
        ),
        Command::new(
            "image.deactivate",
            "deactivate",
            "Refuse new servers from it",
            IMAGES,
        )
        .administrative(),
        Command::new(
            "image.reactivate",
            "activate",
            "Allow servers from it again",
            IMAGES,
        )
        .administrative(),
        Command::new("image.delete", "delete", "Delete it", IMAGES)
            .mutating()
            .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Image::KIND,
    objects: |data, out| {
        let rows = data.rows::<Image>().iter();
        out.extend(rows.map(|row| Object {
            kind: Image::KIND,
            id: row.id.clone(),
            name: row.name().to_owned(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};

const IMAGES: &[&str] = &["images"];
