//! Text to read over the whole screen: a thing as YAML or JSON, a long message.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;
use tui_input::Input;

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::keys::Key;
use crate::tui::state::notice::Tone;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::text::Text;
use crate::tui::widgets::{frame, line};

use super::Overlay;

const READER: &[&str] = &["reader"];

/// Commands of the reader.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "reader.format",
        "json/yaml",
        "Show it as JSON instead of YAML, or back",
        READER,
    )
    .hint(20),
    Command::new(
        "reader.copy",
        "copy",
        "Copy all of it to the clipboard of your terminal",
        READER,
    )
    .hint(24),
];

/// Text over the screen.
pub struct Reader {
    title: String,
    /// What is shown, if it is data and not just text.
    value: Option<Value>,
    json: bool,
    text: Text,
    search: Option<Input>,
}

impl Reader {
    /// Shows data.
    pub fn data(title: &str, value: Value) -> Self {
        let mut reader = Self {
            title: title.to_owned(),
            value: Some(value),
            json: false,
            text: Text::default(),
            search: None,
        };
        reader.write();
        reader
    }

    /// Shows text.
    pub fn text(title: &str, text: &str) -> Self {
        let mut text = Text::new(text);
        text.wrap();
        Self {
            title: title.to_owned(),
            value: None,
            json: false,
            text,
            search: None,
        }
    }

    fn write(&mut self) {
        let Some(value) = &self.value else { return };
        let text = if self.json {
            serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string())
        } else {
            serde_norway::to_string(value).unwrap_or_else(|error| error.to_string())
        };
        self.text.set(&text);
    }

    fn area(screen: Rect) -> Rect {
        let (width, height) = if screen.width > 100 {
            (screen.width - 8, screen.height - 4)
        } else {
            (screen.width, screen.height)
        };
        frame::middle(screen, width, height)
    }
}

impl Overlay for Reader {
    fn contexts(&self) -> Vec<&'static str> {
        if self.search.is_some() {
            vec!["filter"]
        } else {
            vec!["reader", "text"]
        }
    }

    fn is_typing(&self) -> bool {
        self.search.is_some()
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        match command.name {
            "reader.format" => {
                self.json = !self.json;
                self.write();
            }
            "reader.copy" => {
                cx.effect(Effect::Copy(self.text.content()));
                cx.tell(Tone::Info, "Copied");
            }
            "filter" => self.search = Some(Input::default()),
            "filter.accept" | "filter.cancel" => self.search = None,
            name => return self.text.on(name),
        }
        true
    }

    fn key(&mut self, key: Key, _cx: &mut Cx<'_>) {
        if let Some(input) = &mut self.search
            && line::edit(input, key)
        {
            self.text.search(input.value());
        }
    }

    fn settle(&mut self, screen: Rect, _facts: &Facts<'_>) {
        let area = Self::area(screen);
        let inside = Rect::new(
            0,
            0,
            area.width.saturating_sub(4),
            area.height.saturating_sub(3),
        );
        self.text.set_size(inside);
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let area = Self::area(screen);
        let inside = frame::overlay(area, buf, view, &self.title);
        let text = Rect {
            height: inside.height.saturating_sub(1),
            ..inside
        };
        self.text.draw(text, buf, view);
        let y = text.bottom();
        if let Some(input) = &self.search {
            buf.set_string(inside.x, y, "/", view.style("ui.key"));
            let at = Rect::new(inside.x + 1, y, inside.width.saturating_sub(1), 1);
            return Some(line::draw(
                at,
                buf,
                input,
                view.style("ui.input.focus"),
                false,
            ));
        }
        let position = self.text.position();
        buf.set_stringn(
            inside.x,
            y,
            position,
            usize::from(inside.width),
            view.style("ui.text.dim"),
        );
        None
    }
}
