//! Volumes: disks that outlive servers.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::api::wire::Nothing;
use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Server, VolumeAttach};
use crate::image::wire::Image;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row, is_admin};
use crate::tui::value::{Value, natural};
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;
use crate::volume::wire::{Volume, VolumeAction, VolumeCreate, VolumeFields};

use super::action::{Action, Risk, target};
use super::detail::Detail;
use super::list::{List, Scope, Spec};
use super::{Entry, Object, Screen, servers};

impl Row for Volume {
    const KIND: &'static str = "volume";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Resource for Volume {
    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut query = ListQuery::new();
            query.all_projects = is_admin(&client).await?;
            client.volume_list(&query).await
        })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move { client.volume_show(&id).await }))
    }
}

fn mood(row: &Volume) -> (Mood, &str) {
    let mood = match row.status.as_str() {
        "available" => Mood::Off,
        "in-use" => Mood::Good,
        "creating" | "attaching" | "detaching" | "deleting" | "extending" | "downloading"
        | "uploading" | "reserved" | "retyping" => Mood::Busy,
        status if status.starts_with("error") => Mood::Bad,
        _ => Mood::Unknown,
    };
    (mood, &row.status)
}

fn users<'a>(row: &'a Volume, facts: &Facts<'a>) -> Value<'a> {
    match row.attachments.as_slice() {
        [] => Value::Absent,
        [one] => Value::text(facts.data.name_of::<Server>(&one.server_id)),
        many => {
            let names: Vec<&str> = many
                .iter()
                .map(|used| facts.data.name_of::<Server>(&used.server_id))
                .collect();
            Value::owned(names.join(" "))
        }
    }
}

static COLUMNS: [Column<Volume>; 8] = [
    Column::new("name", (12, 34), 0, |row, _| {
        Value::text(if row.name().is_empty() {
            &row.id
        } else {
            row.name()
        })
    }),
    Column::new("status", (12, 12), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(mood, word.into())
    }),
    Column::new("size", (8, 8), 0, |row, _| {
        Value::Bytes(row.size as f64 * 1_073_741_824.0)
    }),
    Column::new("server", (12, 26), 0, users),
    Column::new("device", (8, 10), 3, |row, _| {
        Value::maybe(
            row.attachments
                .first()
                .and_then(|used| used.device.as_deref()),
            Value::text,
        )
    }),
    Column::new("type", (8, 12), 4, |row, _| {
        Value::maybe(row.volume_type.as_deref(), Value::text)
    }),
    Column::new("boot", (4, 5), 2, |row, _| Value::flag(row.is_bootable())),
    Column::new("age", (4, 4), 1, |row, _| {
        Value::maybe(format::parse_time(&row.created_at), Value::Age)
    }),
];

fn free(row: &Volume) -> Option<&'static str> {
    (row.status != "available").then_some("it is not available")
}

static ACTIONS: [Action<Volume>; 7] = [
    Action::make("volume.create", |facts| -> Box<dyn Overlay> {
        form(Subject::Create, None, facts)
    }),
    Action::open_one(
        "volume.edit",
        |_| None,
        |row, facts| form(Subject::Edit, Some(row), facts),
    ),
    Action::open_one("volume.attach", free, |row, facts| {
        form(Subject::Attach, Some(row), facts)
    }),
    Action::ask(
        "volume.detach",
        "Detach",
        Risk::Disruptive("The guest loses the disk; unmount it there first."),
        |row| row.attachments.is_empty().then_some("no server has it"),
        |row, _| detach(row),
    ),
    Action::open_one(
        "volume.extend",
        |row| {
            (!matches!(row.status.as_str(), "available" | "in-use"))
                .then_some("its state does not allow it")
        },
        |row, facts| form(Subject::Extend, Some(row), facts),
    ),
    Action::ask(
        "volume.delete",
        "Delete",
        Risk::Irreversible(|row, _| vec![format!("{} GiB and everything on them", row.size)]),
        |row| {
            let deletable = row.status == "available" || row.status.starts_with("error");
            (!deletable).then_some("it is in use or busy")
        },
        |row, _| {
            let id = row.id.clone();
            call(format!("volume {id} delete"), move |client| async move {
                client.volume_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
    Action::ask(
        "volume.force-delete",
        "Force delete",
        Risk::Irreversible(|_, _| {
            vec!["it goes in whatever state it is; a server that has it breaks".to_owned()]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(
                format!("volume {id} force delete"),
                move |client| async move {
                    client
                        .volume_action(&id, &VolumeAction::ForceDelete(Nothing))
                        .await?;
                    Ok(Done::default())
                },
            )
        },
    ),
];

static SPEC: Spec<Volume> = Spec {
    view: "volumes",
    title: "Volumes",
    noun: "volume",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Volume>(), Need::list::<Server>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(mood),
    empty: "No volumes. Press n to make one.",
};

fn describe<'a>(row: &'a Volume, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Volume")
        .entry("name", Value::text(row.name()))
        .entry(
            "description",
            Value::maybe(row.description.as_deref(), Value::text),
        )
        .entry("status", Value::State(mood, word.into()))
        .entry("size", Value::owned(format!("{} GiB", row.size)))
        .entry(
            "type",
            Value::maybe(row.volume_type.as_deref(), Value::text),
        )
        .entry("boots", Value::flag(row.is_bootable()))
        .entry("encrypted", Value::flag(row.encrypted))
        .entry("zone", Value::text(&row.availability_zone))
        .entry("host", Value::maybe(row.host.as_deref(), Value::text))
        .entry(
            "from volume",
            Value::maybe(row.source_volid.as_deref(), Value::text),
        )
        .entry(
            "created",
            Value::maybe(format::parse_time(&row.created_at), Value::Age),
        )
        .entry("id", Value::text(&row.id));
    if !row.attachments.is_empty() {
        doc.group("Used by");
    }
    for used in &row.attachments {
        let name = facts.data.name_of::<Server>(&used.server_id);
        doc.link("server", Value::text(name), "server", &used.server_id)
            .entry("as", Value::maybe(used.device.as_deref(), Value::text));
    }
    if !row.metadata.is_empty() {
        doc.group("Metadata");
    }
    for (key, value) in &row.metadata {
        doc.entry(key, Value::text(value));
    }
    doc
}

/// The volumes of a server.
pub fn of_server(id: &str) -> Box<dyn Screen> {
    let server = id.to_owned();
    let scope = Scope {
        title: "volumes".to_owned(),
        keeps: Box::new(move |row: &Volume| {
            row.attachments.iter().any(|used| used.server_id == server)
        }),
    };
    Box::new(List::scoped(&SPEC, scope))
}

fn detach(row: &Volume) -> Box<dyn Request> {
    let id = row.id.clone();
    let servers: Vec<String> = row
        .attachments
        .iter()
        .map(|used| used.server_id.clone())
        .collect();
    call(
        format!("volume {id} detach from {servers:?}"),
        move |client| async move {
            for server in servers {
                client.server_volume_remove(&server, &id).await?;
            }
            Ok(Done::default())
        },
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Create,
    Edit,
    Attach,
    Extend,
}

struct About {
    subject: Subject,
    volume: Volume,
}

fn form(subject: Subject, volume: Option<&Volume>, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let about = About {
        subject,
        volume: volume.cloned().unwrap_or_default(),
    };
    Box::new(FormOverlay::new(Box::new(about), facts))
}

impl Sheet for About {
    fn title(&self) -> String {
        let name = target(&self.volume).name;
        match self.subject {
            Subject::Create => "Make a volume".to_owned(),
            Subject::Edit => format!("Edit {name}"),
            Subject::Attach => format!("Attach {name}"),
            Subject::Extend => format!("Extend {name}"),
        }
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let name = Field::text("name", "Name", "What people call it").with(self.volume.name());
        match self.subject {
            Subject::Create => vec![
                name,
                Field::number("size", "Size", "How large", (1, 1_000_000), "GiB")
                    .required()
                    .with("1"),
                Field::choice(
                    "image",
                    "From image",
                    "Filled from this image, so that it boots; empty otherwise",
                ),
                Field::choice(
                    "source",
                    "From volume",
                    "A copy of this volume; empty otherwise",
                ),
            ],
            Subject::Edit => {
                let description = self.volume.description.as_deref().unwrap_or_default();
                vec![
                    name,
                    Field::text("description", "Description", "For people").with(description),
                ]
            }
            Subject::Attach => {
                vec![
                    Field::choice(
                        "server",
                        "Server",
                        "Running or stopped; the guest sees it at once",
                    )
                    .required(),
                ]
            }
            Subject::Extend => {
                let least = self.volume.size + 1;
                let field = Field::number(
                    "size",
                    "New size",
                    "It can grow, never shrink",
                    (least, 1_000_000),
                    "GiB",
                );
                vec![field.required().with(&least.to_string())]
            }
        }
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        match self.subject {
            Subject::Create => vec![Need::list::<Image>(), Need::list::<Volume>()],
            Subject::Attach => vec![Need::list::<Server>()],
            Subject::Edit | Subject::Extend => Vec::new(),
        }
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        match self.subject {
            Subject::Create => {
                if facts.data.is_loaded::<Image>() {
                    let active = facts
                        .data
                        .rows::<Image>()
                        .iter()
                        .filter(|image| image.status == "active");
                    let choices = active
                        .map(|image| Choice::new(&image.id, &target(image).name, ""))
                        .collect();
                    form.offer("image", choices);
                }
                if facts.data.is_loaded::<Volume>() {
                    let rows = facts.data.rows::<Volume>().iter();
                    let choices = rows
                        .map(|volume| {
                            Choice::new(
                                &volume.id,
                                &target(volume).name,
                                format!("{} GiB", volume.size),
                            )
                        })
                        .collect();
                    form.offer("source", choices);
                }
            }
            Subject::Attach if facts.data.is_loaded::<Server>() => {
                let fitting = facts.data.rows::<Server>().iter().filter(|server| {
                    matches!(
                        server.status.as_str(),
                        "ACTIVE" | "SHUTOFF" | "PAUSED" | "SUSPENDED"
                    )
                });
                let mut fitting: Vec<&Server> = fitting.collect();
                fitting.sort_by(|a, b| natural(&a.name, &b.name));
                let choices = fitting
                    .into_iter()
                    .map(|server| Choice::new(&server.id, &server.name, servers::mood(server).1))
                    .collect();
                form.offer("server", choices);
            }
            _ => {}
        }
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if self.subject != Subject::Create {
            return wrong;
        }
        if form.filled("image").is_some() && form.filled("source").is_some() {
            wrong.push(("source", "either an image or a volume".to_owned()));
        }
        let size = form.number("size").unwrap_or(0);
        if let Some(source) = facts
            .data
            .get::<Volume>(&form.value("source"))
            .filter(|source| size < source.size)
        {
            wrong.push(("size", format!("the copy needs {} GiB", source.size)));
        }
        if let Some(image) = facts.data.get::<Image>(&form.value("image")) {
            let least = image
                .min_disk
                .max(image.virtual_size.unwrap_or(0).div_ceil(1 << 30));
            if size < least {
                wrong.push(("size", format!("the image needs {least} GiB")));
            }
        }
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.volume.id.clone();
        let (act, request): (&'static str, Box<dyn Request>) = match self.subject {
            Subject::Create => {
                let create = VolumeCreate {
                    size: form.number("size"),
                    name: form.filled("name"),
                    image_ref: form.filled("image"),
                    source_volid: form.filled("source"),
                    ..VolumeCreate::default()
                };
                let request = call(format!("{create:?}"), move |client| async move {
                    let made = client.volume_create(create).await?;
                    Ok(Done::made(made.id, "begun"))
                });
                ("Create", request)
            }
            Subject::Edit => {
                let fields = VolumeFields {
                    name: Some(form.value("name")),
                    description: Some(form.value("description")),
                    metadata: None,
                };
                let request = call(
                    format!("volume {id} {fields:?}"),
                    move |client| async move {
                        client.volume_update(&id, fields).await?;
                        Ok(Done::default())
                    },
                );
                ("Edit", request)
            }
            Subject::Attach => {
                let server = form.value("server");
                let request = call(
                    format!("server {server} attach {id}"),
                    move |client| async move {
                        let volume = VolumeAttach {
                            volume_id: id,
                            ..VolumeAttach::default()
                        };
                        client.server_volume_add(&server, volume).await?;
                        Ok(Done::default())
                    },
                );
                ("Attach", request)
            }
            Subject::Extend => {
                let size = form.number("size").unwrap_or(self.volume.size + 1);
                let request = call(
                    format!("volume {id} extend {size}"),
                    move |client| async move {
                        client.volume_extend(&id, size).await?;
                        Ok(Done::default())
                    },
                );
                ("Extend", request)
            }
        };
        let target = match self.subject {
            Subject::Create => Target {
                kind: Volume::KIND,
                id: String::new(),
                name: form.filled("name").unwrap_or_else(|| "a volume".to_owned()),
            },
            _ => target(&self.volume),
        };
        cx.act(act, vec![(target, request)]);
    }
}

const VOLUMES: &[&str] = &["volumes"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "volumes",
    commands: &[
        Command::new("view.volumes", "volumes", "Go to the volumes", &["global"]),
        Command::new(
            "volume.create",
            "new",
            "Make a volume: empty, from an image, or a copy",
            VOLUMES,
        )
        .mutating()
        .hint(6),
        Command::new(
            "volume.edit",
            "edit",
            "Change name and description",
            VOLUMES,
        )
        .mutating(),
        Command::new("volume.attach", "attach", "Attach it to a server", VOLUMES)
            .mutating()
            .hint(20),
        Command::new(
            "volume.detach",
            "detach",
            "Take it from its server",
            VOLUMES,
        )
        .mutating()
        .hint(21),
        Command::new("volume.extend", "extend", "Make it larger", VOLUMES).mutating(),
        Command::new(
            "volume.delete",
            "delete",
            "Delete it with everything on it",
            VOLUMES,
        )
        .mutating()
        .hint(30),
        Command::new(
            "volume.force-delete",
            "force delete",
            "Delete it in whatever state it is (administrators)",
            VOLUMES,
        )
        .administrative(),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Volume::KIND,
    objects: |data, out| {
        let rows = data.rows::<Volume>().iter();
        out.extend(rows.map(|row| Object {
            kind: Volume::KIND,
            id: row.id.clone(),
            name: target(row).name,
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
