//! Draws a form: labels, values, the list of what can be chosen, mistakes, and what the focused field is for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::tui::format::{fit, width};
use crate::tui::glyph::Mood;
use crate::tui::view::View;

use super::area::Area;
use super::field::{Choices, Field, Kind};
use super::form::Form;
use super::line;

/// Options and lines shown of the focused field.
const OPEN: u16 = 7;

/// Lines the form needs as it is now.
pub fn height(form: &Form) -> u16 {
    let fields = form.fields().iter().enumerate();
    fields
        .map(|(at, field)| field_height(field, at == form.focus()))
        .sum::<u16>()
        + 2
}

fn field_height(field: &Field, focused: bool) -> u16 {
    let open = match &field.kind {
        Kind::Choice(choices) if focused => u16::try_from(choices.count())
            .unwrap_or(OPEN)
            .clamp(1, OPEN),
        Kind::Area(area) => {
            u16::try_from(area.lines().len())
                .unwrap_or(OPEN)
                .clamp(1, OPEN)
                - 1
        }
        _ => 0,
    };
    1 + open + u16::from(field.problem().is_some())
}

/// Draws the form; its last line says what the focused field is for. Returns where the cursor is.
pub fn draw(area: Rect, buf: &mut Buffer, view: &View<'_>, form: &Form) -> Option<Position> {
    if area.height < 3 || area.width < 10 {
        return None;
    }
    let fields = Rect::new(area.x, area.y, area.width, area.height - 2);
    let mut tops = Vec::new();
    let mut line = 0;
    for (at, field) in form.fields().iter().enumerate() {
        tops.push(line);
        line += field_height(field, at == form.focus());
    }
    let focus_top = tops.get(form.focus()).copied().unwrap_or(0);
    let focus_end = tops.get(form.focus() + 1).copied().unwrap_or(line);
    let offset = focus_end.saturating_sub(fields.height).min(focus_top);
    let labels = form
        .fields()
        .iter()
        .map(|field| width(field.label))
        .max()
        .unwrap_or(0);
    let labels = u16::try_from(labels).unwrap_or(0) + 2;
    let mut cursor = None;
    for ((at, field), top) in form.fields().iter().enumerate().zip(tops) {
        let focused = at == form.focus();
        let pane = Pane {
            fields,
            top,
            offset,
            labels,
        };
        cursor = draw_field(&pane, buf, view, field, focused).or(cursor);
    }
    if let Some(field) = form.fields().get(form.focus()) {
        let text = fit(field.help, usize::from(area.width), view.glyphs.ascii);
        buf.set_string(area.x, area.bottom() - 1, text, view.style("ui.text.dim"));
    }
    cursor
}

/// Where a field lies.
struct Pane {
    fields: Rect,
    top: u16,
    offset: u16,
    labels: u16,
}

impl Pane {
    /// The area of line `at` of the field, right of the label; `None` if it is not in view.
    fn line(&self, at: u16) -> Option<Rect> {
        let row = (self.top + at).checked_sub(self.offset)?;
        let x = self.fields.x + self.labels.min(self.fields.width / 2);
        (row < self.fields.height)
            .then(|| Rect::new(x, self.fields.y + row, self.fields.right() - x, 1))
    }
}

fn draw_field(
    pane: &Pane,
    buf: &mut Buffer,
    view: &View<'_>,
    field: &Field,
    focused: bool,
) -> Option<Position> {
    if let Some(at) = pane.line(0) {
        let scope = if focused {
            "ui.text.strong"
        } else {
            "ui.text.dim"
        };
        let mark = if focused { view.glyphs.pointer() } else { " " };
        buf.set_string(pane.fields.x, at.y, mark, view.style("ui.border.focus"));
        let room = usize::from(at.x - pane.fields.x).saturating_sub(2);
        let label = fit(field.label, room, view.glyphs.ascii);
        buf.set_string(pane.fields.x + 1, at.y, label, view.style(scope));
    }
    let (cursor, used) = draw_kind(pane, buf, view, field, focused);
    if let Some(error) = field.problem()
        && let Some(at) = pane.line(used)
    {
        let text = format!("{} {error}", view.glyphs.mood(Mood::Bad));
        let text = fit(&text, usize::from(at.width), view.glyphs.ascii).into_owned();
        buf.set_string(at.x, at.y, text, view.style("ui.input.error"));
    }
    cursor
}

/// Draws what the field holds; returns the cursor and the lines used.
fn draw_kind(
    pane: &Pane,
    buf: &mut Buffer,
    view: &View<'_>,
    field: &Field,
    focused: bool,
) -> (Option<Position>, u16) {
    let style = view.style(if focused {
        "ui.input.focus"
    } else {
        "ui.input"
    });
    let first = pane.line(0);
    match &field.kind {
        Kind::Text(input) | Kind::Secret(input) => {
            let hidden = matches!(field.kind, Kind::Secret(_));
            let cursor = first.map(|at| line::draw(at, buf, input, style, hidden));
            (cursor.filter(|_| focused), 1)
        }
        Kind::Number { input, unit, .. } => {
            let cursor = first.map(|at| {
                let box_ = Rect::new(at.x, at.y, 12.min(at.width), 1);
                let room = usize::from(at.width.saturating_sub(13));
                buf.set_stringn(
                    at.x + 13.min(at.width),
                    at.y,
                    unit,
                    room,
                    view.style("ui.text.dim"),
                );
                line::draw(box_, buf, input, style, false)
            });
            (cursor.filter(|_| focused), 1)
        }
        Kind::Toggle(on) => {
            if let Some(at) = first {
                let word = if *on { "yes" } else { "no" };
                let text = format!("{} {word}", view.glyphs.toggle(*on));
                buf.set_stringn(at.x, at.y, text, usize::from(at.width), style);
            }
            (None, 1)
        }
        Kind::Choice(choices) => draw_choice(pane, buf, view, choices, focused, style),
        Kind::Area(area) => draw_area(pane, buf, area, focused, style),
    }
}

fn draw_choice(
    pane: &Pane,
    buf: &mut Buffer,
    view: &View<'_>,
    choices: &Choices,
    focused: bool,
    style: Style,
) -> (Option<Position>, u16) {
    let typing = focused && !choices.typed.value().is_empty();
    let mut cursor = None;
    if let Some(at) = pane.line(0) {
        if typing {
            cursor = Some(line::draw(at, buf, &choices.typed, style, false));
        } else {
            buf.set_style(if focused { at } else { Rect::ZERO }, style);
            let chosen = choices.labels().join(", ");
            let (text, style) = match (chosen.is_empty(), choices.known, choices.is_empty()) {
                (false, ..) => (chosen, style),
                (true, false, _) => {
                    let typed = choices.awaited().map(|typed| format!("{typed}, "));
                    let text = format!("{}loading", typed.unwrap_or_default());
                    (text, view.style("ui.text.dim"))
                }
                (true, true, true) => ("there is none".to_owned(), view.style("ui.text.dim")),
                (true, true, false) => ("type or choose".to_owned(), view.style("ui.text.dim")),
            };
            let text = fit(&text, usize::from(at.width), view.glyphs.ascii).into_owned();
            let (end, y) = buf.set_stringn(at.x, at.y, &text, usize::from(at.width), style);
            let room = usize::from(at.right().saturating_sub(end + 2));
            if !focused && room > 0 {
                let note = fit(choices.note(), room, view.glyphs.ascii);
                buf.set_string(end + 2, y, note, view.style("ui.text.dim"));
            }
            cursor = Some(Position::new(at.x, at.y)).filter(|_| focused);
        }
    }
    if !focused {
        return (None, 1);
    }
    let open = u16::try_from(choices.count())
        .unwrap_or(OPEN)
        .clamp(1, OPEN);
    draw_options(pane, buf, view, choices, open);
    (cursor, 1 + open)
}

fn draw_options(pane: &Pane, buf: &mut Buffer, view: &View<'_>, choices: &Choices, open: u16) {
    if choices.count() == 0 {
        if let (Some(at), true) = (pane.line(1), choices.known && !choices.is_empty()) {
            buf.set_stringn(
                at.x,
                at.y,
                "nothing matches",
                usize::from(at.width),
                view.style("ui.text.dim"),
            );
        }
        return;
    }
    let skip = (choices.cursor + 1).saturating_sub(usize::from(open));
    let labels = choices
        .matching()
        .map(|choice| width(&choice.label))
        .max()
        .unwrap_or(0);
    for ((place, choice), at) in choices.matching().enumerate().skip(skip).zip(1..=open) {
        let Some(at) = pane.line(at) else { continue };
        let chosen = choices.chosen.contains(&choice.id);
        let mark = if choices.many || chosen {
            view.glyphs.toggle(chosen)
        } else {
            " "
        };
        let room = usize::from(at.width);
        let label = fit(&choice.label, room.saturating_sub(4), view.glyphs.ascii);
        buf.set_stringn(
            at.x,
            at.y,
            format!("{mark} {label}"),
            room,
            Style::default(),
        );
        let indent = labels.min(room / 2) + 5;
        if indent < room {
            let note = fit(&choice.note, room - indent, view.glyphs.ascii);
            let x = at.x + u16::try_from(indent).unwrap_or(0);
            buf.set_string(x, at.y, note, view.style("ui.text.dim"));
        }
        if place == choices.cursor {
            buf.set_style(at, view.style("ui.selection"));
        }
    }
}

fn draw_area(
    pane: &Pane,
    buf: &mut Buffer,
    area: &Area,
    focused: bool,
    style: Style,
) -> (Option<Position>, u16) {
    let open = u16::try_from(area.lines().len())
        .unwrap_or(OPEN)
        .clamp(1, OPEN);
    let skip = (area.row() + 1).saturating_sub(usize::from(open));
    let mut cursor = None;
    for ((row, input), at) in area.lines().iter().enumerate().skip(skip).zip(0..open) {
        if let Some(at) = pane.line(at) {
            let drawn = line::draw(at, buf, input, style, false);
            if focused && row == area.row() {
                cursor = Some(drawn);
            }
        }
    }
    (cursor, open)
}
