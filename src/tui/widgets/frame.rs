//! Boxes: an overlay in the middle of the screen, a titled pane, a rule with words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};

use crate::tui::format::{fit, width, wrap};
use crate::tui::state::data::Source;
use crate::tui::view::View;

/// The area of an overlay of at most this size in the middle of `screen`.
pub fn middle(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width);
    let height = height.min(screen.height);
    Rect::new(
        screen.x + (screen.width - width) / 2,
        screen.y + (screen.height - height) / 2,
        width,
        height,
    )
}

/// Clears `area`, draws a border with a title around it and returns the inside, a cell away from the border.
pub fn overlay(area: Rect, buf: &mut Buffer, view: &View<'_>, title: &str) -> Rect {
    Clear.render(area, buf);
    let title = fit(
        title,
        usize::from(area.width.saturating_sub(6)),
        view.glyphs.ascii,
    );
    let block = Block::bordered()
        .border_set(view.glyphs.border())
        .border_style(view.style("ui.border.focus"))
        .style(view.style("ui.overlay"))
        .title(format!(" {title} "))
        .title_style(view.style("ui.title"));
    let inside = block.inner(area);
    block.render(area, buf);
    Rect::new(
        inside.x + 1,
        inside.y,
        inside.width.saturating_sub(2),
        inside.height,
    )
}

/// Draws `── title ─────── note ──` over the first line of `area` and returns the rest.
pub fn pane(area: Rect, buf: &mut Buffer, view: &View<'_>, title: &str, note: &str) -> Rect {
    if area.is_empty() {
        return area;
    }
    let style = view.style("ui.border");
    for x in area.x..area.right() {
        buf.set_string(x, area.y, view.glyphs.rule(), style);
    }
    let room = usize::from(area.width.saturating_sub(4));
    let title = fit(title, room, view.glyphs.ascii);
    buf.set_string(
        area.x + 1,
        area.y,
        format!(" {title} "),
        view.style("ui.title"),
    );
    let spare = room.saturating_sub(width(&title) + 4);
    if !note.is_empty() && width(note) <= spare {
        let x = area.right() - u16::try_from(width(note)).unwrap_or(0) - 3;
        buf.set_string(x, area.y, format!(" {note} "), view.style("ui.text.dim"));
    }
    Rect::new(area.x, area.y + 1, area.width, area.height - 1)
}

/// Says why there is nothing to see: it loads, it could not be loaded, or `empty`.
pub fn emptiness(area: Rect, buf: &mut Buffer, view: &View<'_>, source: &Source, empty: &str) {
    let freshness = view.facts.data.freshness(source);
    let failure = freshness.and_then(|freshness| freshness.failure.as_ref());
    let loaded = freshness.is_some_and(|freshness| freshness.loaded.is_some());
    let (text, scope) = match failure {
        Some(failure) => (failure.line(), "state.bad"),
        None if loaded => (empty.to_owned(), "ui.text.dim"),
        None => ("Loading".to_owned(), "ui.text.dim"),
    };
    let wide = usize::from(area.width.saturating_sub(4));
    for (line, y) in wrap(&text, wide).iter().zip(area.y + 1..area.bottom()) {
        buf.set_string(area.x + 2, y, line, view.style(scope));
    }
}
