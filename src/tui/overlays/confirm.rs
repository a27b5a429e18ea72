//! Asks before something that disturbs or destroys. Cancel has the keyboard at first; what can not be taken back wants
//! the name typed, or the count in bulk, and shows what goes with it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;

use crate::tui::command::Command;
use crate::tui::cx::{Cx, Prepared};
use crate::tui::format::{fit, width, wrap};
use crate::tui::keys::Key;
use crate::tui::state::notice::Tone;
use crate::tui::view::View;
use crate::tui::widgets::{frame, line};

use super::Overlay;

const CONFIRM: &[&str] = &["confirm"];

/// Commands of questions.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "confirm.switch",
        "other button",
        "Go to the other button",
        CONFIRM,
    )
    .hint(1),
    Command::new(
        "confirm.press",
        "press",
        "Press the button that is highlighted",
        CONFIRM,
    )
    .hint(2),
];

/// Lines of what goes along, at most.
const ALONG: usize = 10;

/// How agreement is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By pressing the button.
    Agree,
    /// By typing its name first.
    Name(String),
    /// By typing how many they are first.
    Count(usize),
}

/// A question.
pub struct Confirm {
    act: &'static str,
    what: String,
    along: Vec<String>,
    ask: Ask,
    typed: Input,
    /// Whether the button that does it is highlighted, not Cancel.
    armed: bool,
    requests: Vec<Prepared>,
}

impl Confirm {
    /// Asks whether to `act` on `what`; `along` says what goes with it.
    pub fn new(
        act: &'static str,
        what: String,
        along: Vec<String>,
        ask: Ask,
        requests: Vec<Prepared>,
    ) -> Self {
        Self {
            act,
            what,
            along,
            ask,
            typed: Input::default(),
            armed: false,
            requests,
        }
    }

    fn is_agreed(&self) -> bool {
        match &self.ask {
            Ask::Agree => true,
            Ask::Name(name) => self.typed.value().trim() == name,
            Ask::Count(count) => self.typed.value().trim() == count.to_string(),
        }
    }
}

impl Overlay for Confirm {
    fn contexts(&self) -> Vec<&'static str> {
        CONFIRM.to_vec()
    }

    fn is_typing(&self) -> bool {
        self.ask != Ask::Agree
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        match command.name {
            "confirm.switch" => self.armed = !self.armed && self.is_agreed(),
            "confirm.press" if self.armed && self.is_agreed() => {
                cx.close();
                cx.act(self.act, std::mem::take(&mut self.requests));
            }
            // Who typed something meant it; that it is something else is no reason to be gone.
            "confirm.press" if !self.typed.value().is_empty() && !self.is_agreed() => {
                cx.tell(Tone::Warn, "That is not what is to be typed.");
            }
            "confirm.press" => cx.close(),
            "cancel" => cx.close(),
            _ => return false,
        }
        true
    }

    fn key(&mut self, key: Key, _cx: &mut Cx<'_>) {
        if self.is_typing() {
            line::edit(&mut self.typed, key);
            self.armed = self.is_agreed();
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        if self.is_typing() {
            line::paste(&mut self.typed, text);
            self.armed = self.is_agreed();
        }
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let wide = 68.min(screen.width);
        let question = format!("{} {}?", self.act, self.what);
        let room = usize::from(wide.saturating_sub(6));
        let mut lines: Vec<(String, Style)> = wrap(&question, room)
            .into_iter()
            .map(|line| (line, view.style("ui.text.strong")))
            .collect();
        if !self.along.is_empty() {
            lines.push((String::new(), Style::default()));
        }
        for along in self.along.iter().take(ALONG) {
            let parts = wrap(along, room.saturating_sub(2));
            for (at, part) in parts.into_iter().enumerate() {
                let bullet = if at == 0 { view.glyphs.dot() } else { " " };
                lines.push((format!("{bullet} {part}"), Style::default()));
            }
        }
        if self.along.len() > ALONG {
            let more = format!("  and {} more", self.along.len() - ALONG);
            lines.push((more, view.style("ui.text.dim")));
        }
        let typing = u16::from(self.is_typing()) * 3;
        let high = u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .saturating_add(5 + typing);
        let area = frame::middle(screen, wide, high);
        let inside = frame::overlay(area, buf, view, self.act);
        let body = inside.height.saturating_sub(2 + typing);
        for ((text, style), y) in lines.iter().zip(inside.y + 1..inside.y + body.max(1)) {
            buf.set_string(inside.x, y, text, *style);
        }
        self.draw_buttons(inside, buf, view);
        self.draw_typing(inside, buf, view)
    }
}

impl Confirm {
    fn draw_typing(&self, inside: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        // The question above has the whole name.
        let label = match &self.ask {
            Ask::Agree => return None,
            Ask::Name(name) if width(name) < 24 => format!("Type {name} to go on:"),
            Ask::Name(_) => "Type or paste its name to go on:".to_owned(),
            Ask::Count(count) => format!("Type {count} to go on:"),
        };
        let y = inside.bottom().checked_sub(4)?;
        let label = fit(&label, usize::from(inside.width), view.glyphs.ascii);
        buf.set_string(inside.x, y, label, view.style("ui.text.dim"));
        let at = Rect::new(inside.x, y + 1, inside.width, 1);
        Some(line::draw(
            at,
            buf,
            &self.typed,
            view.style("ui.input.focus"),
            false,
        ))
    }

    fn draw_buttons(&self, inside: Rect, buf: &mut Buffer, view: &View<'_>) {
        let Some(y) = inside.bottom().checked_sub(1) else {
            return;
        };
        let act = format!(" {} ", self.act);
        let (cancel_style, act_style) = if self.armed {
            (view.style("ui.button"), view.style("ui.button.danger"))
        } else {
            (view.style("ui.button.focus"), view.style("ui.button"))
        };
        let wide = u16::try_from(width(&act)).unwrap_or(0) + 12;
        let x = inside.right().saturating_sub(wide).max(inside.x);
        let bracket = |text: &str, on: bool| {
            if on {
                format!("[{text}]")
            } else {
                format!(" {text} ")
            }
        };
        buf.set_string(x, y, bracket(" Cancel ", !self.armed), cancel_style);
        buf.set_string(x + 11, y, bracket(&act, self.armed), act_style);
    }
}
