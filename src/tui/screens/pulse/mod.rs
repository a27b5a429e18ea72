//! The dashboard: how the cloud is at a glance, who uses most, what happens, what is under way.
//!
//! Panes: hosts, top servers, events, operations. One has the keyboard; its cursor follows the thing, not the line. Side
//! panes go first where room is short: events, then charts.

mod charts;
mod panes;
mod tiles;

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::{Operation, Summary};
use crate::client::{Client, ClientError};
use crate::compute::wire::{Hypervisor, Server};
use crate::telemetry::wire::Meter;
use crate::tui::command::{self, Command};
use crate::tui::cx::Cx;
use crate::tui::overlays::step;
use crate::tui::screens::Screen;
use crate::tui::state::load::{Need, Part, is_admin};
use crate::tui::view::{Facts, View};

use super::servers::metrics::HostSeries;
use super::{Entry, Offer};

/// Meters by which servers can be ranked, in the order of the key that changes it.
const METERS: [Meter; 6] = [
    Meter::CpuUtil,
    Meter::MemoryUsage,
    Meter::NetIn,
    Meter::NetOut,
    Meter::DiskRead,
    Meter::DiskWrite,
];

/// The cloud as a whole, counted by itself.
pub struct Counted(pub Summary);

impl Part for Counted {
    const KIND: &'static str = "cloud.summary";
    const EVERY: i64 = 5;

    fn load(client: Client, _id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            if !client.supports_skydeck().await? {
                return Ok(Self(Summary::default()));
            }
            client
                .summary_show(is_admin(&client).await?)
                .await
                .map(Self)
        })
    }
}

/// The panes that take the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Hosts,
    Top,
    Events,
    Operations,
}

/// Lines of a pane: the things in it and where the cursor is.
#[derive(Default)]
struct Cursor {
    /// Kind and id of each.
    things: Vec<(&'static str, String)>,
    at: usize,
    selected: Option<String>,
}

impl Cursor {
    /// Replaces the things; the cursor stays on its own.
    fn set(&mut self, things: Vec<(&'static str, String)>) {
        self.things = things;
        let place = |id: &String| self.things.iter().position(|(_, other)| other == id);
        self.at = self.selected.as_ref().and_then(place).unwrap_or(self.at);
        self.go(self.at);
    }

    fn go(&mut self, at: usize) {
        self.at = at.min(self.things.len().saturating_sub(1));
        self.selected = self.things.get(self.at).map(|(_, id)| id.clone());
    }
}

/// The dashboard.
pub struct Pulse {
    /// The pane with the keyboard, and the one that shall have it as soon as it holds something.
    pane: Pane,
    wanted: Pane,
    meter: usize,
    hosts: Cursor,
    top: Cursor,
    events: Cursor,
    operations: Cursor,
    layout: panes::Layout,
    grid_columns: usize,
}

impl Pulse {
    fn new() -> Self {
        Self {
            pane: Pane::Top,
            wanted: Pane::Top,
            meter: 0,
            hosts: Cursor::default(),
            top: Cursor::default(),
            events: Cursor::default(),
            operations: Cursor::default(),
            layout: panes::Layout::default(),
            grid_columns: 1,
        }
    }

    fn meter(&self) -> Meter {
        METERS[self.meter % METERS.len()]
    }

    /// Panes that are shown and hold something.
    fn panes(&self) -> Vec<Pane> {
        [Pane::Hosts, Pane::Top, Pane::Events, Pane::Operations]
            .into_iter()
            .filter(|pane| !self.area(*pane).is_empty() && !self.cursor(*pane).things.is_empty())
            .collect()
    }

    fn area(&self, pane: Pane) -> Rect {
        match pane {
            Pane::Hosts => self.layout.hosts,
            Pane::Top => self.layout.top,
            Pane::Events => self.layout.events,
            Pane::Operations => self.layout.operations,
        }
    }

    fn cursor(&self, pane: Pane) -> &Cursor {
        match pane {
            Pane::Hosts => &self.hosts,
            Pane::Top => &self.top,
            Pane::Events => &self.events,
            Pane::Operations => &self.operations,
        }
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        match self.pane {
            Pane::Hosts => &mut self.hosts,
            Pane::Top => &mut self.top,
            Pane::Events => &mut self.events,
            Pane::Operations => &mut self.operations,
        }
    }

    fn next_pane(&mut self, forward: bool) {
        let panes = self.panes();
        if panes.is_empty() {
            return;
        }
        let count = panes.len();
        let at = panes.iter().position(|pane| *pane == self.pane);
        self.pane = match (at, forward) {
            (None, _) => panes[0],
            (Some(at), true) => panes[(at + 1) % count],
            (Some(at), false) => panes[(at + count - 1) % count],
        };
        self.wanted = self.pane;
    }

    fn selected(&self) -> Option<(&'static str, &str)> {
        let cursor = self.cursor(self.pane);
        let (kind, id) = cursor.things.get(cursor.at)?;
        Some((*kind, id.as_str()))
    }

    /// The one host there is, if there is one only: its own series is charted.
    fn only_host<'a>(facts: &Facts<'a>) -> Option<&'a str> {
        match facts.data.rows::<Hypervisor>() {
            [only] => Some(super::hosts::name(only)),
            _ => None,
        }
    }
}

impl Screen for Pulse {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["pulse".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["pulse"]
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = vec![
            Need::list::<Server>(),
            Need::list::<Hypervisor>(),
            Need::list::<Operation>(),
            Need::part::<Counted>(""),
            Need::samples(),
        ];
        if let [(_, host)] = self.hosts.things.as_slice() {
            needs.push(Need::part::<HostSeries<1>>(host));
        }
        needs
    }

    fn offer(&self, command: &Command, _facts: &Facts<'_>) -> Offer {
        match (command.name, self.pane) {
            ("left" | "right", pane) if pane != Pane::Hosts => Offer::Hidden,
            ("pulse.abort", pane) if pane != Pane::Operations => Offer::Hidden,
            _ => Offer::Yes,
        }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let columns = self.grid_columns;
        let in_grid = self.pane == Pane::Hosts;
        let page = usize::from(self.area(self.pane).height).max(1);
        let cursor = self.cursor_mut();
        match command.name {
            "pulse.next" => self.next_pane(true),
            "pulse.previous" => self.next_pane(false),
            "pulse.meter" => self.meter = (self.meter + 1) % METERS.len(),
            "left" => cursor.go(cursor.at.saturating_sub(1)),
            "right" => cursor.go(cursor.at + 1),
            "up" if in_grid => cursor.go(cursor.at.saturating_sub(columns)),
            "down" if in_grid => cursor.go(cursor.at + columns),
            "enter" => {
                if let Some((kind, id)) = self.selected()
                    && let Some(screen) = super::show(kind, id, &cx.facts)
                {
                    cx.go(screen);
                }
            }
            "pulse.launch" => {
                let overlay = super::servers::launch::open(&cx.facts);
                cx.open(overlay);
            }
            "pulse.abort" => {
                // The view of the operation asks, and knows whether it can be.
                if let Some((kind, id)) = self.selected()
                    && let Some(screen) = super::show(kind, id, &cx.facts)
                    && let Some(abort) = command::find("operation.abort")
                {
                    cx.go(screen);
                    cx.run(abort);
                }
            }
            name => match step(name, cursor.at, cursor.things.len(), page) {
                Some(at) => cursor.go(at),
                None => return false,
            },
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        let hosts = facts.data.rows::<Hypervisor>();
        let running = panes::operations(facts).len();
        self.layout = panes::Layout::of(area, hosts.len(), running);
        self.hosts.set(
            panes::hosts(facts)
                .into_iter()
                .map(|row| ("host", super::hosts::name(row).to_owned()))
                .collect(),
        );
        let top = panes::top(facts, self.meter(), usize::from(self.layout.top.height));
        self.top.set(
            top.into_iter()
                .map(|(id, _)| ("server", id.to_owned()))
                .collect(),
        );
        let operations = panes::operations(facts);
        self.operations.set(
            operations
                .into_iter()
                .map(|row| ("operation", row.id.clone()))
                .collect(),
        );
        let events = panes::events(facts, usize::from(self.layout.events.height));
        self.events.set(
            events
                .into_iter()
                .map(|row| (super::kind_of(&row.kind), row.resource.clone()))
                .collect(),
        );
        self.grid_columns = panes::host_grid(self.layout.hosts, facts).columns;
        let panes = self.panes();
        self.pane = match panes.contains(&self.wanted) {
            true => self.wanted,
            false => panes.first().copied().unwrap_or(Pane::Top),
        };
    }

    fn draw(&self, _area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        tiles::draw(self.layout.tiles, buf, view);
        panes::draw_hosts(
            self.layout.hosts,
            buf,
            view,
            &self.hosts,
            self.pane == Pane::Hosts,
        );
        charts::draw(self.layout.charts, buf, view, Self::only_host(&view.facts));
        panes::draw_top(
            self.layout.top,
            buf,
            view,
            &self.top,
            self.pane == Pane::Top,
            self.meter(),
        );
        panes::draw_events(
            self.layout.events,
            buf,
            view,
            &self.events,
            self.pane == Pane::Events,
        );
        panes::draw_operations(
            self.layout.operations,
            buf,
            view,
            &self.operations,
            self.pane == Pane::Operations,
        );
        None
    }
}

const PULSE: &[&str] = &["pulse"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "pulse",
    commands: &[
        Command::new("view.pulse", "pulse", "Go to the dashboard", &["global"]),
        Command::new("pulse.next", "next pane", "Go to the next pane", PULSE).hint(8),
        Command::new(
            "pulse.previous",
            "pane before",
            "Go to the pane before",
            PULSE,
        ),
        Command::new(
            "pulse.meter",
            "by what",
            "Rank servers by processor, memory, network or disk",
            PULSE,
        )
        .hint(9),
        Command::new("pulse.launch", "launch", "Launch servers", PULSE)
            .mutating()
            .hint(10),
        Command::new(
            "pulse.abort",
            "abort",
            "Abort the selected operation",
            PULSE,
        )
        .mutating()
        .hint(11),
    ],
    offered: |_| true,
    open: |_| Box::new(Pulse::new()),
    kind: "",
    objects: |_, _| {},
    show: |_, _| None,
};
