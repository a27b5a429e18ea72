//! One server with its tabs. A tab is a view of its own; what it does not know, the server's actions do.

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::client::{Client, ClientError};
use crate::compute::wire::{InstanceAction, Server};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::keys::Key;
use crate::tui::screens::action::{self, Performed};
use crate::tui::screens::detail::Detail;
use crate::tui::screens::log::Log;
use crate::tui::screens::part_list::{PartList, Shown};
use crate::tui::screens::tabbed;
use crate::tui::screens::{Offer, Screen, images, ports, volumes};
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::table::Column;

use crate::volume::wire::Volume;

use super::SPEC;
use super::metrics::{Metrics, Of};
use super::placement::{Explained, Placement};

/// What was done to a server.
pub struct Actions(Vec<InstanceAction>);

impl Part for Actions {
    const KIND: &'static str = "server.actions";
    const EVERY: i64 = 5;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let query = crate::client::ListQuery::new();
            client.server_event_list(&id, &query).await.map(Self)
        })
    }
}

impl Row for InstanceAction {
    const KIND: &'static str = "action";

    fn id(&self) -> &str {
        &self.request_id
    }

    fn name(&self) -> &str {
        &self.action
    }
}

impl Shown for Actions {
    type Row = InstanceAction;

    fn rows(&self) -> &[InstanceAction] {
        &self.0
    }
}

static ACTION_COLUMNS: [Column<InstanceAction>; 5] = [
    Column::new("when", (11, 11), 0, |row, _| {
        Value::maybe(format::parse_time(&row.start_time), Value::When)
    }),
    Column::new("action", (12, 20), 0, |row, _| {
        Value::owned(format::spaced(&row.action))
    }),
    Column::new("result", (10, 14), 0, |row, _| match &row.message {
        Some(_) => Value::State(Mood::Bad, "failed".into()),
        None => Value::State(Mood::Good, "accepted".into()),
    }),
    Column::new("message", (28, 70), 1, |row, _| {
        Value::maybe(row.message.as_deref(), Value::text)
    }),
    Column::new("request", (12, 40), 2, |row, _| {
        Value::text(&row.request_id)
    }),
];

/// What the guest wrote to its serial line.
pub struct ConsoleLog(String);

impl Part for ConsoleLog {
    const KIND: &'static str = "server.log";
    const EVERY: i64 = 2;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move { client.console_log_show(&id, None).await.map(Self) })
    }
}

/// The tabs, in order.
const TABS: [&str; 9] = [
    "info",
    "metrics",
    "network",
    "volumes",
    "snapshots",
    "actions",
    "placement",
    "log",
    "console",
];

/// A server with its tabs.
pub struct Tabs {
    id: String,
    at: usize,
    screen: Box<dyn Screen>,
}

/// Opens the server `id` on one of its tabs.
pub fn open(id: &str, tab: &str, facts: &Facts<'_>) -> Option<Box<dyn Screen>> {
    let at = TABS.iter().position(|name| *name == tab)?;
    Some(Box::new(Tabs {
        id: id.to_owned(),
        at,
        screen: make(at, id, facts)?,
    }))
}

fn make(at: usize, id: &str, _facts: &Facts<'_>) -> Option<Box<dyn Screen>> {
    Some(match TABS[at] {
        "info" => {
            let more = vec![Need::part::<Explained>(id), Need::list::<Volume>()];
            Detail::open_with(&SPEC, id, more)?
        }
        "metrics" => Box::new(Metrics::new(Of::Server, id)),
        "network" => ports::of_device(id),
        "volumes" => volumes::of_server(id),
        "snapshots" => images::of_server(id),
        "actions" => Box::new(PartList::<Actions>::new(
            id,
            "Actions",
            &ACTION_COLUMNS,
            (0, true),
            "Nothing was done to it yet.",
        )),
        "placement" => Box::new(Placement::new(id)),
        "log" => Box::new(Log::<ConsoleLog>::new(
            id,
            |log| &log.0,
            "The guest has written nothing yet.",
        )),
        _ => Box::new(super::console::Invitation::new(id)),
    })
}

impl Tabs {
    fn server<'a>(&self, facts: &Facts<'a>) -> Option<&'a Server> {
        facts.data.get::<Server>(&self.id)
    }

    fn go(&mut self, at: usize, cx: &mut Cx<'_>) {
        if let Some(screen) = make(at, &self.id, &cx.facts) {
            self.screen.leave(cx);
            self.at = at;
            self.screen = screen;
            self.screen.enter(cx);
        }
    }
}

impl Screen for Tabs {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        let name = self
            .server(facts)
            .map_or(self.id.as_str(), |server| server.name.as_str());
        let mut path = vec!["servers".to_owned(), name.to_owned()];
        path.push(match TABS[self.at] {
            "metrics" => self.screen.path(facts).join(" "),
            tab => tab.to_owned(),
        });
        path
    }

    fn contexts(&self) -> Vec<&'static str> {
        let mut contexts = self.screen.contexts();
        if !self.screen.is_typing() {
            contexts.extend(["servers", "tabs"]);
            contexts.dedup();
        }
        contexts
    }

    fn is_typing(&self) -> bool {
        self.screen.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = (SPEC.needs)();
        needs.extend(self.screen.needs());
        needs
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        match command.name {
            "server.launch" => return Offer::Hidden,
            "menu" => return Offer::Yes,
            _ => {}
        }
        let targets: Vec<&Server> = self.server(facts).into_iter().collect();
        action::offer(SPEC.actions, command, &targets)
            .unwrap_or_else(|| self.screen.offer(command, facts))
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let count = TABS.len();
        let to = match command.name {
            "tab.next" => Some((self.at + 1) % count),
            "tab.previous" => Some((self.at + count - 1) % count),
            "server.log" => TABS.iter().position(|tab| *tab == "log"),
            "server.metrics" => TABS.iter().position(|tab| *tab == "metrics"),
            _ => tabbed::number(command),
        };
        if let Some(to) = to.filter(|to| *to < count) {
            self.go(to, cx);
            return true;
        }
        if self.screen.on(command, cx) {
            return true;
        }
        let facts = cx.facts;
        let targets: Vec<&Server> = self.server(&facts).into_iter().collect();
        action::perform(SPEC.actions, command, &targets, SPEC.noun, cx) != Performed::Unknown
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        self.screen.key(key, cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.screen.paste(text, cx);
    }

    fn leave(&mut self, cx: &mut Cx<'_>) {
        self.screen.leave(cx);
    }

    fn enter(&mut self, cx: &mut Cx<'_>) {
        self.screen.enter(cx);
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.screen.settle(tabbed::below(area), facts);
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        tabbed::draw(area, buf, view, &TABS, self.at);
        self.screen.draw(tabbed::below(area), buf, view)
    }
}
