//! Draws a list: the columns that fit, and of the rows only those in view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::format::{fit, width};
use crate::tui::state::load::Row;
use crate::tui::value::{Spark, Value};
use crate::tui::view::View;

use super::spark;
use super::table::{Column, Table};

/// Cells between columns.
const GAP: u16 = 2;
/// Cells for the pointer and the mark.
const MARGIN: u16 = 2;

/// A column that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the column.
    pub column: usize,
    /// First cell, from the left of the list.
    pub x: u16,
    /// Cells.
    pub width: u16,
}

/// Chooses the columns that fit into `room` cells and how wide they are: those with the highest `drop` go first, what
/// is left over is given to columns that want more, in order.
pub fn layout<R>(columns: &[Column<R>], room: u16) -> Vec<Place> {
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let need = |chosen: &[usize]| -> u16 {
        let widths: u16 = chosen.iter().map(|at| columns[*at].min).sum();
        widths + GAP * u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(0) + MARGIN
    };
    while need(&chosen) > room && chosen.len() > 1 {
        let Some(worst) = chosen
            .iter()
            .copied()
            .filter(|at| columns[*at].drop > 0)
            .max_by_key(|at| (columns[*at].drop, *at))
        else {
            break;
        };
        chosen.retain(|at| *at != worst);
    }
    let mut spare = room.saturating_sub(need(&chosen));
    let mut places = Vec::with_capacity(chosen.len());
    let mut widths: Vec<u16> = chosen.iter().map(|at| columns[*at].min).collect();
    while spare > 0 {
        let mut given = false;
        for (at, cells) in chosen.iter().zip(&mut widths) {
            if spare > 0 && *cells < columns[*at].max {
                *cells += 1;
                spare -= 1;
                given = true;
            }
        }
        if !given {
            break;
        }
    }
    let mut x = MARGIN;
    for (column, width) in chosen.into_iter().zip(widths) {
        if x >= room {
            break;
        }
        let width = width.min(room - x);
        places.push(Place { column, x, width });
        x += width + GAP;
    }
    places
}

/// Draws the header and the rows in view into `area`, whose first line is the header.
pub fn draw<R: Row>(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    table: &Table,
    rows: &[R],
    columns: &[Column<R>],
) {
    if area.is_empty() {
        return;
    }
    let places = layout(columns, area.width);
    header(area, buf, view, table, columns, &places);
    let look = Look::of(view);
    for ((place, row), y) in table.in_view().zip(area.y + 1..area.bottom()) {
        let Some(row) = rows.get(row) else { continue };
        let line = Line {
            y,
            selected: table.is_cursor(place),
            marked: table.is_marked(place, row.id()),
        };
        draw_row(
            area,
            buf,
            view,
            &look,
            &line,
            |column| (columns[column].value)(row, &view.facts),
            &places,
        );
    }
}

struct Look {
    selection: Style,
    mark: Style,
    spark: Style,
}

impl Look {
    fn of(view: &View<'_>) -> Self {
        Self {
            selection: view.style("ui.selection"),
            mark: view.style("ui.mark"),
            spark: view.style("spark"),
        }
    }
}

struct Line {
    y: u16,
    selected: bool,
    marked: bool,
}

fn header<R>(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    table: &Table,
    columns: &[Column<R>],
    places: &[Place],
) {
    let (sorted, descending) = table.sort();
    for place in places {
        let mut title = columns[place.column].name.to_uppercase();
        let mut style = view.style("ui.table.header");
        if place.column == sorted {
            title.push_str(view.glyphs.sorted(descending));
            style = view.style("ui.table.sort");
        }
        let cells = usize::from(place.width);
        let title = if width(&title) > cells && place.column == sorted {
            // The arrow matters more than the end of the word.
            let word = fit(columns[place.column].name, cells.saturating_sub(1), true);
            format!(
                "{}{}",
                word.trim_end_matches('~').to_uppercase(),
                view.glyphs.sorted(descending)
            )
        } else {
            fit(&title, cells, view.glyphs.ascii).into_owned()
        };
        buf.set_string(area.x + place.x, area.y, title, style);
    }
}

fn draw_row<'a>(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    look: &Look,
    line: &Line,
    cell: impl Fn(usize) -> Value<'a>,
    places: &[Place],
) {
    let whole = Rect::new(area.x, line.y, area.width, 1);
    for place in places {
        let at = Rect::new(area.x + place.x, line.y, place.width, 1);
        draw_value(at, buf, view, look, &cell(place.column), line.selected);
    }
    if line.marked {
        buf.set_string(area.x + 1, line.y, view.glyphs.mark(), look.mark);
    }
    if line.selected {
        buf.set_string(area.x, line.y, view.glyphs.pointer(), look.selection);
        buf.set_style(whole, look.selection);
    }
}

fn draw_value(
    at: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    look: &Look,
    value: &Value<'_>,
    selected: bool,
) {
    let cells = usize::from(at.width);
    let clock = view.facts.clock;
    match value {
        Value::Absent => {}
        Value::State(mood, word) => {
            let style = if selected {
                Style::default()
            } else {
                view.style(mood.scope())
            };
            buf.set_string(at.x, at.y, view.glyphs.mood(*mood), style);
            if cells > 2 {
                let word = fit(word, cells - 2, view.glyphs.ascii);
                buf.set_string(at.x + 2, at.y, word, style);
            }
        }
        Value::Spark(Spark { values, full }) => {
            spark::draw(at, buf, view.glyphs, look.spark, values, *full);
        }
        Value::Progress(part) => super::gauge::bar(at, buf, view, *part),
        other => {
            let text = other.show(clock.now, &clock.zone);
            let text = fit(&text, cells, view.glyphs.ascii);
            let indent = if other.is_numeric() {
                cells.saturating_sub(width(&text))
            } else {
                0
            };
            let x = at.x + u16::try_from(indent).unwrap_or(0);
            buf.set_string(x, at.y, text, Style::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column<u8>> {
        let value: for<'a> fn(&'a u8, &crate::tui::view::Facts<'a>) -> Value<'a> =
            |_, _| Value::Absent;
        vec![
            Column::new("name", (8, 30), 0, value),
            Column::new("state", (10, 12), 0, value),
            Column::new("host", (8, 16), 2, value),
            Column::new("age", (4, 4), 1, value),
            Column::new("cpu", (10, 10), 3, value),
        ]
    }

    fn shown(room: u16) -> Vec<usize> {
        layout(&columns(), room)
            .iter()
            .map(|place| place.column)
            .collect()
    }

    #[test]
    fn columns_go_by_their_order_and_the_rest_gets_the_room() {
        assert_eq!(shown(80), [0, 1, 2, 3, 4]);
        assert_eq!(shown(45), [0, 1, 2, 3]);
        assert_eq!(shown(30), [0, 1, 3]);
        assert_eq!(shown(22), [0, 1]);
        assert_eq!(shown(5), [0]);
        assert_eq!(layout(&columns(), 200)[0].width, 30);
    }

    #[test]
    fn nothing_is_placed_outside() {
        for room in 0..120 {
            for place in layout(&columns(), room) {
                assert!(place.x + place.width <= room);
            }
        }
    }
}
