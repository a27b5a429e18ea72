//! Many things at a glance: one small box each, with its number or its trouble, coloured by how hot it is.
//!
//! The number and the word are always there, the colour comes on top.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::{fit, width};
use crate::tui::glyph::Mood;
use crate::tui::view::View;

/// One box.
pub struct Cell<'a> {
    /// What it is.
    pub name: &'a str,
    /// Per cent, if known.
    pub value: Option<f64>,
    /// A word instead of the number, where its state matters more: `down`, `maint`.
    pub word: Option<(Mood, &'a str)>,
}

/// The scope of a per cent value.
pub fn scope(value: f64) -> &'static str {
    const SCOPES: [&str; 6] = ["heat.0", "heat.1", "heat.2", "heat.3", "heat.4", "heat.5"];
    const FROM: [f64; 5] = [10.0, 40.0, 65.0, 80.0, 92.0];
    let level = FROM.iter().filter(|from| value >= **from).count();
    SCOPES[level]
}

/// How boxes lie in an area: cells of the name (0: no names), cells of a box, boxes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells of a name.
    pub name: usize,
    /// Cells of a box with the space after it.
    pub pitch: usize,
    /// Boxes in a line.
    pub columns: usize,
}

/// Chooses how `cells` lie in `area`: with names if all fit that way, else without.
pub fn grid(area: Rect, cells: &[Cell<'_>]) -> Grid {
    const NUMBER: usize = 6;
    let longest = cells.iter().map(|cell| width(cell.name)).max().unwrap_or(0);
    let across = usize::from(area.width);
    for name in [longest.min(16), longest.min(8)] {
        let pitch = name + 1 + NUMBER + 2;
        let columns = (across + 2) / pitch.max(1);
        if columns > 0 && cells.len().div_ceil(columns) <= usize::from(area.height) {
            return Grid {
                name,
                pitch,
                columns,
            };
        }
    }
    Grid {
        name: 0,
        pitch: NUMBER + 1,
        columns: ((across + 1) / (NUMBER + 1)).max(1),
    }
}

/// Draws the boxes; `selected` is highlighted. Those that do not fit are counted in the last line.
pub fn draw(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    cells: &[Cell<'_>],
    selected: Option<usize>,
) {
    if area.is_empty() {
        return;
    }
    let grid = grid(area, cells);
    let fits = grid.columns * usize::from(area.height);
    let shown = if cells.len() > fits {
        fits - grid.columns
    } else {
        cells.len()
    };
    for (at, cell) in cells.iter().take(shown).enumerate() {
        let x = area.x + u16::try_from(at % grid.columns * grid.pitch).unwrap_or(0);
        let y = area.y + u16::try_from(at / grid.columns).unwrap_or(0);
        draw_cell(x, y, area, buf, view, cell, grid.name);
        if selected == Some(at) {
            let wide = u16::try_from(grid.pitch - 1).unwrap_or(0);
            let all = Rect::new(x, y, wide, 1).intersection(area);
            buf.set_style(all, view.style("ui.selection"));
        }
    }
    if shown < cells.len() {
        let text = format!("and {} more", cells.len() - shown);
        buf.set_string(area.x, area.bottom() - 1, text, view.style("ui.text.dim"));
    }
}

fn draw_cell(
    x: u16,
    y: u16,
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    cell: &Cell<'_>,
    name: usize,
) {
    let mut x = x;
    if name > 0 {
        let text = fit(cell.name, name, view.glyphs.ascii);
        buf.set_string(x, y, text, view.style("ui.text"));
        x += u16::try_from(name + 1).unwrap_or(0);
    }
    let (text, style) = match (cell.word, cell.value) {
        (Some((mood, word)), _) => {
            let text = format!("{}{}", view.glyphs.mood(mood), fit(word, 5, true));
            (text, view.style(mood.scope()))
        }
        (None, Some(value)) => (format!("[{value:>3.0}%]"), view.style(scope(value))),
        (None, None) => ("[  - ]".to_owned(), view.style("ui.text.dim")),
    };
    let room = usize::from(area.right().saturating_sub(x));
    buf.set_stringn(x, y, text, room, style);
}
