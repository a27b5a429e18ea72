//! Hosts as a map: one cell each, however many there are, with its number and coloured by how hot it is.
//!
//! Cells are as wide as lets all of them be seen: with name, with a box, or two digits. Only if even that is too much it
//! scrolls. The number is always there, and trouble is a sign and a letter or word; the colour comes on top. The cursor
//! follows its host, whatever the measure and the order.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::client::{Client, ClientError};
use crate::compute::wire::Hypervisor;
use crate::telemetry::wire::Meter;
use crate::tui::format::{self, fit, width};
use crate::tui::glyph::Mood;
use crate::tui::state::load::Part;
use crate::tui::value::natural;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::{frame, heat};

use super::{mood, name, rate, servers, share};

/// The zone of each host.
pub struct Zones(HashMap<String, String>);

impl Part for Zones {
    const KIND: &'static str = "host.zones";
    const EVERY: i64 = 30;

    fn load(client: Client, _id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let services = client.compute_service_list().await?.into_iter();
            let agents = services.filter(|service| service.binary == "nova-compute");
            Ok(Self(agents.map(|agent| (agent.host, agent.zone)).collect()))
        })
    }
}

fn zone<'a>(row: &Hypervisor, facts: &Facts<'a>) -> &'a str {
    let zones = facts.data.part::<Zones>("");
    zones
        .and_then(|zones| zones.0.get(name(row)))
        .map_or("", String::as_str)
}

/// What cells show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Cpu,
    Memory,
    Disk,
    Vcpus,
    Ram,
}

impl Measure {
    const ALL: [Self; 5] = [Self::Cpu, Self::Memory, Self::Disk, Self::Vcpus, Self::Ram];

    fn words(self) -> &'static str {
        match self {
            Self::Cpu => "processor in use",
            Self::Memory => "memory in use",
            Self::Disk => "disk in use",
            Self::Vcpus => "processors given away",
            Self::Ram => "memory given away",
        }
    }

    /// Per cent of the host.
    fn value(self, row: &Hypervisor, facts: &Facts<'_>) -> Option<f64> {
        let gauge = || facts.data.meters.host(name(row));
        let of = |(used, total): (f32, f32)| (total > 0.0).then(|| f64::from(used / total));
        let part = match self {
            Self::Cpu => return rate(row, facts, Meter::CpuUtil),
            Self::Memory => {
                let rates = &gauge()?.rates;
                rates.memory_mb.zip(rates.memory_total_mb).and_then(of)
            }
            Self::Disk => gauge()?.disk_gb.and_then(of),
            Self::Vcpus => share(row.vcpus_used, row.vcpus),
            Self::Ram => share(row.memory_mb_used, row.memory_mb),
        };
        part.map(|part| part * 100.0)
    }
}

/// How cells are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Zone,
    Name,
    Heat,
}

impl Order {
    const ALL: [Self; 3] = [Self::Zone, Self::Name, Self::Heat];

    fn words(self) -> &'static str {
        match self {
            Self::Zone => "by zone",
            Self::Name => "by name",
            Self::Heat => "hottest first",
        }
    }
}

/// How wide cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Density {
    /// A name of so many cells and a box.
    Named(usize),
    /// `[ 47%]`.
    Boxed,
    /// `47`.
    Digits,
}

impl Density {
    /// Cells from one to the next.
    fn pitch(self) -> usize {
        match self {
            Self::Named(name) => name + 1 + 6 + 2,
            Self::Boxed => 6 + 1,
            Self::Digits => 2 + 1,
        }
    }

    /// Hosts in a line.
    fn columns(self, across: u16) -> usize {
        let gap = if matches!(self, Self::Named(_)) { 2 } else { 1 };
        ((usize::from(across) + gap) / self.pitch()).max(1)
    }
}

/// A line of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// The name of a zone, and how many hosts it has.
    Zone(String, usize),
    /// Hosts, by their place among the rows.
    Cells(Vec<usize>),
}

/// The map.
pub struct Map {
    measure: Measure,
    order: Order,
    /// Name of the host with the cursor.
    cursor: Option<String>,
    /// Line and place in it of that host.
    at: (usize, usize),
    lines: Vec<Line>,
    density: Density,
    /// First line in view, and lines in view.
    offset: usize,
    height: usize,
}

impl Map {
    /// A map of processor use, by zone.
    pub fn new() -> Self {
        Self {
            measure: Measure::Cpu,
            order: Order::Zone,
            cursor: None,
            at: (0, 0),
            lines: Vec::new(),
            density: Density::Boxed,
            offset: 0,
            height: 1,
        }
    }

    /// The host with the cursor.
    pub fn selected(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Goes to this host.
    pub fn select(&mut self, host: Option<&str>) {
        self.cursor = host.map(str::to_owned);
    }

    /// The area of the cells.
    fn inside(area: Rect) -> Rect {
        Rect::new(
            area.x + 1,
            area.y + 1,
            area.width.saturating_sub(2),
            area.height.saturating_sub(2),
        )
    }

    /// Brings it up to date; `shown` are the places of the rows that the filter lets through.
    pub fn settle(&mut self, area: Rect, shown: &[usize], facts: &Facts<'_>) {
        let rows = facts.data.rows::<Hypervisor>();
        let area = Self::inside(area);
        self.height = usize::from(area.height).max(1);
        let groups = self.groups(shown, rows, facts);
        self.density = density(&groups, rows, area);
        self.lines = lines(&groups, self.density.columns(area.width));
        let place = |host: &str| {
            let found = |at: &usize| rows.get(*at).is_some_and(|row| name(row) == host);
            self.lines.iter().enumerate().find_map(|(line, cells)| {
                let Line::Cells(cells) = cells else {
                    return None;
                };
                Some((line, cells.iter().position(found)?))
            })
        };
        self.at = self
            .cursor
            .as_deref()
            .and_then(place)
            .or_else(|| self.beside(0, 0, true))
            .unwrap_or((0, 0));
        self.cursor = self.host_at(self.at, rows);
        self.scroll();
    }

    /// Hosts by zone or all together, in order.
    fn groups<'a>(
        &self,
        shown: &[usize],
        rows: &[Hypervisor],
        facts: &Facts<'a>,
    ) -> Vec<(&'a str, Vec<usize>)> {
        let mut keyed: Vec<(&str, f64, usize)> = shown
            .iter()
            .filter_map(|at| {
                let row = rows.get(*at)?;
                Some(match self.order {
                    Order::Zone => (zone(row, facts), 0.0, *at),
                    Order::Name => ("", 0.0, *at),
                    Order::Heat => ("", -self.measure.value(row, facts).unwrap_or(-1.0), *at),
                })
            })
            .collect();
        keyed.sort_by(|(zone, heat, at), (other, than, than_at)| {
            natural(zone, other)
                .then_with(|| heat.total_cmp(than))
                .then_with(|| natural(name(&rows[*at]), name(&rows[*than_at])))
        });
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        for (zone, _, at) in keyed {
            match groups.last_mut() {
                Some((last, members)) if *last == zone => members.push(at),
                _ => groups.push((zone, vec![at])),
            }
        }
        groups
    }

    fn host_at(&self, (line, place): (usize, usize), rows: &[Hypervisor]) -> Option<String> {
        let Line::Cells(cells) = self.lines.get(line)? else {
            return None;
        };
        let row = rows.get(*cells.get(place)?)?;
        Some(name(row).to_owned())
    }

    /// The cell at `place` of the first line of cells from `line` on, downwards or upwards.
    fn beside(&self, line: usize, place: usize, down: bool) -> Option<(usize, usize)> {
        let cells = |at: usize| match self.lines.get(at) {
            Some(Line::Cells(cells)) => Some((at, place.min(cells.len().saturating_sub(1)))),
            _ => None,
        };
        if down {
            (line..self.lines.len()).find_map(cells)
        } else {
            (0..=line).rev().find_map(cells)
        }
    }

    /// Keeps the cursor in view, and with it the name of its zone.
    fn scroll(&mut self) {
        let line = self.at.0;
        let titled = line > 0 && matches!(self.lines.get(line - 1), Some(Line::Zone(..)));
        let top = if titled && self.height > 1 {
            line - 1
        } else {
            line
        };
        let last = self.lines.len().saturating_sub(self.height);
        self.offset = self.offset.min(last).min(top);
        if line >= self.offset + self.height {
            self.offset = line + 1 - self.height;
        }
    }

    /// Carries out a command; `false` if it is none of its own.
    pub fn on(&mut self, command: &str, rows: &[Hypervisor]) -> bool {
        let (line, place) = self.at;
        let cells = match self.lines.get(line) {
            Some(Line::Cells(cells)) => cells.len(),
            _ => 0,
        };
        let page = self.height.max(2);
        let up = |by: usize| {
            line.checked_sub(1)
                .and_then(|before| self.beside(before.saturating_sub(by - 1), place, false))
                .or_else(|| self.beside(0, place, true))
        };
        let down = |by: usize| {
            self.beside(line + by, place, true)
                .or_else(|| self.beside(self.lines.len().saturating_sub(1), place, false))
        };
        let to = match command {
            "hosts.measure" => {
                self.measure = next(&Measure::ALL, self.measure, true);
                return true;
            }
            "sort-left" | "sort-right" => {
                self.order = next(&Order::ALL, self.order, command == "sort-right");
                return true;
            }
            "left" if place > 0 => Some((line, place - 1)),
            "left" => line
                .checked_sub(1)
                .and_then(|before| self.beside(before, usize::MAX, false)),
            "right" if place + 1 < cells => Some((line, place + 1)),
            "right" => self.beside(line + 1, 0, true),
            "up" => up(1),
            "down" => down(1),
            "half-up" => up(page / 2),
            "half-down" => down(page / 2),
            "page-up" => up(page),
            "page-down" => down(page),
            "top" => self.beside(0, 0, true),
            "bottom" => self.beside(self.lines.len().saturating_sub(1), usize::MAX, false),
            _ => return false,
        };
        if let Some(to) = to {
            self.at = to;
            self.cursor = self.host_at(to, rows);
            self.scroll();
        }
        true
    }

    /// Draws it.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>, note: &str) {
        let title = format!("Hosts, {}, {}", self.measure.words(), self.order.words());
        frame::pane(area, buf, view, &title, note);
        let inside = Self::inside(area);
        let rows = view.facts.data.rows::<Hypervisor>();
        let lines = self.lines.iter().enumerate().skip(self.offset);
        for ((at, line), y) in lines.zip(inside.y..inside.bottom()) {
            let room = usize::from(inside.width);
            match line {
                Line::Zone(zone, count) => {
                    let text = format!("{zone}, {}", format::count(*count, "host"));
                    buf.set_stringn(inside.x, y, text, room, view.style("ui.title"));
                }
                Line::Cells(cells) => {
                    for (place, row) in cells.iter().enumerate() {
                        let Some(row) = rows.get(*row) else { continue };
                        let pitch = u16::try_from(self.density.pitch()).unwrap_or(u16::MAX);
                        let x = inside.x + u16::try_from(place).unwrap_or(0) * pitch;
                        self.draw_cell(Rect::new(x, y, pitch - 1, 1), buf, view, row);
                        if (at, place) == self.at {
                            let cell = Rect::new(x, y, pitch - 1, 1).intersection(inside);
                            buf.set_style(cell, view.style("ui.selection"));
                        }
                    }
                }
            }
        }
        let selected = self.cursor.as_deref();
        let selected = selected.and_then(|host| view.facts.data.get::<Hypervisor>(host));
        if let (Some(row), Some(y)) = (selected, area.bottom().checked_sub(1)) {
            let (mood, word) = mood(row);
            let x = area.x + 1;
            let room = usize::from(area.width.saturating_sub(2));
            let text = summary(row, &view.facts);
            let text = format!("{}  {} {word}{text}", name(row), view.glyphs.mood(mood));
            let text = fit(&text, room, view.glyphs.ascii);
            buf.set_stringn(x, y, text, room, view.style("ui.text.strong"));
        }
    }

    fn draw_cell(&self, cell: Rect, buf: &mut Buffer, view: &View<'_>, row: &Hypervisor) {
        let mut x = cell.x;
        if let Density::Named(cells) = self.density {
            let text = fit(name(row), cells, view.glyphs.ascii);
            buf.set_string(x, cell.y, text, view.style("ui.text"));
            x += u16::try_from(cells + 1).unwrap_or(0);
        }
        let (mood, word) = mood(row);
        let value = self.measure.value(row, &view.facts);
        let digits = self.density == Density::Digits;
        let sign = view.glyphs.mood(mood);
        let (text, style) = match (word, value, digits) {
            ("down", _, true) => (format!("{sign}d"), view.style(mood.scope())),
            ("down", _, false) => (format!("{sign}down"), view.style(mood.scope())),
            ("disabled", _, true) => (format!("{sign}m"), view.style(mood.scope())),
            ("disabled", _, false) => (format!("{sign}maint"), view.style(mood.scope())),
            (_, Some(value), true) => {
                let value = value.clamp(0.0, 99.0);
                (format!("{value:>2.0}"), view.style(heat::scope(value)))
            }
            (_, Some(value), false) => (format!("[{value:>3.0}%]"), view.style(heat::scope(value))),
            (_, None, true) => (" -".to_owned(), view.style(Mood::Unknown.scope())),
            (_, None, false) => ("[  - ]".to_owned(), view.style("ui.text.dim")),
        };
        buf.set_string(x, cell.y, text, style);
    }
}

fn next<T: Copy + PartialEq>(all: &[T], now: T, forward: bool) -> T {
    let at = all.iter().position(|one| *one == now).unwrap_or(0);
    let step = if forward { 1 } else { all.len() - 1 };
    all[(at + step) % all.len()]
}

/// The widest cells with which everything is seen.
fn density(groups: &[(&str, Vec<usize>)], rows: &[Hypervisor], area: Rect) -> Density {
    let longest = rows.iter().map(|row| width(name(row))).max().unwrap_or(0);
    let fits = |density: &Density| {
        lines(groups, density.columns(area.width)).len() <= usize::from(area.height)
    };
    [
        Density::Named(longest.min(16)),
        Density::Named(longest.min(8)),
        Density::Boxed,
    ]
    .into_iter()
    .find(fits)
    .unwrap_or(Density::Digits)
}

fn lines(groups: &[(&str, Vec<usize>)], columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (zone, members) in groups {
        if !zone.is_empty() {
            lines.push(Line::Zone((*zone).to_owned(), members.len()));
        }
        lines.extend(
            members
                .chunks(columns)
                .map(|cells| Line::Cells(cells.to_vec())),
        );
    }
    lines
}

/// What is known of the host with the cursor, in a line.
fn summary(row: &Hypervisor, facts: &Facts<'_>) -> String {
    let mut text = String::new();
    let measures = [
        (Measure::Cpu, "  cpu"),
        (Measure::Memory, " memory"),
        (Measure::Disk, " disk"),
        (Measure::Vcpus, ", given cpu"),
        (Measure::Ram, " ram"),
    ];
    for (measure, word) in measures {
        if let Some(value) = measure.value(row, facts) {
            text.push_str(&format!("{word} {}", format::percent(value)));
        }
    }
    let count = servers(row, facts).max(0.0) as usize;
    text.push_str(&format!(", {}", format::count(count, "server")));
    text
}
