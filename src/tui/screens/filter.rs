//! The filter of a table while it is typed, over the last line of its view.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};
use tui_input::Input;

use crate::tui::format::{fit, width};
use crate::tui::keys::Key;
use crate::tui::view::View;
use crate::tui::widgets::line;
use crate::tui::widgets::table::Table;

/// The line; there is one only while something is typed. What is typed is the table's filter at once.
#[derive(Default)]
pub struct FilterLine {
    typing: Option<Input>,
}

impl FilterLine {
    /// Whether there is one.
    pub fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Takes the commands that are about filters; says whether this is one.
    pub fn on(&mut self, command: &str, table: &mut Table) -> bool {
        match command {
            "filter" => self.typing = Some(Input::new(table.filter_text().to_owned())),
            "filter.accept" => self.typing = None,
            "filter.cancel" => {
                self.typing = None;
                table.set_filter("", &[]);
            }
            _ => return false,
        }
        true
    }

    /// Takes a key; `names` are those of the table's columns.
    pub fn key(&mut self, key: Key, table: &mut Table, names: &[&'static str]) {
        if let Some(input) = &mut self.typing
            && line::edit(input, key)
        {
            table.set_filter(input.value(), names);
        }
    }

    /// Takes what was pasted.
    pub fn paste(&mut self, text: &str, table: &mut Table, names: &[&'static str]) {
        if let Some(input) = &mut self.typing {
            line::paste(input, text);
            table.set_filter(input.value(), names);
        }
    }

    /// What stands in the corner: the filter, once it is typed, and the place of the cursor.
    pub fn note(&self, table: &Table) -> String {
        let place = table.position();
        if table.filter_text().is_empty() || self.is_typing() {
            return place;
        }
        format!("/{}  {place}", table.filter_text())
    }

    /// Draws it; returns where the cursor is.
    pub fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        view: &View<'_>,
        table: &Table,
    ) -> Option<Position> {
        let input = self.typing.as_ref()?;
        let y = area.bottom().checked_sub(1)?;
        let bar = Rect::new(area.x, y, area.width, 1);
        Clear.render(bar, buf);
        buf.set_string(bar.x, y, "/", view.style("ui.key"));
        let error = table.filter_error().unwrap_or_default();
        // What is typed comes first, and then why it can not be.
        let typed = u16::try_from(width(input.value())).unwrap_or(u16::MAX);
        let room = bar.width.saturating_sub(typed.saturating_add(4));
        let error_cells = u16::try_from(width(error)).unwrap_or(0);
        let error_cells = error_cells.min(room.max(bar.width / 2));
        let typed = Rect::new(bar.x + 1, y, bar.width.saturating_sub(error_cells + 3), 1);
        let cursor = line::draw(typed, buf, input, view.style("ui.input.focus"), false);
        let text = fit(error, usize::from(error_cells), view.glyphs.ascii);
        let style = view.style("ui.input.error");
        buf.set_string(bar.right() - error_cells, y, text, style);
        Some(cursor)
    }
}
