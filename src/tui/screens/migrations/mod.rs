//! Moves of servers between hosts: those under way with all their numbers, then those that ended, with what was expected
//! beside what happened.
//!
//! Rows are asked for one by one as the cloud tells of them, at most once a second each; where nothing moves nothing is
//! asked for.

mod describe;
mod estimate;

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde::Serialize;

use crate::api::wire::{MigrationDetail, Operation};
use crate::client::{Client, ClientError, ListQuery};
use crate::compute::wire::{Hypervisor, Migration, Server};
use crate::ids::Time;
use crate::tui::command::Command;
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::keys::Key;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Resource, Row};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::frame;
use crate::tui::widgets::table::Column;

use super::action::Action;
use super::detail::Detail;
use super::list::{List, Spec};
use super::moves::{self, Run};
use super::{Entry, Object, Offer, Screen};

/// Moves asked for; older ones are in the audit trail.
const MOST: usize = 200;
/// Lines of the view from which on the selected move is described below the list, and lines of that.
const TALL: u16 = 26;
const PANE: u16 = 16;

/// A move.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Move {
    /// All that is known of it.
    #[serde(flatten)]
    pub detail: MigrationDetail,
    /// `cmp-03 to cmp-05`.
    #[serde(skip)]
    name: String,
}

impl From<MigrationDetail> for Move {
    fn from(detail: MigrationDetail) -> Self {
        let name = match &detail.destination {
            Some(destination) => format!("{} to {destination}", detail.source),
            None => format!("from {}", detail.source),
        };
        Self { detail, name }
    }
}

impl From<Migration> for Move {
    fn from(told: Migration) -> Self {
        let time = |text: Option<String>| {
            text.and_then(|text| format::parse_time(&text))
                .unwrap_or(Time(0))
        };
        Self::from(MigrationDetail {
            id: told.id,
            uuid: told.uuid.unwrap_or_else(|| told.id.to_string()),
            server_id: told.instance_uuid,
            kind: told.migration_type.unwrap_or_default(),
            status: told.status,
            source: told.source_compute.unwrap_or_default(),
            destination: told.dest_compute,
            created_at: time(told.created_at),
            updated_at: time(told.updated_at),
            ..MigrationDetail::default()
        })
    }
}

impl Row for Move {
    const KIND: &'static str = "migration";

    fn id(&self) -> &str {
        &self.detail.uuid
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Resource for Move {
    const EVERY: i64 = 2;
    const RESTLESS: bool = true;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let query = ListQuery::new().limit(MOST);
            if client.supports_skydeck().await? {
                let told = client.migration_detail_list(&query).await?;
                return Ok(told.into_iter().map(Self::from).collect());
            }
            let told = client.migration_list(&query).await?;
            Ok(told.into_iter().map(Self::from).collect())
        })
    }

    fn show(client: Client, id: Arc<str>) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        Some(Box::pin(async move {
            client.migration_detail_show(&id).await.map(Self::from)
        }))
    }
}

impl Move {
    /// Whether operations of this kind move servers.
    pub fn is_done_by(kind: &str) -> bool {
        ["migrat", "evacuat", "resize"]
            .iter()
            .any(|word| kind.contains(word))
    }

    /// Whether the server is being moved.
    fn is_under_way(&self) -> bool {
        let over = [
            "completed",
            "done",
            "cancelled",
            "failed",
            "error",
            "finished",
            "confirmed",
            "reverted",
        ];
        !over.contains(&self.detail.status.as_str())
    }

    /// The part that is done, of one under way.
    pub fn part(&self) -> Option<f64> {
        estimate::part(self)
    }

    /// Microseconds that it will take yet, if that can be said.
    pub fn left(&self, now: Time) -> Option<i64> {
        estimate::left(self, now)
    }

    /// Bytes sent per second now.
    pub fn rate(&self) -> Option<f64> {
        estimate::rate(self)
    }

    /// The server's name, or its id.
    fn server<'a>(&'a self, facts: &Facts<'a>) -> &'a str {
        facts.data.name_of::<Server>(&self.detail.server_id)
    }
}

/// The move that an operation makes.
pub fn of_operation<'a>(operation: &str, facts: &Facts<'a>) -> Option<&'a Move> {
    let mut moves = facts.data.rows::<Move>().iter();
    moves.find(|row| row.detail.operation_id == operation)
}

/// What a status means, and its word.
pub fn mood(row: &Move) -> (Mood, &str) {
    let status = row.detail.status.as_str();
    let mood = match status {
        "completed" | "done" | "confirmed" => Mood::Good,
        "finished" => Mood::Warn,
        "failed" | "error" => Mood::Bad,
        "cancelled" | "reverted" => Mood::Off,
        _ => Mood::Busy,
    };
    let word = match (status, row.detail.wish.as_deref()) {
        ("running", Some("abort")) => "aborting",
        ("running", Some("force_complete")) => "forced",
        ("finished", _) => "to confirm",
        ("post-migrating", _) => "cleaning up",
        _ => status,
    };
    (mood, word)
}

fn kind(row: &Move) -> &str {
    match row.detail.kind.as_str() {
        "live-migration" => "live",
        "migration" => "cold",
        other => other,
    }
}

static COLUMNS: [Column<Move>; 14] = [
    Column::new("age", (4, 4), 6, |row, _| Value::Age(row.detail.created_at)),
    Column::new("server", (10, 26), 0, |row, facts| {
        Value::text(row.server(facts))
    }),
    Column::new("from", (7, 14), 0, |row, _| Value::text(&row.detail.source)),
    Column::new("to", (7, 14), 0, |row, _| {
        Value::maybe(row.detail.destination.as_deref(), Value::text)
    }),
    Column::new("status", (13, 14), 0, |row, _| {
        let (mood, word) = mood(row);
        Value::State(
            mood,
            match estimate::part(row) {
                Some(part) => format!("{word} {}", format::percent(part * 100.0)).into(),
                None => word.into(),
            },
        )
    }),
    Column::new("done", (6, 12), 1, |row, _| {
        Value::maybe(estimate::part(row), Value::Progress)
    }),
    Column::new("left", (5, 7), 2, |row, facts| {
        Value::maybe(estimate::left(row, facts.clock.now), Value::Span)
    }),
    Column::new("rate", (10, 10), 4, |row, _| {
        Value::maybe(estimate::rate(row), Value::Rate)
    }),
    Column::new("dirty", (10, 10), 5, |row, _| {
        Value::maybe(estimate::dirty(row), Value::Rate)
    }),
    Column::new("pass", (4, 4), 8, |row, _| {
        Value::maybe(estimate::pass(row), Value::Number)
    }),
    Column::new("pause-ms", (8, 8), 7, |row, _| {
        Value::maybe(estimate::pause(row), Value::Number)
    }),
    Column::new("took", (5, 7), 3, |row, facts| {
        Value::maybe(estimate::took(row, facts.clock.now), Value::Span)
    }),
    Column::new("remark", (14, 60), 0, describe::remark),
    Column::new("kind", (4, 10), 9, |row, _| Value::text(kind(row))),
];

static ACTIONS: [Action<Move>; 4] = [
    Action::open(
        "migration.abort",
        |row| match (row.is_under_way(), row.detail.wish.as_deref()) {
            (false, _) => Some("it is over"),
            (_, Some("abort")) => Some("it is being aborted"),
            _ => None,
        },
        |rows, facts| question(&ABORT, rows, facts),
    ),
    Action::open(
        "migration.force",
        |row| match (row.detail.status.as_str(), row.detail.wish.as_deref()) {
            ("running", Some("force_complete")) => Some("it is being forced"),
            ("running", _) => None,
            _ => Some("only one that is sending is forced to end"),
        },
        |rows, facts| question(&FORCE, rows, facts),
    ),
    Action::go("migration.server", |row, facts| {
        super::show(Server::KIND, &row.detail.server_id, facts)
    }),
    Action::go("migration.moves", |row, facts| {
        moves::newest(facts, |run| run.begun(&row.detail.operation_id))
    }),
];

/// Something that is asked of moves, and what it means for their servers.
struct Wish {
    act: &'static str,
    means: &'static str,
    request: fn(&Move) -> Box<dyn Request>,
}

static ABORT: Wish = Wish {
    act: "Abort",
    means: "The guest stays where it is and goes on; what was sent is thrown away. \
        If it has arrived meanwhile, it stays there.",
    request: |row| {
        let (server, number) = (row.detail.server_id.clone(), row.detail.id);
        call(
            format!("migration {number} of {server} abort"),
            move |client| async move {
                client.migration_abort(&server, number).await?;
                Ok(Done::default())
            },
        )
    },
};

static FORCE: Wish = Wish {
    act: "Force",
    means: "The guest stands still until the rest of its memory is sent, however long that takes, \
        or goes on at the destination without it.",
    request: |row| {
        let (server, number) = (row.detail.server_id.clone(), row.detail.id);
        call(
            format!("migration {number} of {server} force complete"),
            move |client| async move {
                client.migration_force_complete(&server, number).await?;
                Ok(Done::default())
            },
        )
    },
};

/// Asks whether that is meant. A list of moves names them by their servers.
fn question(wish: &Wish, rows: &[&Move], facts: &Facts<'_>) -> Box<dyn Overlay> {
    let name = |row: &Move| format!("{}, {}", row.server(facts), row.name());
    let (what, mut along) = match rows {
        [one] => (format!("migration of {}", name(one)), Vec::new()),
        many => (
            format::count(many.len(), "migration"),
            many.iter().map(|row| name(row)).collect(),
        ),
    };
    along.push(wish.means.to_owned());
    let requests: Vec<Prepared> = rows
        .iter()
        .map(|row| {
            let target = Target {
                kind: Move::KIND,
                id: row.id().to_owned(),
                name: row.server(facts).to_owned(),
            };
            (target, (wish.request)(row))
        })
        .collect();
    Box::new(Confirm::new(wish.act, what, along, Ask::Agree, requests))
}

static SPEC: Spec<Move> = Spec {
    view: "migrations",
    title: "Migrations",
    noun: "migration",
    columns: &COLUMNS,
    sort: (0, false),
    actions: &ACTIONS,
    doc: Some(describe::describe),
    needs: || {
        vec![
            Need::list::<Move>(),
            Need::list::<Server>(),
            Need::list::<Hypervisor>(),
            Need::list::<Operation>(),
            Need::list::<Run>(),
        ]
    },
    enter: |row, _| Detail::open(&SPEC, row.id()),
    mood: Some(mood),
    empty: "No server was moved lately. Press m on a server to move it.",
};

/// The view: the list, and where there is room the selected move in detail.
struct Migrations {
    list: List<Move>,
    /// Whether the operator did something here; until then the first row is selected, whatever comes.
    touched: bool,
}

impl Migrations {
    /// The list's part of the area, and the pane's; that is empty if there is no room.
    fn split(area: Rect) -> (Rect, Rect) {
        if area.height < TALL {
            return (area, Rect::ZERO);
        }
        let list = Rect {
            height: area.height - PANE,
            ..area
        };
        let pane = Rect {
            y: list.bottom(),
            height: PANE,
            ..area
        };
        (list, pane)
    }
}

impl Screen for Migrations {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        self.list.path(facts)
    }

    fn subject(&self, facts: &Facts<'_>) -> String {
        self.list.subject(facts)
    }

    fn contexts(&self) -> Vec<&'static str> {
        self.list.contexts()
    }

    fn is_typing(&self) -> bool {
        self.list.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        self.list.needs()
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        self.list.offer(command, facts)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        self.touched = true;
        self.list.on(command, cx)
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        self.list.key(key, cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.list.paste(text, cx);
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        let area = Self::split(area).0;
        self.list.settle(area, facts);
        let rows = facts.data.rows::<Move>();
        let first = self.list.table().order().first();
        let first = first.and_then(|at| rows.get(*at)).map(Row::id);
        if let Some(first) = first.filter(|_| !self.touched)
            && self.list.table().selected() != Some(first)
        {
            self.list.select(first);
            self.list.settle(area, facts);
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let (list, pane) = Self::split(area);
        let cursor = self.list.draw(list, buf, view);
        if let Some(row) = self.list.selected(&view.facts).filter(|_| !pane.is_empty()) {
            let title = format!("{}, {}", row.server(&view.facts), row.name());
            let inside = frame::pane(pane, buf, view, &title, "");
            let inside = Rect::new(
                inside.x + 1,
                inside.y,
                inside.width.saturating_sub(2),
                inside.height,
            );
            describe::describe(row, &view.facts).draw(inside, buf, view, 0, None);
        }
        cursor
    }
}

const MIGRATIONS: &[&str] = &["migrations"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "migrations",
    commands: &[
        Command::new(
            "view.migrations",
            "migrations",
            "Go to servers that are moved between hosts, and to past moves",
            &["global"],
        ),
        Command::new(
            "migration.abort",
            "abort",
            "Break the move off; the guest stays where it is",
            MIGRATIONS,
        )
        .administrative()
        .hint(20),
        Command::new(
            "migration.force",
            "force",
            "End it soon, though the guest stands still meanwhile",
            MIGRATIONS,
        )
        .administrative()
        .hint(21),
        Command::new(
            "migration.server",
            "its server",
            "Show the server that is moved",
            MIGRATIONS,
        )
        .hint(22),
        Command::new(
            "migration.moves",
            "its run",
            "Show the drain or other wish that it is part of, or all of them",
            MIGRATIONS,
        )
        .hint(23),
    ],
    offered: |session| session.is_admin(),
    open: |_| {
        Box::new(Migrations {
            list: List::new(&SPEC).beginning_with(Move::is_under_way),
            touched: false,
        })
    },
    kind: Move::KIND,
    objects: |_, _: &mut Vec<Object>| {},
    show: |id, _| Detail::open(&SPEC, id),
};
