//! A thing in detail: titled groups of labelled values, side by side where there is room. Lines that name another thing
//! can be followed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::format::{date_time, fit, width, wrap};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};

use super::{gauge, spark};

/// Cells of a group at least, for groups to lie side by side.
const GROUP: u16 = 54;
/// Cells of labels at most.
const LABEL: usize = 18;

/// Another thing that a line leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its kind: `image`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// A labelled value.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// What it is.
    pub label: &'a str,
    /// The value; long text is wrapped.
    pub value: Value<'a>,
    /// What it leads to.
    pub link: Option<Link>,
}

/// Values that belong together.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What they are about.
    pub title: &'a str,
    /// The values.
    pub entries: Vec<Entry<'a>>,
}

/// A thing in detail.
#[derive(Clone, Debug, Default)]
pub struct Doc<'a> {
    /// Its groups in order.
    pub groups: Vec<Group<'a>>,
}

impl<'a> Doc<'a> {
    /// Begins a group.
    pub fn group(&mut self, title: &'a str) -> &mut Self {
        self.groups.push(Group {
            title,
            entries: Vec::new(),
        });
        self
    }

    /// Adds a value to the last group; nothing if there is none to show.
    pub fn entry(&mut self, label: &'a str, value: Value<'a>) -> &mut Self {
        self.push(label, value, None)
    }

    /// Adds a value that leads to another thing.
    pub fn link(
        &mut self,
        label: &'a str,
        value: Value<'a>,
        kind: &'static str,
        id: &str,
    ) -> &mut Self {
        let link = (!id.is_empty()).then(|| Link {
            kind,
            id: id.to_owned(),
        });
        self.push(label, value, link)
    }

    fn push(&mut self, label: &'a str, value: Value<'a>, link: Option<Link>) -> &mut Self {
        if self.groups.is_empty() {
            self.group("");
        }
        if value != Value::Absent
            && let Some(group) = self.groups.last_mut()
        {
            group.entries.push(Entry { label, value, link });
        }
        self
    }

    /// What the lines lead to, in order.
    pub fn links(&self) -> Vec<&Link> {
        let entries = self.groups.iter().flat_map(|group| &group.entries);
        entries.filter_map(|entry| entry.link.as_ref()).collect()
    }

    /// Groups that have something to show.
    fn filled(&self) -> impl Iterator<Item = &Group<'a>> {
        self.groups.iter().filter(|group| !group.entries.is_empty())
    }

    /// Lines it has when it is `width` cells wide.
    pub fn height(&self, width: u16, facts: &Facts<'_>) -> usize {
        let columns = (width / GROUP).clamp(1, 2);
        let wide = (width - (columns - 1) * 2) / columns;
        let mut heights = vec![0_usize; usize::from(columns)];
        for group in self.filled() {
            let shortest = heights.iter_mut().min();
            if let Some(height) = shortest {
                *height += group.height(wide, facts) + 1;
            }
        }
        heights.into_iter().max().unwrap_or(0).saturating_sub(1)
    }

    /// Draws it from line `offset` on, with link number `selected` highlighted.
    pub fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        view: &View<'_>,
        offset: usize,
        selected: Option<usize>,
    ) {
        let columns = (area.width / GROUP).clamp(1, 2);
        let wide = (area.width - (columns - 1) * 2) / columns;
        let mut heights = vec![0_usize; usize::from(columns)];
        let mut link = 0;
        for group in self.filled() {
            let (column, top) = heights
                .iter()
                .copied()
                .enumerate()
                .min_by_key(|(_, height)| *height)
                .unwrap_or((0, 0));
            let x = area.x + u16::try_from(column).unwrap_or(0) * (wide + 2);
            let pane = Pane {
                area: Rect::new(x, area.y, wide, area.height),
                offset,
            };
            let end = draw_group(group, &pane, top, buf, view, &mut link, selected);
            heights[column] = end + 1;
        }
    }
}

impl Group<'_> {
    /// Cells of its labels.
    fn labels(&self) -> usize {
        let labels = self.entries.iter().map(|entry| width(entry.label)).max();
        labels.unwrap_or(0).min(LABEL)
    }

    fn height(&self, wide: u16, facts: &Facts<'_>) -> usize {
        let room = usize::from(wide).saturating_sub(self.labels() + 2).max(1);
        let lines = self.entries.iter().map(|entry| match &entry.value {
            Value::Progress(_) | Value::Spark(_) => 1,
            Value::State(_, word) => wrap(word, room.saturating_sub(2).max(1)).len().max(1),
            other => wrap(&words(other, facts), room).len().max(1),
        });
        lines.sum::<usize>() + usize::from(!self.title.is_empty())
    }
}

/// A value in words; an age with its date.
fn words(value: &Value<'_>, facts: &Facts<'_>) -> String {
    let clock = facts.clock;
    let text = value.show(clock.now, &clock.zone).into_owned();
    match value {
        Value::Age(time) => format!("{} ({text} ago)", date_time(*time, &clock.zone)),
        _ => text,
    }
}

/// A column of groups of which the lines from `offset` on are seen.
struct Pane {
    area: Rect,
    offset: usize,
}

impl Pane {
    /// The row of a line on the screen.
    fn row(&self, line: usize) -> Option<u16> {
        let row = u16::try_from(line.checked_sub(self.offset)?).ok()?;
        (row < self.area.height).then_some(self.area.y + row)
    }
}

fn draw_group(
    group: &Group<'_>,
    pane: &Pane,
    top: usize,
    buf: &mut Buffer,
    view: &View<'_>,
    link: &mut usize,
    selected: Option<usize>,
) -> usize {
    let mut line = top;
    let wide = usize::from(pane.area.width);
    if !group.title.is_empty() {
        if let Some(y) = pane.row(line) {
            buf.set_stringn(pane.area.x, y, group.title, wide, view.style("ui.title"));
        }
        line += 1;
    }
    let labels = group.labels();
    for entry in &group.entries {
        let mut style = Style::default();
        if entry.link.is_some() {
            style = view.style(if selected == Some(*link) {
                "ui.selection"
            } else {
                "ui.link"
            });
            *link += 1;
        }
        if let Some(y) = pane.row(line) {
            let label = fit(entry.label, labels, view.glyphs.ascii);
            buf.set_string(pane.area.x, y, label, view.style("ui.text.dim"));
        }
        let x = pane.area.x + u16::try_from(labels + 2).unwrap_or(0);
        let spot = Spot {
            x,
            room: pane.area.right().saturating_sub(x),
            line,
        };
        line += draw_value(entry, &spot, pane, buf, view, style);
    }
    line
}

/// Where a value begins, and how much room it has.
struct Spot {
    x: u16,
    room: u16,
    line: usize,
}

fn draw_value(
    entry: &Entry<'_>,
    spot: &Spot,
    pane: &Pane,
    buf: &mut Buffer,
    view: &View<'_>,
    style: Style,
) -> usize {
    let Spot { x, room, line } = *spot;
    match &entry.value {
        Value::State(mood, word) => {
            let style = view.style(mood.scope());
            if let Some(y) = pane.row(line) {
                buf.set_stringn(x, y, view.glyphs.mood(*mood), usize::from(room), style);
            }
            let room = usize::from(room).saturating_sub(2);
            let parts = wrap(word, room.max(1));
            for (part, at) in parts.iter().zip(line..) {
                if let Some(y) = pane.row(at) {
                    buf.set_stringn(x + 2, y, part, room, style);
                }
            }
            parts.len().max(1)
        }
        Value::Progress(part) => {
            if let Some(y) = pane.row(line) {
                gauge::bar(Rect::new(x, y, room.min(30), 1), buf, view, *part);
            }
            1
        }
        Value::Spark(values) => {
            if let Some(y) = pane.row(line) {
                let area = Rect::new(x, y, room.min(24), 1);
                spark::draw(
                    area,
                    buf,
                    view.glyphs,
                    view.style("spark"),
                    &values.values,
                    values.full,
                );
            }
            1
        }
        other => {
            let parts = wrap(&words(other, &view.facts), usize::from(room).max(1));
            for (part, at) in parts.iter().zip(line..) {
                if let Some(y) = pane.row(at) {
                    buf.set_stringn(x, y, part, usize::from(room), style);
                }
            }
            parts.len().max(1)
        }
    }
}
