//! Projects (tenants): who servers belong to.

use futures::future::BoxFuture;

use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::Server;
use crate::identity::wire::{Project, ProjectFields};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Request, call};
use crate::tui::glyph::Mood;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row, is_admin};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk, target};
use super::detail::Detail;
use super::list::{List, Spec};
use super::{Entry, Object, quotas};

impl Row for Project {
    const KIND: &'static str = "project";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Project {
    const EVERY: i64 = 30;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            if is_admin(&client).await? {
                client.project_list(&ListQuery::new()).await
            } else {
                client.own_project_list().await
            }
        })
    }
}

/// Enabled or not, as a state.
pub fn enabled(on: bool) -> (Mood, &'static str) {
    if on {
        (Mood::Good, "enabled")
    } else {
        (Mood::Off, "disabled")
    }
}

fn servers(row: &Project, facts: &Facts<'_>) -> usize {
    let servers = facts.data.rows::<Server>().iter();
    servers.filter(|server| server.tenant_id == row.id).count()
}

static COLUMNS: [Column<Project>; 5] = [
    Column::new("name", (14, 34), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (11, 11), 0, |row, _| {
        let (mood, word) = enabled(row.enabled);
        Value::State(mood, word.into())
    }),
    Column::new("servers", (7, 8), 1, |row, facts| {
        Value::Number(servers(row, facts) as f64)
    }),
    Column::new("description", (14, 50), 2, |row, _| {
        Value::text(&row.description)
    }),
    Column::new("id", (12, 36), 3, |row, _| Value::text(&row.id)),
];

static ACTIONS: [Action<Project>; 5] = [
    Action::make("project.create", |facts| -> Box<dyn Overlay> {
        form(None, facts)
    }),
    Action::open_one(
        "project.edit",
        |_| None,
        |row, facts| form(Some(row), facts),
    ),
    Action::ask(
        "project.switch",
        "Enable or disable",
        Risk::Disruptive("Nobody can log in to a disabled project; its servers go on."),
        |_| None,
        |row, _| {
            let fields = ProjectFields {
                enabled: Some(!row.enabled),
                ..ProjectFields::default()
            };
            update(row, fields)
        },
    ),
    Action::go("project.quota", |row, facts| quotas::open(&row.id, facts)),
    Action::ask(
        "project.delete",
        "Delete",
        Risk::Irreversible(|row, facts| {
            vec![format!(
                "{} servers belong to it; those stay without an owner who can log in",
                servers(row, facts)
            )]
        }),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("project {id} delete"), move |client| async move {
                client.project_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

fn update(row: &Project, fields: ProjectFields) -> Box<dyn Request> {
    let id = row.id.clone();
    call(
        format!("project {id} {fields:?}"),
        move |client| async move {
            client.project_update(&id, fields).await?;
            Ok(Done::default())
        },
    )
}

static SPEC: Spec<Project> = Spec {
    view: "projects",
    title: "Projects",
    noun: "project",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || vec![Need::list::<Project>(), Need::list::<Server>()],
    enter: |row, _| Detail::open(&SPEC, &row.id),
    mood: Some(|row| enabled(row.enabled)),
    empty: "No projects that you may see.",
};

fn describe<'a>(row: &'a Project, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = enabled(row.enabled);
    doc.group("Project")
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()))
        .entry("description", Value::text(&row.description))
        .entry("domain", Value::text(&row.domain_id))
        .entry("servers", Value::Number(servers(row, facts) as f64))
        .entry("id", Value::text(&row.id));
    doc
}

struct About {
    project: Option<Project>,
}

fn form(project: Option<&Project>, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let project = project.cloned();
    Box::new(FormOverlay::new(Box::new(About { project }), facts))
}

impl Sheet for About {
    fn title(&self) -> String {
        match &self.project {
            Some(project) => format!("Edit {}", project.name),
            None => "Make a project".to_owned(),
        }
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let there = self.project.clone().unwrap_or_default();
        vec![
            Field::text("name", "Name", "Unique in its domain; up to 64 characters")
                .required()
                .with(&there.name),
            Field::text("description", "Description", "For people").with(&there.description),
        ]
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let name = form.value("name");
        let own = self.project.as_ref().map(|project| project.id.as_str());
        let taken = facts
            .data
            .rows::<Project>()
            .iter()
            .any(|other| other.name == name && Some(other.id.as_str()) != own);
        match (taken, name.chars().count()) {
            (true, _) => vec![("name", "is taken".to_owned())],
            (_, 65..) => vec![("name", "at most 64 characters".to_owned())],
            _ => Vec::new(),
        }
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let fields = ProjectFields {
            name: form.filled("name"),
            description: Some(form.value("description")),
            ..ProjectFields::default()
        };
        if let Some(project) = &self.project {
            cx.act("Edit", vec![(target(project), update(project, fields))]);
            return;
        }
        let made = Target {
            kind: Project::KIND,
            id: String::new(),
            name: form.value("name"),
        };
        let request = call(format!("{fields:?}"), move |client| async move {
            let made = client.project_create(fields).await?;
            Ok(Done::made(made.id, "made"))
        });
        cx.act("Create", vec![(made, request)]);
    }
}

const PROJECTS: &[&str] = &["projects"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "projects",
    commands: &[
        Command::new(
            "view.projects",
            "projects",
            "Go to the projects",
            &["global"],
        ),
        Command::new("project.create", "new", "Make a project", PROJECTS)
            .administrative()
            .hint(6),
        Command::new(
            "project.edit",
            "edit",
            "Change name and description",
            PROJECTS,
        )
        .administrative()
        .hint(20),
        Command::new(
            "project.switch",
            "enable/disable",
            "Let people log in to it, or not",
            PROJECTS,
        )
        .administrative(),
        Command::new(
            "project.quota",
            "quota",
            "Show and change what it may use",
            PROJECTS,
        )
        .hint(21),
        Command::new("project.delete", "delete", "Delete it", PROJECTS)
            .administrative()
            .hint(30),
    ],
    offered: |_| true,
    open: |_| Box::new(List::new(&SPEC)),
    kind: Project::KIND,
    objects: |data, out| {
        let rows = data.rows::<Project>().iter();
        out.extend(rows.map(|row| Object {
            kind: Project::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| Detail::open(&SPEC, id),
};
