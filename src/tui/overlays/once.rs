//! Something that can be seen this once only, like the private half of a generated key pair. It stays until it is
//! closed on purpose.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Effect, Once};
use crate::tui::format::{fit, wrap};
use crate::tui::state::notice::Tone;
use crate::tui::view::View;
use crate::tui::widgets::frame;

use super::Overlay;

/// The secret on the screen.
pub struct OnceOverlay {
    once: Once,
}

impl OnceOverlay {
    /// Shows it.
    pub fn new(once: Once) -> Self {
        Self { once }
    }
}

impl Overlay for OnceOverlay {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["reader"]
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name == "reader.copy" {
            cx.effect(Effect::Copy(self.once.text.clone()));
            cx.tell(Tone::Info, "Copied");
            return true;
        }
        false
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let wide = 78.min(screen.width);
        let room = usize::from(wide.saturating_sub(4));
        let mut lines: Vec<(String, Style)> = wrap(&self.once.note, room)
            .into_iter()
            .map(|line| (line, view.style("notice.warn")))
            .collect();
        lines.push((String::new(), Style::default()));
        for line in self.once.text.lines() {
            lines.push((
                fit(line, room, view.glyphs.ascii).into_owned(),
                Style::default(),
            ));
        }
        let high = u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .saturating_add(4);
        let area = frame::middle(screen, wide, high);
        let inside = frame::overlay(area, buf, view, &self.once.title);
        for ((text, style), y) in lines.iter().zip(inside.y + 1..inside.bottom()) {
            buf.set_string(inside.x, y, text, *style);
        }
        None
    }
}
