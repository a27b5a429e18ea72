//! How much of something is used: a bar with its words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::format::{fit, width};
use crate::tui::view::View;

/// Above this part a gauge is drawn as a warning, and above the second as bad.
const WARN: f64 = 0.80;
const BAD: f64 = 0.95;

/// Draws `part` (0 to 1) as a bar over the whole of `area`.
pub fn bar(area: Rect, buf: &mut Buffer, view: &View<'_>, part: f64) {
    bar_styled(area, buf, view, part, "ui.progress");
}

/// The scope for a part of something that runs out.
pub fn level_scope(part: f64) -> &'static str {
    if part >= BAD {
        "state.bad"
    } else if part >= WARN {
        "state.warn"
    } else {
        "ui.progress"
    }
}

fn bar_styled(area: Rect, buf: &mut Buffer, view: &View<'_>, part: f64, scope: &str) {
    let part = if part.is_finite() {
        part.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let full = (part * f64::from(area.width)).round() as u16;
    let (done, rest) = view.glyphs.bar();
    for x in 0..area.width {
        let (symbol, style) = if x < full {
            (done, view.style(scope))
        } else {
            (rest, view.style("ui.progress.rest"))
        };
        buf.set_string(area.x + x, area.y, symbol, style);
    }
}

/// Draws `label ████░░░ words` in one line: how much of something that runs out is used.
pub fn draw(area: Rect, buf: &mut Buffer, view: &View<'_>, label: &str, part: f64, words: &str) {
    let label_cells = 8.min(area.width);
    let words_cells = u16::try_from(width(words)).unwrap_or(u16::MAX);
    buf.set_string(
        area.x,
        area.y,
        fit(label, usize::from(label_cells), view.glyphs.ascii),
        view.style("ui.text.dim"),
    );
    let room = area.width.saturating_sub(label_cells + 1);
    let bar_cells = room.saturating_sub(words_cells + 1);
    let bar = Rect::new(area.x + label_cells + 1, area.y, bar_cells, 1).intersection(area);
    bar_styled(bar, buf, view, part, level_scope(part));
    let at = area.right().saturating_sub(words_cells.min(room));
    let words = fit(words, usize::from(room), view.glyphs.ascii);
    buf.set_string(at.max(area.x), area.y, words, view.style("ui.text"));
}
