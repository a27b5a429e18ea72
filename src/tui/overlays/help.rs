//! Every key that works here and now, with what it does; searched by typing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{fit, width};
use crate::tui::keys::Key;
use crate::tui::view::View;
use crate::tui::widgets::filter::contains;
use crate::tui::widgets::{frame, line};

use super::{Overlay, offset, step};

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The context it belongs to.
    pub context: &'static str,
    /// Its keys.
    pub keys: String,
    /// What they do.
    pub doc: &'static str,
}

/// Help for the view below.
pub struct Help {
    title: String,
    lines: Vec<Line>,
    input: Input,
    /// Indices of the lines that match what was typed.
    shown: Vec<usize>,
    cursor: usize,
    height: usize,
}

impl Help {
    /// Help on these lines.
    pub fn new(title: String, lines: Vec<Line>) -> Self {
        let shown = (0..lines.len()).collect();
        Self {
            title,
            lines,
            input: Input::default(),
            shown,
            cursor: 0,
            height: 1,
        }
    }

    fn search(&mut self) {
        let typed = self.input.value().to_lowercase();
        self.shown = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| contains(line.doc, &typed) || contains(&line.keys, &typed))
            .map(|(at, _)| at)
            .collect();
        self.cursor = 0;
    }
}

impl Overlay for Help {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["help"]
    }

    fn is_typing(&self) -> bool {
        true
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if let Some(cursor) = step(command.name, self.cursor, self.shown.len(), self.height) {
            self.cursor = cursor;
            return true;
        }
        match command.name {
            "out" => cx.close(),
            _ => return false,
        }
        true
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        if self.input.value().is_empty() && matches!(key.typed(), Some('?' | 'q')) {
            cx.close();
        } else if line::edit(&mut self.input, key) {
            self.search();
        }
    }

    fn settle(&mut self, screen: Rect, _facts: &crate::tui::view::Facts<'_>) {
        self.height = usize::from(screen.height.saturating_sub(8)).max(1);
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let wide = 96.min(screen.width);
        let lines = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        let high = lines
            .saturating_add(5)
            .min(screen.height.saturating_sub(2))
            .max(8);
        let area = frame::middle(screen, wide, high);
        let inside = frame::overlay(area, buf, view, &format!("Keys: {}", self.title));
        if inside.height < 3 {
            return None;
        }
        let label = "search ";
        buf.set_string(inside.x, inside.y, label, view.style("ui.text.dim"));
        let from = inside.x + 7.min(inside.width);
        let typed = Rect::new(from, inside.y, inside.right().saturating_sub(from), 1);
        let cursor = line::draw(typed, buf, &self.input, view.style("ui.input.focus"), false);
        let position = format!(
            "{} of {}",
            self.shown.len().min(self.cursor + 1),
            self.shown.len()
        );
        let x = inside
            .right()
            .saturating_sub(u16::try_from(width(&position)).unwrap_or(0));
        buf.set_string(x, inside.y + 1, position, view.style("ui.text.dim"));
        let list = Rect::new(inside.x, inside.y + 2, inside.width, inside.height - 2);
        let first = offset(self.cursor, usize::from(list.height));
        let keys = self
            .lines
            .iter()
            .map(|line| width(&line.keys))
            .max()
            .unwrap_or(0)
            .min(20);
        let mut before = "";
        for ((place, at), y) in self
            .shown
            .iter()
            .enumerate()
            .skip(first)
            .zip(list.y..list.bottom())
        {
            let line = &self.lines[*at];
            let context = if line.context == before {
                ""
            } else {
                line.context
            };
            before = line.context;
            buf.set_stringn(list.x, y, context, 11, view.style("ui.title"));
            buf.set_string(
                list.x + 12,
                y,
                fit(&line.keys, keys, true),
                view.style("ui.key"),
            );
            let x = list.x + 14 + u16::try_from(keys).unwrap_or(0);
            let room = usize::from(list.right().saturating_sub(x));
            buf.set_string(
                x,
                y,
                fit(line.doc, room, view.glyphs.ascii),
                Style::default(),
            );
            if place == self.cursor {
                buf.set_style(
                    Rect::new(list.x + 12, y, list.width.saturating_sub(12), 1),
                    view.style("ui.selection"),
                );
            }
        }
        Some(cursor)
    }
}
