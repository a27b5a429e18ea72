//! Jump to anything, run anything: views, things by name, and every command that works here with its keys, found by a
//! few letters.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{fit, width};
use crate::tui::fuzzy;
use crate::tui::keys::Key;
use crate::tui::screens::{self, Object};
use crate::tui::state::notice::Tone;
use crate::tui::view::View;
use crate::tui::widgets::{frame, line};

use super::{Overlay, offset, step};

/// Matches kept.
const MATCHES: usize = 200;
/// Matches in view at most.
const SHOWN: u16 = 14;

enum What {
    Run(&'static Command),
    Show(Object),
}

struct Item {
    /// What is searched.
    text: String,
    /// What kind of thing it is, shown at the right.
    note: String,
    what: What,
}

/// The palette.
pub struct Palette {
    items: Vec<Item>,
    input: Input,
    matches: Vec<usize>,
    cursor: usize,
}

impl Palette {
    /// A palette over these commands (with their keys) and things.
    pub fn new(commands: Vec<(&'static Command, Option<String>)>, objects: Vec<Object>) -> Self {
        let mut commands = commands;
        commands.retain(|(command, _)| !command.is_move());
        // Where one can go, then what can be done here, then the rest.
        commands.sort_by_key(|(command, _)| match command {
            Command { name, .. } if name.starts_with("view.") => 0,
            Command { mutates: true, .. } => 1,
            _ => 2,
        });
        let mut items: Vec<Item> = commands
            .into_iter()
            .map(|(command, keys)| Item {
                text: match command.name {
                    "quit" => "quit (q)".to_owned(),
                    name => match name.strip_prefix("view.") {
                        Some(view) => view.to_owned(),
                        None => format!("{}: {}", command.label, command.doc),
                    },
                },
                note: keys.unwrap_or_default(),
                what: What::Run(command),
            })
            .collect();
        items.extend(objects.into_iter().map(|object| Item {
            text: object.name.clone(),
            note: object.kind.to_owned(),
            what: What::Show(object),
        }));
        let mut palette = Self {
            items,
            input: Input::default(),
            matches: Vec::new(),
            cursor: 0,
        };
        palette.rank();
        palette
    }

    fn rank(&mut self) {
        let typed = self.input.value().trim();
        let texts = self.items.iter().map(|item| item.text.as_str());
        self.matches = fuzzy::rank(typed, texts, MATCHES);
        // What is typed in full comes first, whatever it is: `:q`, `:servers`.
        let exact =
            |item: &Item| item.text == typed || (typed == "q" && item.text.starts_with("quit"));
        if let Some(at) = self.items.iter().position(exact) {
            self.matches.retain(|other| *other != at);
            self.matches.insert(0, at);
        }
        self.cursor = 0;
    }
}

impl Overlay for Palette {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["palette"]
    }

    fn is_typing(&self) -> bool {
        true
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if let Some(cursor) = step(
            command.name,
            self.cursor,
            self.matches.len(),
            usize::from(SHOWN),
        ) {
            self.cursor = cursor;
            return true;
        }
        match command.name {
            "cancel" => cx.close(),
            "enter" => {
                cx.close();
                let item = self.matches.get(self.cursor).map(|at| &self.items[*at]);
                match item.map(|item| &item.what) {
                    Some(What::Run(command)) => cx.run(command),
                    Some(What::Show(object)) => {
                        match screens::show(object.kind, &object.id, &cx.facts) {
                            Some(screen) => cx.go(screen),
                            None => cx.tell(Tone::Warn, format!("{} is gone", object.name)),
                        }
                    }
                    None => {}
                }
            }
            _ => return false,
        }
        true
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        let empty = self.input.value().is_empty();
        if empty && key == Key::plain(crate::tui::keys::Code::Named("backspace")) {
            cx.close();
        } else if line::edit(&mut self.input, key) {
            self.rank();
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        line::paste(&mut self.input, text);
        self.rank();
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let high = SHOWN + 4;
        let mut area = frame::middle(screen, 76, high);
        area.y = screen.y + (screen.height - area.height) / 3;
        let inside = frame::overlay(area, buf, view, "Go to, or run");
        if inside.height < 3 {
            return None;
        }
        buf.set_string(inside.x, inside.y, ":", view.style("ui.key"));
        let typed = Rect::new(inside.x + 1, inside.y, inside.width - 1, 1);
        let cursor = line::draw(typed, buf, &self.input, view.style("ui.input.focus"), false);
        let list = Rect::new(inside.x, inside.y + 2, inside.width, inside.height - 2);
        let first = offset(self.cursor, usize::from(list.height));
        for ((place, at), y) in self
            .matches
            .iter()
            .enumerate()
            .skip(first)
            .zip(list.y..list.bottom())
        {
            let item = &self.items[*at];
            let note = u16::try_from(width(&item.note)).unwrap_or(0);
            let room = usize::from(list.width.saturating_sub(note + 2));
            let text = fit(&item.text, room, view.glyphs.ascii);
            buf.set_string(list.x, y, text, Style::default());
            let style = match item.what {
                What::Run(_) => view.style("ui.key"),
                What::Show(_) => view.style("ui.text.dim"),
            };
            buf.set_string(list.right().saturating_sub(note), y, &item.note, style);
            if place == self.cursor {
                buf.set_style(
                    Rect::new(list.x, y, list.width, 1),
                    view.style("ui.selection"),
                );
            }
        }
        if self.matches.is_empty() {
            buf.set_string(list.x, list.y, "nothing matches", view.style("ui.text.dim"));
        }
        Some(cursor)
    }
}
