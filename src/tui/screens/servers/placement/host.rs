//! Hosts of a decision: one line each with a sign for each filter, and one of them in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::api::wire::{Explanation, FilterVerdict, HostVerdict, Weight};
use crate::tui::format::{self, fit, width};
use crate::tui::glyph::Mood;
use crate::tui::overlays::offset;
use crate::tui::value::Value;
use crate::tui::view::View;
use crate::tui::widgets::doc::Doc;

/// A filter or weigher without the ending that all of them have.
pub fn short(name: &str) -> &str {
    name.trim_end_matches("Filter").trim_end_matches("Weigher")
}

/// What became of a host, in a line.
pub fn verdict(host: &HostVerdict) -> (Mood, String) {
    if host.passed {
        let rank = host
            .rank
            .map(|rank| format!("rank {rank}, "))
            .unwrap_or_default();
        let weight = host.weight.unwrap_or_default();
        let mut text = format!("{rank}weight {weight:.2}");
        let parts = parts(host);
        if !parts.is_empty() {
            text.push_str(&format!(" ({parts})"));
        }
        return (Mood::Good, text);
    }
    let refused = host.filters.iter().find(|filter| !filter.passed);
    (
        Mood::Bad,
        refused.map_or_else(|| "refused".to_owned(), refusal),
    )
}

/// What the weight is made of: `RAM +0.82, CPU -0.10`.
fn parts(host: &HostVerdict) -> String {
    let parts: Vec<String> = host
        .weights
        .iter()
        .filter(|weight| weight.score.abs() >= 0.005)
        .map(|weight| format!("{} {:+.2}", short(&weight.weigher), weight.score))
        .collect();
    parts.join(", ")
}

/// A quantity: `4096 MiB`.
fn quantity(value: f64, filter: &FilterVerdict) -> String {
    match filter.unit.as_deref() {
        Some("MiB") => format::bytes(value * 1_048_576.0),
        Some(unit) if !unit.is_empty() => format!("{} {unit}", format::number(value)),
        _ => format::number(value),
    }
}

/// What a filter wanted, what there was, and why it refused, as far as it told.
fn filter_words(filter: &FilterVerdict) -> Option<String> {
    let numbers = filter.wanted.zip(filter.available).map(|(wanted, left)| {
        let missing = match filter.passed {
            true => String::new(),
            false => format!(", {} missing", quantity(wanted - left, filter)),
        };
        format!(
            "{} wanted, {} left{missing}",
            quantity(wanted, filter),
            quantity(left, filter)
        )
    });
    numbers.or_else(|| filter.reason.clone())
}

/// `Ram: 4.0 GiB wanted, 512 MiB left, 3.5 GiB missing`.
fn refusal(filter: &FilterVerdict) -> String {
    let name = short(&filter.filter);
    match filter_words(filter) {
        Some(words) => format!("{name}: {words}"),
        None => name.to_owned(),
    }
}

/// Everything about a host; `filters` are those that were asked of any.
pub fn describe<'a>(host: &'a HostVerdict, filters: &[&'a str]) -> Doc<'a> {
    let mut doc = Doc::default();
    doc.group("Filters: what was wanted, what was left");
    for name in filters {
        let asked = host.filters.iter().find(|filter| filter.filter == *name);
        let (mood, words) = match asked {
            Some(filter) if filter.passed => (Mood::Good, "passed"),
            Some(_) => (Mood::Bad, "turned it down"),
            None => (Mood::Off, "not asked any more"),
        };
        let words = asked
            .and_then(filter_words)
            .unwrap_or_else(|| words.to_owned());
        doc.entry(short(name), Value::State(mood, words.into()));
    }
    if !host.weights.is_empty() {
        doc.group("Weight: share of the best host x factor");
    }
    for weight in &host.weights {
        doc.entry(short(&weight.weigher), Value::owned(weight_words(weight)));
    }
    if let Some(weight) = host.weight {
        let rank = host.rank.map(|rank| format!(", rank {rank}"));
        let text = format!("{weight:+.2}{}", rank.unwrap_or_default());
        doc.entry("sum", Value::owned(text));
    }
    doc
}

/// `+0.82 = 0.82 x 1, measured 24576`.
fn weight_words(weight: &Weight) -> String {
    format!(
        "{:+.2} = {:.2} x {}, measured {}",
        weight.score,
        weight.normalized,
        format::number(weight.multiplier),
        // There is no zero below zero.
        format::number(weight.raw + 0.0)
    )
}

/// Draws the table: host, rank, weight, a sign for each filter, and what decided.
pub fn draw_table(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    shown: &Explanation,
    filters: &[&str],
    at: usize,
) {
    if area.is_empty() {
        return;
    }
    let longest = shown.hosts.iter().map(|host| width(&host.host)).max();
    let names = longest.unwrap_or(0).clamp(4, 20);
    let signs = filters.len().max("FILTERS".len());
    let header = format!("{:names$}  RANK  WEIGHT  {:signs$}  WHY", "HOST", "FILTERS");
    let x = area.x + 2;
    let room = usize::from(area.width.saturating_sub(3));
    buf.set_stringn(x, area.y, header, room, view.style("ui.table.header"));
    let height = usize::from(area.height.saturating_sub(1));
    let first = offset(at, height);
    let rows = shown.hosts.iter().enumerate().skip(first);
    for ((place, host), y) in rows.zip(area.y + 1..area.bottom()) {
        let (mood, words) = match host.passed {
            true => (Mood::Good, parts(host)),
            false => verdict(host),
        };
        let rank = host.rank.map(|rank| rank.to_string()).unwrap_or_default();
        let weight = host.weight.map(|weight| format!("{weight:.2}"));
        let name = fit(&host.host, names, view.glyphs.ascii);
        let pad = names.saturating_sub(width(&name));
        let text = format!(
            "{name}{:pad$}  {rank:>4}  {:>6}  ",
            "",
            weight.unwrap_or_default()
        );
        let is_chosen = shown.chosen.as_deref() == Some(host.host.as_str());
        let style = view.style(if is_chosen {
            "ui.text.strong"
        } else {
            "ui.text"
        });
        let (mut at_x, _) = buf.set_stringn(x, y, text, room, style);
        for name in filters {
            let asked = host.filters.iter().find(|filter| filter.filter == *name);
            let (sign, mood) = match asked {
                Some(filter) if filter.passed => (view.glyphs.done(), Mood::Good),
                Some(_) => (view.glyphs.mood(Mood::Bad), Mood::Bad),
                None => (view.glyphs.dot(), Mood::Off),
            };
            if at_x < area.right() {
                buf.set_string(at_x, y, sign, view.style(mood.scope()));
            }
            at_x += 1;
        }
        at_x += u16::try_from(signs - filters.len() + 2).unwrap_or(0);
        let left = usize::from(area.right().saturating_sub(at_x + 1));
        let words = fit(&words, left, view.glyphs.ascii);
        buf.set_stringn(at_x, y, words, left, view.style(mood.scope()));
        if place == at {
            let row = Rect::new(area.x, y, area.width, 1);
            buf.set_style(row, view.style("ui.selection"));
            buf.set_string(area.x, y, view.glyphs.pointer(), view.style("ui.selection"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_by_how_much() {
        let filter = FilterVerdict {
            filter: "RamFilter".into(),
            wanted: Some(4096.0),
            available: Some(512.0),
            unit: Some("MiB".into()),
            ..FilterVerdict::default()
        };
        assert_eq!(
            refusal(&filter),
            "Ram: 4.0 GiB wanted, 512 MiB left, 3.5 GiB missing"
        );
        let filter = FilterVerdict {
            filter: "ComputeFilter".into(),
            reason: Some("it is down".into()),
            ..FilterVerdict::default()
        };
        assert_eq!(refusal(&filter), "Compute: it is down");
    }
}
