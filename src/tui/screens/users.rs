//! Users, and the roles they have on projects.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::api::wire::Secret;
use crate::client::identity::RoleTarget;
use crate::client::{Client, ClientError, ListQuery};
use crate::identity::wire::{Project, Role, RoleAssignment, User, UserFields};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Request, call};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Part, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;

use super::action::{Action, Risk, target};
use super::detail::Detail;
use super::list::{List, Spec};
use super::projects::enabled;
use super::{Entry, Object};

impl Row for User {
    const KIND: &'static str = "user";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for User {
    const EVERY: i64 = 30;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.user_list(&ListQuery::new()).await })
    }
}

impl Row for Role {
    const KIND: &'static str = "role";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Role {
    const EVERY: i64 = 60;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move { client.role_list(&ListQuery::new()).await })
    }
}

/// Where a user has which roles.
struct Assignments(Vec<RoleAssignment>);

impl Part for Assignments {
    const KIND: &'static str = "user.roles";
    const EVERY: i64 = 15;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let query = ListQuery::new().filter("user.id", &*id);
            client.role_assignment_list(&query).await.map(Self)
        })
    }
}

static COLUMNS: [Column<User>; 5] = [
    Column::new("name", (14, 30), 0, |row, _| Value::text(&row.name)),
    Column::new("status", (11, 11), 0, |row, _| {
        let (mood, word) = enabled(row.enabled);
        Value::State(mood, word.into())
    }),
    Column::new("email", (14, 34), 1, |row, _| {
        Value::maybe(row.email.as_deref(), Value::text)
    }),
    Column::new("project", (12, 24), 2, |row, facts| {
        Value::maybe(row.default_project_id.as_deref(), |id| {
            Value::text(facts.data.name_of::<Project>(id))
        })
    }),
    Column::new("id", (12, 36), 3, |row, _| Value::text(&row.id)),
];

static ACTIONS: [Action<User>; 6] = [
    Action::make("user.create", |facts| -> Box<dyn Overlay> {
        form(Subject::Create, None, facts)
    }),
    Action::open_one(
        "user.edit",
        |_| None,
        |row, facts| form(Subject::Edit, Some(row), facts),
    ),
    Action::open_one(
        "user.password",
        |_| None,
        |row, facts| form(Subject::Password, Some(row), facts),
    ),
    Action::open_one(
        "user.role",
        |_| None,
        |row, facts| form(Subject::Role, Some(row), facts),
    ),
    Action::ask(
        "user.switch",
        "Enable or disable",
        Risk::Disruptive("A disabled user can not log in, and their tokens are worthless."),
        |_| None,
        |row, _| {
            let fields = UserFields {
                enabled: Some(!row.enabled),
                ..UserFields::default()
            };
            update(row, fields)
        },
    ),
    Action::ask(
        "user.delete",
        "Delete",
        Risk::Irreversible(|_, _| vec!["their roles, tokens and key pairs".to_owned()]),
        |_| None,
        |row, _| {
            let id = row.id.clone();
            call(format!("user {id} delete"), move |client| async move {
                client.user_delete(&id).await?;
                Ok(Done::default())
            })
        },
    ),
];

fn update(row: &User, fields: UserFields) -> Box<dyn Request> {
    let id = row.id.clone();
    call(format!("user {id} {fields:?}"), move |client| async move {
        client.user_update(&id, fields).await?;
        Ok(Done::default())
    })
}

static SPEC: Spec<User> = Spec {
    view: "users",
    title: "Users",
    noun: "user",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe),
    needs: || {
        vec![
            Need::list::<User>(),
            Need::list::<Project>(),
            Need::list::<Role>(),
        ]
    },
    enter: |row, _| open(&row.id),
    mood: Some(|row| enabled(row.enabled)),
    empty: "No users that you may see.",
};

fn open(id: &str) -> Option<Box<dyn super::Screen>> {
    Detail::open_with(&SPEC, id, vec![Need::part::<Assignments>(id)])
}

fn describe<'a>(row: &'a User, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = enabled(row.enabled);
    doc.group("User")
        .entry("name", Value::text(&row.name))
        .entry("status", Value::State(mood, word.into()))
        .entry("email", Value::maybe(row.email.as_deref(), Value::text))
        .entry(
            "description",
            Value::maybe(row.description.as_deref(), Value::text),
        )
        .entry("domain", Value::text(&row.domain_id))
        .entry("id", Value::text(&row.id));
    doc.group("Roles");
    let assignments = facts
        .data
        .part::<Assignments>(&row.id)
        .map_or(&[][..], |part| &part.0);
    for assignment in assignments {
        let role = facts.data.name_of::<Role>(&assignment.role.id);
        match (&assignment.scope.project, &assignment.scope.domain) {
            (Some(project), _) => doc.link(
                role,
                Value::text(facts.data.name_of::<Project>(&project.id)),
                "project",
                &project.id,
            ),
            (None, Some(domain)) => doc.entry(role, Value::owned(format!("domain {}", domain.id))),
            (None, None) => doc.entry(role, Value::Text("everywhere".into())),
        };
    }
    doc
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Create,
    Edit,
    Password,
    Role,
}

struct About {
    subject: Subject,
    user: User,
}

fn form(subject: Subject, user: Option<&User>, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let about = About {
        subject,
        user: user.cloned().unwrap_or_default(),
    };
    Box::new(FormOverlay::new(Box::new(about), facts))
}

impl About {
    fn identity_fields(&self) -> Vec<Field> {
        vec![
            Field::text("name", "Name", "Unique in its domain")
                .required()
                .with(&self.user.name),
            Field::text("email", "Email", "For people")
                .with(self.user.email.as_deref().unwrap_or_default()),
        ]
    }

    fn role_fields() -> Vec<Field> {
        vec![
            Field::choice("project", "Project", "Where the role holds"),
            Field::choice("role", "Role", "What they may do there"),
        ]
    }
}

impl Sheet for About {
    fn title(&self) -> String {
        let name = &self.user.name;
        match self.subject {
            Subject::Create => "Make a user".to_owned(),
            Subject::Edit => format!("Edit {name}"),
            Subject::Password => format!("Set the password of {name}"),
            Subject::Role => format!("Give {name} a role, or take it"),
        }
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let password = || {
            vec![
                Field::secret("password", "Password", "It is not shown").required(),
                Field::secret("again", "Again", "The same once more").required(),
            ]
        };
        match self.subject {
            Subject::Create => {
                let mut fields = self.identity_fields();
                fields.extend(password());
                fields.extend(Self::role_fields());
                fields
            }
            Subject::Edit => self.identity_fields(),
            Subject::Password => password(),
            Subject::Role => {
                let mut fields: Vec<Field> = Self::role_fields()
                    .into_iter()
                    .map(Field::required)
                    .collect();
                fields.push(Field::toggle(
                    "take",
                    "Take away",
                    "Take the role away instead of giving it",
                    false,
                ));
                fields
            }
        }
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Project>(), Need::list::<Role>()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Project>() {
            let rows = facts.data.rows::<Project>().iter();
            form.offer(
                "project",
                rows.map(|row| Choice::new(&row.id, &row.name, row.description.clone()))
                    .collect(),
            );
        }
        if facts.data.is_loaded::<Role>() {
            let rows = facts.data.rows::<Role>().iter();
            let note = |role: &Role| role.description.clone().unwrap_or_default();
            form.offer(
                "role",
                rows.map(|row| Choice::new(&row.id, &row.name, note(row)))
                    .collect(),
            );
        }
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let name = form.value("name");
        let taken = facts
            .data
            .rows::<User>()
            .iter()
            .any(|other| other.name == name && other.id != self.user.id);
        if taken && !name.is_empty() {
            wrong.push(("name", "is taken".to_owned()));
        }
        if form.value("password") != form.value("again") {
            wrong.push(("again", "is not the same".to_owned()));
        }
        if form.filled("project").is_some() != form.filled("role").is_some() {
            let missing = if form.filled("role").is_some() {
                "project"
            } else {
                "role"
            };
            wrong.push((missing, "project and role go together".to_owned()));
        }
        wrong
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let id = self.user.id.clone();
        let role = form.filled("project").zip(form.filled("role"));
        let mut fields = UserFields {
            name: form.filled("name"),
            email: form.filled("email").map(Some),
            password: form.filled("password").map(Secret::new),
            ..UserFields::default()
        };
        let (act, request): (&'static str, Box<dyn Request>) = match self.subject {
            Subject::Create => {
                fields.enabled = Some(true);
                fields.default_project_id = role.clone().map(|(project, _)| Some(project));
                ("Create", create(fields, role))
            }
            Subject::Edit => ("Edit", update(&self.user, fields)),
            Subject::Password => ("Set password", update(&self.user, fields)),
            Subject::Role => {
                let Some((project, role)) = role else {
                    return;
                };
                let take = form.is_on("take");
                let name = format!("user {id} role {role} on {project}, take {take}");
                let request = call(name, move |client| async move {
                    let at = RoleTarget::Project(&project);
                    if take {
                        client.role_remove(at, &id, &role).await?;
                    } else {
                        client.role_add(at, &id, &role).await?;
                    }
                    Ok(Done::default())
                });
                (if take { "Take role" } else { "Give role" }, request)
            }
        };
        let about = match self.subject {
            Subject::Create => Target {
                kind: User::KIND,
                id: String::new(),
                name: form.value("name"),
            },
            _ => target(&self.user),
        };
        cx.act(act, vec![(about, request)]);
    }
}

fn create(fields: UserFields, role: Option<(String, String)>) -> Box<dyn Request> {
    call(
        format!("{fields:?} role {role:?}"),
        move |client| async move {
            let made = client.user_create(fields).await?;
            if let Some((project, role)) = role {
                let at = RoleTarget::Project(&project);
                if let Err(error) = client.role_add(at, &made.id, &role).await {
                    // It is asked for again as a whole.
                    if let Err(left) = client.user_delete(&made.id).await {
                        tracing::warn!(user = %made.id, error = %left, "a user without its role is left");
                    }
                    return Err(error);
                }
            }
            Ok(Done::made(made.id, "made"))
        },
    )
}

const USERS: &[&str] = &["users"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "users",
    commands: &[
        Command::new("view.users", "users", "Go to the users", &["global"]),
        Command::new(
            "user.create",
            "new",
            "Make a user, with a role on a project",
            USERS,
        )
        .administrative()
        .hint(6),
        Command::new("user.edit", "edit", "Change name and email", USERS)
            .administrative()
            .hint(20),
        Command::new("user.password", "password", "Set the password", USERS)
            .mutating()
            .hint(21),
        Command::new(
            "user.role",
            "role",
            "Give a role on a project, or take it away",
            USERS,
        )
        .administrative()
        .hint(22),
        Command::new(
            "user.switch",
            "enable/disable",
            "Let them log in, or not",
            USERS,
        )
        .administrative(),
        Command::new(
            "user.delete",
            "delete",
            "Delete them, with roles, tokens and key pairs",
            USERS,
        )
        .administrative()
        .hint(30),
    ],
    offered: |session| session.is_admin(),
    open: |_| Box::new(List::new(&SPEC)),
    kind: User::KIND,
    objects: |data, out| {
        let rows = data.rows::<User>().iter();
        out.extend(rows.map(|row| Object {
            kind: User::KIND,
            id: row.id.clone(),
            name: row.name.clone(),
        }));
    },
    show: |id, _| open(id),
};
