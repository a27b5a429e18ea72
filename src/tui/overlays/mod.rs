//! What lies over a view for a while: questions, forms, the palette, help. They form a stack; the top one takes the keys.

pub mod confirm;
pub mod export;
pub mod form;
pub mod help;
pub mod menu;
pub mod once;
pub mod palette;
pub mod reader;
pub mod results;
pub mod sent;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::command::Command;
use super::cx::Cx;
use super::keys::Key;
use super::state::load::Need;
use super::view::{Facts, View};
use sent::Sent;

/// Something that lies over a view.
pub trait Overlay {
    /// Contexts in which it takes keys, the nearest first.
    fn contexts(&self) -> Vec<&'static str>;
    /// Whether plain keys are text now.
    fn is_typing(&self) -> bool {
        false
    }
    /// What is to be kept fresh while it is open.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
    /// Carries out a command; `false` if it is none of its own.
    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool;
    /// Takes a key that means no command.
    fn key(&mut self, _key: Key, _cx: &mut Cx<'_>) {}
    /// Takes pasted text.
    fn paste(&mut self, _text: &str, _cx: &mut Cx<'_>) {}
    /// What it asked the cloud for, if it stays open until that is accepted.
    fn sent(&mut self) -> Option<&mut Sent> {
        None
    }
    /// Brings it up to date with the facts and the area of the screen.
    fn settle(&mut self, _screen: Rect, _facts: &Facts<'_>) {}
    /// Draws it somewhere in `screen`; returns where the cursor is.
    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position>;
}

/// Commands of all overlays.
pub const COMMANDS: &[&[Command]] = &[confirm::COMMANDS, reader::COMMANDS, results::COMMANDS];

/// Moves a cursor among `count` entries by a movement command; `None` if it is none.
pub fn step(command: &str, cursor: usize, count: usize, page: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    let page = page.max(1);
    Some(match command {
        "up" => cursor.saturating_sub(1),
        "down" => (cursor + 1).min(last),
        "top" => 0,
        "bottom" => last,
        "half-up" => cursor.saturating_sub((page / 2).max(1)),
        "half-down" => (cursor + (page / 2).max(1)).min(last),
        "page-up" => cursor.saturating_sub(page),
        "page-down" => (cursor + page).min(last),
        _ => return None,
    })
}

/// The first entry in view, so that the cursor is in view.
pub fn offset(cursor: usize, height: usize) -> usize {
    (cursor + 1).saturating_sub(height.max(1))
}
