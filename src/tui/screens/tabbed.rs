//! The line of tabs above a view of one thing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::command::Command;
use crate::tui::view::View;

/// The place of the tab that a command goes to by its number.
pub fn number(command: &Command) -> Option<usize> {
    let digit = command.name.strip_prefix("tab.")?;
    digit.parse::<usize>().ok()?.checked_sub(1)
}

/// What is left for the view below the tabs.
pub fn below(area: Rect) -> Rect {
    Rect::new(
        area.x,
        area.y + area.height.min(1),
        area.width,
        area.height.saturating_sub(1),
    )
}

/// Draws the tabs, the current one marked.
pub fn draw(area: Rect, buf: &mut Buffer, view: &View<'_>, tabs: &[&str], at: usize) {
    if area.is_empty() {
        return;
    }
    let mut x = area.x + 1;
    let all: usize = tabs.iter().map(|tab| tab.len() + 4).sum();
    let (after_number, after_tab) = match all > usize::from(area.width) {
        true => ("", 1),
        false => (" ", 2),
    };
    // Where all do not fit, those before the current one make way.
    let length = |from: usize| tabs[from..].iter().map(|tab| tab.len() + 2).sum::<usize>();
    let mut first = 0;
    while first < at && length(first) > usize::from(area.width) {
        first += 1;
    }
    for (place, tab) in tabs.iter().enumerate().skip(first) {
        let room = usize::from(area.right().saturating_sub(x));
        let style = view.style(if place == at {
            "ui.tab.active"
        } else {
            "ui.tab"
        });
        let number = format!("{}{after_number}", place + 1);
        (x, _) = buf.set_stringn(x, area.y, number, room, view.style("ui.text.dim"));
        let room = usize::from(area.right().saturating_sub(x));
        (x, _) = buf.set_stringn(x, area.y, tab, room, style);
        x += after_tab;
    }
}
