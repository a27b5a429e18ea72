//! The actions of a thing, with their keys; those that are not to be had now say why.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{fit, width};
use crate::tui::screens::Offer;
use crate::tui::state::notice::Tone;
use crate::tui::view::View;
use crate::tui::widgets::frame;

use super::{Overlay, offset, step};

/// One action.
pub struct Item {
    /// The command.
    pub command: &'static Command,
    /// Its keys.
    pub keys: String,
    /// Whether it is to be had.
    pub offer: Offer,
}

/// The menu.
pub struct Menu {
    title: String,
    items: Vec<Item>,
    cursor: usize,
}

impl Menu {
    /// A menu of these actions; the first that is to be had is selected.
    pub fn new(title: String, items: Vec<Item>) -> Self {
        let cursor = items.iter().position(|item| item.offer == Offer::Yes);
        Self {
            title,
            items,
            cursor: cursor.unwrap_or(0),
        }
    }
}

impl Overlay for Menu {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["menu"]
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if let Some(cursor) = step(command.name, self.cursor, self.items.len(), 10) {
            self.cursor = cursor;
            return true;
        }
        match (command.name, self.items.get(self.cursor)) {
            ("cancel", _) => cx.close(),
            ("enter", Some(item)) => match &item.offer {
                Offer::No(reason) => {
                    cx.tell(Tone::Warn, format!("{}: {reason}", item.command.label))
                }
                Offer::Yes | Offer::Hidden => {
                    cx.close();
                    cx.run(item.command);
                }
            },
            ("enter", None) => cx.close(),
            _ => return false,
        }
        true
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let labels = self
            .items
            .iter()
            .map(|item| width(item.command.label))
            .max()
            .unwrap_or(0);
        let keys = self
            .items
            .iter()
            .map(|item| width(&item.keys))
            .max()
            .unwrap_or(0);
        let high = u16::try_from(self.items.len())
            .unwrap_or(u16::MAX)
            .saturating_add(4);
        let area = frame::middle(screen, 92, high.min(screen.height.saturating_sub(2)));
        let inside = frame::overlay(area, buf, view, &self.title);
        let list = Rect::new(
            inside.x,
            inside.y + 1,
            inside.width,
            inside.height.saturating_sub(2),
        );
        let first = offset(self.cursor, usize::from(list.height));
        for ((place, item), y) in self
            .items
            .iter()
            .enumerate()
            .skip(first)
            .zip(list.y..list.bottom())
        {
            let able = !matches!(item.offer, Offer::No(_));
            let doc = match &item.offer {
                Offer::No(reason) => reason,
                Offer::Yes | Offer::Hidden => item.command.doc,
            };
            let dim = view.style("ui.text.dim");
            let (key_style, text_style) = if able {
                (view.style("ui.key"), view.style("ui.text"))
            } else {
                (dim, dim)
            };
            buf.set_string(list.x, y, &item.keys, key_style);
            let x = list.x + u16::try_from(keys + 2).unwrap_or(0);
            buf.set_string(x, y, item.command.label, text_style);
            let x = x + u16::try_from(labels + 2).unwrap_or(0);
            let room = usize::from(list.right().saturating_sub(x));
            buf.set_string(x, y, fit(doc, room, view.glyphs.ascii), dim);
            if place == self.cursor {
                buf.set_style(
                    Rect::new(list.x, y, list.width, 1),
                    view.style("ui.selection"),
                );
            }
        }
        let below = self
            .items
            .len()
            .saturating_sub(first + usize::from(list.height));
        if below > 0 {
            let text = format!("and {below} more");
            buf.set_string(list.x, list.bottom(), text, view.style("ui.text.dim"));
        }
        None
    }
}
