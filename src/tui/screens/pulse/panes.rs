//! The panes of the dashboard: what is in them, where they lie, how they are drawn.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::api::wire::{Operation, OperationStatus};
use crate::compute::wire::{Hypervisor, Server};
use crate::telemetry::wire::Meter;
use crate::tui::format::{self, fit, width};
use crate::tui::screens::events::Happening;
use crate::tui::screens::list::invitation;
use crate::tui::screens::{hosts as hosts_view, operations as operations_view, servers};
use crate::tui::state::meters::Gauge;
use crate::tui::value::natural;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::{frame, gauge, heat, spark};

use super::Cursor;

/// Operations shown at most.
const OPERATIONS: usize = 6;

/// Where the panes lie; an empty area is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Numbers.
    pub tiles: Rect,
    /// Hosts as a heat map.
    pub hosts: Rect,
    /// Charts.
    pub charts: Rect,
    /// Top servers.
    pub top: Rect,
    /// Events.
    pub events: Rect,
    /// Operations.
    pub operations: Rect,
}

impl Layout {
    /// Lays the panes into `area` for so many hosts and running operations.
    pub fn of(area: Rect, hosts: usize, running: usize) -> Self {
        let line =
            |y: u16, height: u16| Rect::new(area.x, y, area.width, height).intersection(area);
        let tiles_height = if area.width >= 110 { 1 } else { 2 };
        let tiles = line(area.y, tiles_height);
        let mut y = tiles.bottom();
        let rest = area.bottom().saturating_sub(y);
        let running = u16::try_from(running.clamp(1, OPERATIONS)).unwrap_or(1);
        let operations_height = (running + 1).min(rest / 3);
        let upper = if rest >= 26 { 11 } else { (rest / 3).max(5) }.min(rest);
        let wide = area.width >= 100;
        let (hosts, charts) = if wide {
            let left = if hosts > 1 { area.width * 2 / 5 } else { 34 };
            (
                Rect::new(area.x, y, left, upper),
                Rect::new(area.x + left + 1, y, area.width - left - 1, upper),
            )
        } else if hosts > 1 {
            let left = area.width / 2;
            (
                Rect::new(area.x, y, left, upper),
                Rect::new(area.x + left + 1, y, area.width - left - 1, upper),
            )
        } else {
            (Rect::ZERO, line(y, upper))
        };
        y += upper;
        let middle = area.bottom().saturating_sub(y + operations_height);
        let (top, events) = if wide {
            let left = area.width * 3 / 5;
            (
                Rect::new(area.x, y, left, middle),
                Rect::new(area.x + left + 1, y, area.width - left - 1, middle),
            )
        } else {
            (line(y, middle), Rect::ZERO)
        };
        Self {
            tiles,
            hosts,
            charts,
            top,
            events,
            operations: line(y + middle, operations_height),
        }
    }
}

/// Hosts, those in trouble first, then by name.
pub fn hosts<'a>(facts: &Facts<'a>) -> Vec<&'a Hypervisor> {
    let mut hosts: Vec<&Hypervisor> = facts.data.rows::<Hypervisor>().iter().collect();
    hosts.sort_by(|a, b| {
        let (one, other) = (hosts_view::mood(a).0, hosts_view::mood(b).0);
        one.cmp(&other)
            .then_with(|| natural(hosts_view::name(a), hosts_view::name(b)))
    });
    hosts
}

/// The servers that use most of a meter, most first.
pub fn top<'a>(facts: &Facts<'a>, meter: Meter, count: usize) -> Vec<(&'a str, &'a Gauge)> {
    let mut all: Vec<(&str, &Gauge, f32)> = facts
        .data
        .meters
        .servers()
        .filter(|(id, _)| {
            let server = facts.data.get::<Server>(id);
            server.is_none_or(|server| servers::gauge(server, facts).is_some())
        })
        .filter_map(|(id, gauge)| Some((id, gauge, gauge.rates.get(meter)?)))
        .collect();
    let order = |a: &(&str, &Gauge, f32), b: &(&str, &Gauge, f32)| {
        b.2.total_cmp(&a.2).then_with(|| a.0.cmp(b.0))
    };
    if all.len() > count && count > 0 {
        all.select_nth_unstable_by(count - 1, order);
        all.truncate(count);
    }
    all.sort_by(order);
    all.into_iter().map(|(id, gauge, _)| (id, gauge)).collect()
}

/// Operations that are under way or stuck, then those that failed lately, newest first.
pub fn operations<'a>(facts: &Facts<'a>) -> Vec<&'a Operation> {
    const LATELY: i64 = 600;
    let since = facts.clock.now.plus_seconds(-LATELY);
    let mut rows: Vec<&Operation> = facts
        .data
        .rows::<Operation>()
        .iter()
        .filter(|row| {
            !row.status.is_final() || (row.status == OperationStatus::Failed && row.updated > since)
        })
        .collect();
    rows.sort_by_key(|row| (row.status.is_final(), -row.created.0));
    rows.truncate(OPERATIONS);
    rows
}

/// What happened last, newest first. Interfaces that nobody named come and go with their servers, which are there.
pub fn events<'a>(facts: &Facts<'a>, count: usize) -> Vec<&'a Happening> {
    facts
        .data
        .rows::<Happening>()
        .iter()
        .rev()
        .filter(|row| row.kind != "port" || !row.name.is_empty())
        .take(count)
        .collect()
}

/// How the boxes of hosts lie.
pub fn host_grid(area: Rect, facts: &Facts<'_>) -> heat::Grid {
    let cells: Vec<heat::Cell<'_>> = hosts(facts)
        .into_iter()
        .map(|row| hosts_view::cell(row, facts))
        .collect();
    heat::grid(inner(area), &cells)
}

fn inner(area: Rect) -> Rect {
    Rect::new(
        area.x + 1,
        area.y + 1,
        area.width.saturating_sub(2),
        area.height.saturating_sub(1),
    )
}

/// Draws the hosts.
pub fn draw_hosts(area: Rect, buf: &mut Buffer, view: &View<'_>, cursor: &Cursor, focused: bool) {
    if area.is_empty() {
        return;
    }
    let rows = hosts(&view.facts);
    // The boxes of many hosts have no room for names.
    let selected = rows.get(cursor.at).filter(|_| focused);
    let name = selected.map_or("", |row| hosts_view::name(row));
    pane(area, buf, view, "Hosts, by cpu", name, focused);
    if let [only] = rows.as_slice() {
        return draw_host(inner(area), buf, view, only);
    }
    let cells: Vec<heat::Cell<'_>> = rows
        .into_iter()
        .map(|row| hosts_view::cell(row, &view.facts))
        .collect();
    heat::draw(inner(area), buf, view, &cells, focused.then_some(cursor.at));
}

/// One host alone has room for its gauges.
fn draw_host(area: Rect, buf: &mut Buffer, view: &View<'_>, row: &Hypervisor) {
    let (mood, word) = hosts_view::mood(row);
    let state = format!("{} {word}", view.glyphs.mood(mood));
    buf.set_stringn(
        area.x,
        area.y,
        state,
        usize::from(area.width),
        view.style(mood.scope()),
    );
    let name = hosts_view::name(row);
    let x = area.x + 12;
    let room = usize::from(area.right().saturating_sub(x));
    buf.set_stringn(
        x,
        area.y,
        fit(name, room, view.glyphs.ascii),
        room,
        view.style("ui.text.strong"),
    );
    let gauge_of = view.facts.data.meters.host(name);
    let rates = gauge_of.map(|gauge| gauge.rates).unwrap_or_default();
    let mut lines: Vec<(&str, f64, String)> = Vec::new();
    if let Some(cpu) = rates.cpu_util.map(f64::from) {
        lines.push(("cpu", cpu / 100.0, format::percent(cpu)));
    }
    if let Some((used, total)) = rates
        .memory_mb
        .zip(rates.memory_total_mb)
        .filter(|(_, total)| *total > 0.0)
    {
        let words = format::bytes(f64::from(used) * 1_048_576.0);
        lines.push(("memory", f64::from(used / total), words));
    }
    if let Some((used, total)) = gauge_of
        .and_then(|gauge| gauge.disk_gb)
        .filter(|(_, total)| *total > 0.0)
    {
        lines.push(("disk", f64::from(used / total), format!("{used:.0} GiB")));
    }
    let given = [
        ("vcpus", row.vcpus_used, row.vcpus),
        ("ram", row.memory_mb_used, row.memory_mb),
    ];
    for (label, used, total) in given {
        if let Some((used, total)) = used.zip(total).filter(|(_, total)| *total > 0) {
            let words = if label == "vcpus" {
                format!("{used}/{total}")
            } else {
                format::percent(used as f64 / total as f64 * 100.0)
            };
            lines.push((label, used as f64 / total as f64, words));
        }
    }
    for ((label, part, words), y) in lines.iter().zip(area.y + 2..area.bottom()) {
        let row = Rect::new(area.x, y, area.width, 1);
        gauge::draw(row, buf, view, label, *part, words);
    }
}

/// A pane's rule; the one with the keyboard stands out.
fn pane(area: Rect, buf: &mut Buffer, view: &View<'_>, title: &str, note: &str, focused: bool) {
    frame::pane(area, buf, view, title, note);
    if focused {
        let line = Rect { height: 1, ..area };
        for x in line.x..line.right() {
            if buf[(x, line.y)].symbol() == view.glyphs.rule() {
                buf[(x, line.y)].set_style(view.style("ui.border.focus"));
            }
        }
    }
}

/// What a meter is called, and its value in words.
fn meter_words(meter: Meter, value: f32) -> String {
    let value = f64::from(value);
    match meter {
        Meter::CpuUtil => format::percent(value),
        Meter::MemoryUsage => format::bytes(value * 1_048_576.0),
        _ => format::rate(value),
    }
}

fn meter_name(meter: Meter) -> &'static str {
    match meter {
        Meter::CpuUtil => "cpu",
        Meter::MemoryUsage => "memory",
        Meter::NetIn => "network in",
        Meter::NetOut => "network out",
        Meter::DiskRead => "disk read",
        _ => "disk write",
    }
}

/// Cells of a column of values.
const VALUE: u16 = 11;

/// The meters shown of the top servers: the one they are ranked by, and others where there is room.
fn top_columns(room: u16, meter: Meter) -> Vec<Meter> {
    const OTHERS: [Meter; 4] = [
        Meter::CpuUtil,
        Meter::MemoryUsage,
        Meter::NetIn,
        Meter::DiskWrite,
    ];
    let others = OTHERS.into_iter().filter(|other| *other != meter);
    let more = if room >= 64 { 2 } else { 0 };
    std::iter::once(meter).chain(others.take(more)).collect()
}

/// Where columns of values end, the last first.
fn right_edges(row: Rect) -> impl Iterator<Item = u16> {
    (0..).map(move |at| row.right().saturating_sub(at * VALUE))
}

/// Draws the servers that use most.
pub fn draw_top(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    cursor: &Cursor,
    focused: bool,
    meter: Meter,
) {
    if area.is_empty() {
        return;
    }
    let title = format!("Top servers by {}", meter_name(meter));
    pane(area, buf, view, &title, "", focused);
    let list = inner(area);
    let columns = top_columns(list.width, meter);
    for (column, right) in columns.iter().rev().zip(right_edges(list)) {
        let name = format!(" {} ", meter_name(*column));
        let x = (right + 1).saturating_sub(u16::try_from(width(&name)).unwrap_or(0));
        buf.set_string(x, area.y, name, view.style("ui.table.header"));
    }
    if cursor.things.is_empty() {
        let text = if view.facts.data.rows::<Server>().is_empty() {
            invitation("No servers yet. Press n to launch the first one.", view)
        } else {
            "Nothing is measured: no server runs, or this cloud tells no rates."
        };
        let text = fit(text, usize::from(list.width), view.glyphs.ascii);
        buf.set_string(list.x, list.y, text, view.style("ui.text.dim"));
        return;
    }
    for ((place, (_, id)), y) in cursor.things.iter().enumerate().zip(list.y..list.bottom()) {
        let Some(gauge) = view.facts.data.meters.server(id) else {
            continue;
        };
        let row = Rect::new(list.x, y, list.width, 1);
        draw_top_row(row, buf, view, id, gauge, meter);
        if focused && place == cursor.at {
            buf.set_style(row, view.style("ui.selection"));
        }
    }
}

fn draw_top_row(
    row: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    id: &str,
    gauge: &Gauge,
    meter: Meter,
) {
    let server = view.facts.data.get::<Server>(id);
    let name = server.map_or(id, |server| server.name.as_str());
    let columns = top_columns(row.width, meter);
    for (column, right) in columns.iter().rev().zip(right_edges(row)) {
        let Some(value) = gauge.rates.get(*column) else {
            continue;
        };
        let text = meter_words(*column, value);
        let x = right.saturating_sub(u16::try_from(width(&text)).unwrap_or(0));
        buf.set_string(x, row.y, text, Style::default());
    }
    let values = u16::try_from(columns.len()).unwrap_or(0) * VALUE;
    let mut right = row.right().saturating_sub(values);
    if row.width >= 50 {
        right = right.saturating_sub(14);
        let history = gauge.history(meter);
        let full = (meter == Meter::CpuUtil).then_some(100.0);
        let at = Rect::new(right, row.y, 12, 1);
        spark::draw(at, buf, view.glyphs, view.style("spark"), history, full);
    }
    let state = server.map(servers::mood);
    let mut x = row.x;
    if let Some((mood, _)) = state {
        buf.set_string(x, row.y, view.glyphs.mood(mood), view.style(mood.scope()));
        x += 2;
    }
    let room = usize::from(right.saturating_sub(x + 1));
    let host = server
        .and_then(|server| server.host.as_deref())
        .unwrap_or_default();
    let text: Cow<'_, str> = if room > 34 && !host.is_empty() {
        format!("{:<22} {host}", fit(name, 22, view.glyphs.ascii)).into()
    } else {
        name.into()
    };
    buf.set_string(
        x,
        row.y,
        fit(&text, room, view.glyphs.ascii),
        Style::default(),
    );
}

/// Of an id its end, which tells it from others made at the same time; of a name all of it.
fn short(name: &str) -> Cow<'_, str> {
    const END: usize = 8;
    let is_id = name.len() == 36
        && name
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match name.get(name.len().saturating_sub(END)..) {
        Some(end) if is_id => format!("..{end}").into(),
        _ => name.into(),
    }
}

/// Draws what happened.
pub fn draw_events(area: Rect, buf: &mut Buffer, view: &View<'_>, cursor: &Cursor, focused: bool) {
    if area.is_empty() {
        return;
    }
    pane(area, buf, view, "Events", "", focused);
    let list = inner(area);
    let rows = events(&view.facts, usize::from(list.height));
    if rows.is_empty() {
        buf.set_stringn(
            list.x,
            list.y,
            "Quiet since this console was opened.",
            usize::from(list.width),
            view.style("ui.text.dim"),
        );
    }
    for ((place, row), y) in rows.into_iter().enumerate().zip(list.y..list.bottom()) {
        let mood = row.mood();
        let time = format::time_of_day(row.at, &view.facts.clock.zone);
        buf.set_string(list.x, y, time, view.style("ui.text.dim"));
        buf.set_string(
            list.x + 9,
            y,
            view.glyphs.mood(mood),
            view.style(mood.scope()),
        );
        let name = short(row.name_in(view.facts.data));
        let text = row.sentence(&name);
        let room = usize::from(list.width.saturating_sub(11));
        buf.set_string(
            list.x + 11,
            y,
            fit(&text, room, view.glyphs.ascii),
            Style::default(),
        );
        if focused && place == cursor.at {
            buf.set_style(
                Rect::new(list.x, y, list.width, 1),
                view.style("ui.selection"),
            );
        }
    }
}

/// Draws what is under way.
pub fn draw_operations(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    cursor: &Cursor,
    focused: bool,
) {
    if area.is_empty() {
        return;
    }
    let rows = operations(&view.facts);
    // All of them, of which there is room for a few.
    let all = view.facts.data.rows::<Operation>().iter();
    let running = all.filter(|row| !row.status.is_final()).count();
    let title = format!("Operations ({running} under way)");
    pane(area, buf, view, &title, "", focused);
    let list = inner(area);
    if rows.is_empty() {
        buf.set_stringn(
            list.x,
            list.y,
            "Nothing is under way.",
            usize::from(list.width),
            view.style("ui.text.dim"),
        );
    }
    for ((place, row), y) in rows.into_iter().enumerate().zip(list.y..list.bottom()) {
        let line = Rect::new(list.x, y, list.width, 1);
        draw_operation(line, buf, view, row);
        if focused && place == cursor.at {
            buf.set_style(line, view.style("ui.selection"));
        }
    }
}

fn draw_operation(line: Rect, buf: &mut Buffer, view: &View<'_>, row: &Operation) {
    let (mood, word) = operations_view::mood(row);
    let state = format!("{} {word}", view.glyphs.mood(mood));
    buf.set_stringn(
        line.x,
        line.y,
        state,
        usize::from(line.width),
        view.style(mood.scope()),
    );
    let name = row.resource.name.as_deref().unwrap_or(&row.resource.id);
    let what = format!("{} {name}", format::spaced(&row.kind));
    let third = line.width / 3;
    buf.set_string(
        line.x + 12,
        line.y,
        fit(&what, usize::from(third), view.glyphs.ascii),
        Style::default(),
    );
    let mut x = line.x + 12 + third + 2;
    let mut remark = match (&row.error, &row.progress) {
        (Some(error), _) => error.message.clone(),
        (None, Some(progress)) => operations_view::progress_words(progress, view.facts.clock.now),
        (None, None) => row.step.as_deref().map(format::spaced).unwrap_or_default(),
    };
    let part = row
        .progress
        .as_ref()
        .and_then(|progress| progress.fraction())
        .filter(|_| !row.status.is_final());
    if let Some(part) = part {
        let wide = if line.width > 100 { 16 } else { 8 };
        gauge::bar(Rect::new(x, line.y, wide, 1), buf, view, part);
        x += wide + 1;
        remark = format!("{:>4}  {remark}", format::percent(part * 100.0));
    }
    let room = usize::from(line.right().saturating_sub(x));
    buf.set_string(
        x,
        line.y,
        fit(&remark, room, view.glyphs.ascii),
        view.style("ui.text.dim"),
    );
}
