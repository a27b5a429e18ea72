//! The line of numbers: hosts, servers, processors, memory, disk, bus, database, operations.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::api::wire::{Operation, OperationStatus, Room};
use crate::compute::wire::{Hypervisor, Server};
use crate::tui::format::{self, width};
use crate::tui::glyph::Mood;
use crate::tui::screens::{hosts, servers};
use crate::tui::view::View;
use crate::tui::widgets::gauge;

use super::Counted;

/// One tile: words in their styles.
type Tile = Vec<(String, Style)>;

/// Draws the tiles, in as many lines as there are.
pub fn draw(area: Rect, buf: &mut Buffer, view: &View<'_>) {
    let mut x = area.x + 1;
    let mut y = area.y;
    for tile in tiles(view) {
        let cells: usize = tile.iter().map(|(text, _)| width(text)).sum();
        let cells = u16::try_from(cells).unwrap_or(u16::MAX);
        if x > area.x + 1 && x.saturating_add(cells) >= area.right() {
            x = area.x + 1;
            y += 1;
        }
        if y >= area.bottom() {
            return;
        }
        for (text, style) in tile {
            let room = usize::from(area.right().saturating_sub(x));
            (x, _) = buf.set_stringn(x, y, text, room, style);
        }
        x += 3;
    }
}

fn tiles(view: &View<'_>) -> Vec<Tile> {
    let data = view.facts.data;
    let mut tiles = Vec::new();
    let rows = data.rows::<Hypervisor>();
    if !rows.is_empty() {
        tiles.push(counts(
            "HOSTS",
            rows.len(),
            rows.iter().map(|row| hosts::mood(row).0),
            view,
        ));
    }
    let rows = data.rows::<Server>();
    tiles.push(counts(
        "SERVERS",
        rows.len(),
        rows.iter().map(|row| servers::mood(row).0),
        view,
    ));
    let Some(counted) = data.part::<Counted>("") else {
        return tiles;
    };
    let summary = &counted.0;
    let rooms = [
        ("vCPU", &summary.vcpus),
        ("RAM", &summary.memory_mb),
        ("DISK", &summary.disk_gb),
        ("VOL", &summary.volume_gb),
    ];
    for (label, room) in rooms {
        if let Some(part) = room.as_ref().and_then(claimed) {
            let style = match gauge::level_scope(part) {
                "ui.progress" => view.style("ui.text.strong"),
                scope => view.style(scope),
            };
            tiles.push(labelled(label, format::percent(part * 100.0), style, view));
        }
    }
    for (label, health) in [("BUS", &summary.bus), ("DB", &summary.database)] {
        let Some(health) = health else { continue };
        let (mood, mut words) = if health.ok {
            (Mood::Good, "up".to_owned())
        } else {
            (Mood::Bad, "down".to_owned())
        };
        if let Some(latency) = health.latency_ms.filter(|_| health.ok) {
            words = if latency < 10.0 {
                format!("{latency:.1} ms")
            } else {
                format!("{latency:.0} ms")
            };
        }
        if let Some(waiting) = health.waiting.filter(|waiting| *waiting > 0) {
            words.push_str(&format!(", {waiting} wait"));
        }
        let text = format!("{} {words}", view.glyphs.mood(mood));
        tiles.push(labelled(label, text, view.style(mood.scope()), view));
    }
    let operations = data.rows::<Operation>();
    let of = |status: OperationStatus| operations.iter().filter(|row| row.status == status).count();
    let stuck = of(OperationStatus::Stuck);
    if stuck > 0 {
        let text = format!("{} {stuck} stuck", view.glyphs.mood(Mood::Bad));
        tiles.push(labelled(
            "OPERATIONS",
            text,
            view.style(Mood::Bad.scope()),
            view,
        ));
    }
    let alarms = summary.alarms.get("alarm").copied().unwrap_or(0);
    if alarms > 0 {
        let text = format!("{} {alarms}", view.glyphs.mood(Mood::Bad));
        tiles.push(labelled(
            "ALARMS",
            text,
            view.style(Mood::Bad.scope()),
            view,
        ));
    }
    tiles
}

/// The part of what may be handed out that is.
fn claimed(room: &Room) -> Option<f64> {
    (room.allocatable > 0).then(|| room.claimed as f64 / room.allocatable as f64)
}

fn labelled(label: &str, text: String, style: Style, view: &View<'_>) -> Tile {
    vec![
        (format!("{label} "), view.style("ui.text.dim")),
        (text, style),
    ]
}

/// A total with its parts by mood: `SERVERS 840 ● 812 ✗ 9`.
fn counts(label: &str, total: usize, moods: impl Iterator<Item = Mood>, view: &View<'_>) -> Tile {
    let mut by_mood: BTreeMap<Mood, usize> = BTreeMap::new();
    for mood in moods {
        *by_mood.entry(mood).or_default() += 1;
    }
    let mut tile = labelled(label, total.to_string(), view.style("ui.text.strong"), view);
    // What is as it should be first, then what is worst.
    let good = by_mood.remove_entry(&Mood::Good);
    for (mood, count) in good.into_iter().chain(by_mood) {
        let style = view.style(mood.scope());
        tile.push((format!(" {}{count}", view.glyphs.mood(mood)), style));
    }
    tile
}
