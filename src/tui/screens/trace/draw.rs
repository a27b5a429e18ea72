//! How a way looks: a line for each place, and below it all that is known of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::network::wire::{Trace, TraceStep};
use crate::tui::format::{count, fit, width, wrap};
use crate::tui::glyph::Mood;
use crate::tui::overlays::offset;
use crate::tui::view::View;
use crate::tui::widgets::frame;

use super::mend;

/// Lines of what is known of the selected place, with their title.
const BELOW: u16 = 7;
/// Cells of the columns that have a width of their own: where the cursor is, mark, host, device, what.
const POINTER: u16 = 2;
const MARK: u16 = 2;
const HOST: u16 = 8;
const DEVICE: u16 = 16;
const WHAT: u16 = 14;
/// Cells of the counts, on the right.
const COUNTS: u16 = 12;

/// Where the list lies, and what is below it.
pub(super) fn split(area: Rect, steps: usize) -> (Rect, Rect) {
    let wanted = u16::try_from(steps + 2).unwrap_or(u16::MAX);
    let list = wanted
        .min(area.height.saturating_sub(BELOW))
        .max(area.height.min(4));
    let rest = area.height - list;
    (
        Rect::new(area.x, area.y, area.width, list),
        Rect::new(area.x, area.y + list, area.width, rest),
    )
}

fn mood(step: &TraceStep) -> Mood {
    match (step.verdict.as_str(), step.would) {
        ("passes", false) => Mood::Good,
        // Nothing comes so far.
        ("passes", true) => Mood::Off,
        ("drops", _) => Mood::Bad,
        _ => Mood::Unknown,
    }
}

/// What a place is, as short as it has to be.
fn what(step: &TraceStep) -> String {
    let name = match step.what.as_str() {
        "anti_spoofing" => "own address",
        "sender_groups" => "groups, out",
        "receiver_groups" => "groups, in",
        "physical" => "physical net",
        other => other,
    };
    match step.is_back {
        true => format!("back: {name}"),
        false => name.to_owned(),
    }
}

/// Packets of question and answer: `12/11`; nothing where none can be counted.
fn counts(step: &TraceStep) -> String {
    let number = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), short);
    if step.is_counted {
        return format!("{}/{}", number(step.request), number(step.reply));
    }
    match step.dropped {
        Some(dropped) if dropped > 0 => format!("-{}", short(dropped)),
        _ => String::new(),
    }
}

fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{}k", number / 1_000),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// Draws it.
pub(super) fn draw(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    title: &str,
    trace: &Trace,
    at: usize,
) {
    let (list, below) = split(area, trace.steps.len());
    let note = match trace.verdict.as_str() {
        "passes" => "it passes".to_owned(),
        "drops" => {
            let drops = trace.steps.iter().filter(|step| step.verdict == "drops");
            format!("dropped: {}", count(drops.count(), "reason"))
        }
        _ => "not sure".to_owned(),
    };
    let inside = frame::pane(list, buf, view, title, &note);
    draw_list(inside, buf, view, trace, at);
    if let Some(step) = trace.steps.get(at) {
        draw_step(below, buf, view, step);
    }
}

fn draw_list(area: Rect, buf: &mut Buffer, view: &View<'_>, trace: &Trace, at: usize) {
    if area.is_empty() {
        return;
    }
    let host = area.x + POINTER + MARK;
    let device = host + HOST;
    let name = device + DEVICE;
    let because = name + WHAT;
    let right = area.right().saturating_sub(COUNTS + 1).max(because);
    let cell = |buf: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style| {
        let room = usize::from(end.min(area.right()).saturating_sub(x + 1));
        let text = fit(text, room, view.glyphs.ascii);
        if room > 0 {
            buf.set_stringn(x, y, text, room, style);
        }
    };
    let at_the_end = |buf: &mut Buffer, y: u16, text: &str, style| {
        let wide = u16::try_from(width(text)).unwrap_or(0);
        let x = area.right().saturating_sub(wide + 1);
        if x >= right {
            buf.set_string(x, y, text, style);
        }
    };
    let header = view.style("ui.table.header");
    for (x, end, text) in [
        (host, device, "HOST"),
        (device, name, "DEVICE"),
        (name, because, "PLACE"),
        (because, right, "BECAUSE"),
    ] {
        cell(buf, x, area.y, end, text, header);
    }
    at_the_end(buf, area.y, "THERE/BACK", header);
    // What would come after the selected place is worth a line or two.
    let last = trace.steps.len().saturating_sub(1);
    let first = offset(
        (at + 2).min(last),
        usize::from(area.height.saturating_sub(1)),
    )
    .min(at);
    let shown = trace.steps.iter().enumerate().skip(first);
    for ((place, step), y) in shown.zip(area.y + 1..area.bottom()) {
        let mood = mood(step);
        let style = match (step.verdict.as_str(), step.would) {
            ("drops", _) => view.style(mood.scope()),
            (_, true) => view.style("ui.text.dim"),
            (_, false) => view.style("ui.text"),
        };
        buf.set_string(
            host - MARK,
            y,
            view.glyphs.mood(mood),
            view.style(mood.scope()),
        );
        cell(
            buf,
            host,
            y,
            device,
            step.host.as_deref().unwrap_or_default(),
            style,
        );
        cell(buf, device, y, name, &step.device, style);
        cell(buf, name, y, because, &what(step), style);
        cell(buf, because, y, right, &step.because, style);
        at_the_end(buf, y, &counts(step), style);
        if place == at {
            let row = Rect::new(area.x, y, area.width, 1);
            buf.set_style(row, view.style("ui.selection"));
            buf.set_string(area.x, y, view.glyphs.pointer(), view.style("ui.selection"));
        }
    }
}

fn draw_step(area: Rect, buf: &mut Buffer, view: &View<'_>, step: &TraceStep) {
    let inside = frame::pane(area, buf, view, &place(step), "");
    let room = usize::from(inside.width.saturating_sub(2));
    let mut lines: Vec<(String, &str)> = Vec::new();
    let verdict = match (step.verdict.as_str(), step.would) {
        ("passes", false) => "It passes",
        ("passes", true) => "It would pass",
        ("drops", false) => "It is dropped",
        ("drops", true) => "It would be dropped",
        _ => "Not sure",
    };
    let sign = view.glyphs.mood(mood(step));
    let text = format!("{sign} {verdict}: {}", step.because);
    let scope = mood(step).scope();
    lines.extend(wrap(&text, room).into_iter().map(|line| (line, scope)));
    let remedy = step.remedy.as_ref();
    if let Some(mending) = remedy.and_then(|remedy| mend::mending(remedy, &view.facts)) {
        let text = format!(
            "To mend it: {} {}. {}",
            mending.act, mending.what, mending.words
        );
        lines.extend(wrap(&text, room).into_iter().map(|line| (line, "ui.text")));
    }
    let number = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let seen = match (step.is_counted, step.request, step.dropped) {
        (true, None, _) => Some("The host does not say how many packets went by.".to_owned()),
        (true, ..) => Some(format!(
            "Seen since this is looked at: {} there, {} back",
            number(step.request),
            number(step.reply)
        )),
        (false, _, Some(dropped)) => Some(format!(
            "Packets of whatever kind that its groups dropped so far: {dropped}"
        )),
        _ => None,
    };
    lines.extend(seen.map(|text| (text, "ui.text.dim")));
    for ((text, scope), y) in lines.iter().zip(inside.y..inside.bottom()) {
        let text = fit(text, room, view.glyphs.ascii);
        buf.set_string(inside.x + 1, y, text, view.style(scope));
    }
}

/// Where one would look: `ip netns exec qrouter-… on h2`.
fn place(step: &TraceStep) -> String {
    let mut text = what(step);
    if !step.device.is_empty() {
        text.push_str(&format!(", {}", step.device));
    }
    if let Some(namespace) = &step.namespace {
        text.push_str(&format!(" in {namespace}"));
    }
    if let Some(host) = &step.host {
        text.push_str(&format!(" on {host}"));
    }
    text
}
