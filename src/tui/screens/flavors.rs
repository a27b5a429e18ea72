//! Flavors: the sizes of servers.

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Flavor, FlavorCreate, Server};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
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

impl Row for Flavor {
    const KIND: &'static str = "flavor";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Flavor {
    const EVERY: i64 = 30;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.flavor_list(&ListQuery::new()).await })
    }
}

fn mebibytes(value: u64) -> Value<'static> {
    Value::Bytes(value as f64 * 1_048_576.0)
}

/// Servers that have the flavor.
fn used_by(row: &Flavor, facts: &Facts<'_>) -> usize {
    let servers = facts.data.rows::<Server>().iter();
    servers
        .filter(|server| {
            server.flavor.original_name.as_ref() == Some(&row.name)
                || server.flavor.id.as_ref() == Some(&row.id)
        })
        .count()
}

static COLUMNS: [Column<Flavor>; 7] = [
    Column::new("name", (12, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("vcpus", (5, 6), 0, |row, _| Value::Number(row.vcpus as f64)),
    Column::new("ram", (8, 9), 0, |row, _| mebibytes(row.ram)),
    Column::new("disk", (9, 9), 0, |row, _| match row.disk {
        0 => Value::Text("as image".into()),
        disk => Value::Bytes(disk as f64 * 1_073_741_824.0),
    }),
    Column::new("servers", (7, 8), 1, |row, facts| {
        Value::Number(used_by(row, facts) as f64)
    }),
    Column::new("public", (6, 7), 2, |row, _| Value::flag(row.is_public)),
    Column::new("id", (8, 36), 3, |row, _| Value::text(&row.id)),
];

static ACTIONS: [Action<Flavor>; 2] = [
    Action::make("flavor.create", |facts| -> Box<dyn Overlay> {
        Box::new(FormOverlay::new(Box::new(Create), facts))
    }),
    Action::ask(
        "flavor.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            let used = used_by(row, facts);
            vec![format!("{used} servers have it; they keep their size")]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("flavor {id} delete"), move |client| async move {
                client.flavor_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

static SPEC: Spec<Flavor> = Spec {
    view: "flavors",
    title: "Flavors",
    noun: "flavor",
    columns: &COLUMNS,
    sort: (2, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Flavor>(), Need::list::<Server>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: None,
    empty: "No flavors yet. Press n to make one; servers need them.",
};

fn describe<'a>(row: &'a Flavor, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Flavor")
        .entry("name", Value::text(&row.name))
        .entry("processors", Value::Number(row.vcpus as f64))
        .entry("memory", mebibytes(row.ram))
        .entry("root disk", Value::owned(format!("{} GiB", row.disk)))
        .entry(
            "further disk",
            Value::owned(format!("{} GiB", row.ephemeral)),
        )
        .entry("public", Value::flag(row.is_public))
        .entry("servers", Value::Number(used_by(row, facts) as f64))
        .entry("id", Value::text(&row.id));
    if let Some(specs) = row.extra_specs.as_ref().filter(|specs| !specs.is_empty()) {
        doc.group("Extra specs");
        for (key, value) in specs {
            doc.entry(key, Value::text(value));
        }
    }
    doc
}

struct Create;

impl Sheet for Create {
    fn title(&self) -> String {
        "Make a flavor".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "Unique; m1.small").required(),
            Field::number(
                "vcpus",
                "Processors",
                "Virtual processors",
                (1, 512),
                "vCPU",
            )
            .required()
            .with("1"),
            Field::number(
                "ram",
                "Memory",
                "Memory of the guest",
                (16, 16_000_000),
                "MiB",
            )
            .required()
            .with("512"),
            Field::number(
                "disk",
                "Root disk",
                "0 takes the size of the image",
                (0, 1_000_000),
                "GiB",
            )
            .required()
            .with("5"),
            Field::toggle("public", "Public", "Every project may use it", true),
        ]
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let name = form.value("name");
        let taken = facts
            .data
            .rows::<Flavor>()
            .iter()
            .any(|flavor| flavor.name == name);
        if taken {
            vec![("name", "is taken".to_owned())]
        } else {
            Vec::new()
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let flavor = FlavorCreate {
            name: form.value("name"),
            vcpus: form.number("vcpus"),
            ram: form.number("ram"),
            disk: form.number("disk"),
            is_public: Some(form.is_on("public")),
            ..FlavorCreate::default()
        };
        let target = Target {
            kind: Flavor::KIND,
            id: String::new(),
            name: flavor.name.clone(),
        };
        let request = call(format!("{flavor:?}"), move |client| async move {
            let made = client.flavor_create(flavor).await?;
            Ok(Done::made(made.id, "made"))
        });
        cx.act("Create", vec![(target, request)]);
    }
}

const FLAVORS: &[&str] = &["flavors"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "flavors",
    commands: &[
        Command::new(
            "view.flavors",
            "flavors",
            "Go to the flavors, the sizes of servers",
            &["global"],
        ),
        Command::new("flavor.create", "new", "Make a flavor", FLAVORS)
            .administrative()
            .hint(6),
        Command::new(
            "flavor.delete",
            "delete",
            "Delete it; servers keep their size",
            FLAVORS,
        )
        .administrative()
        .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Flavor::KIND,
    objects: |data, out| {
        let rows = data.rows::<Flavor>().iter();
        out.extend(rows.map(|row| Object {
            kind: Flavor::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
