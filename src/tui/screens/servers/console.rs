//! The serial console: a terminal inside the console. Every key goes to the guest, except those that begin with the
//! escape key of the key map (`ctrl-]`).
//!
//! The guest's output is interpreted by an emulator and drawn from its cells, so nothing that a guest writes reaches the
//! operator's terminal. Leaving closes the line and shows the view before exactly as it was.
//!
//! The line carries bytes. A break is none: libvirt's console streams have no call for it, and QEMU's own command for it is
//! only reached through its monitor, which libvirt does not support. The key for it says so.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;
use tui_term::widget::{Cursor, PseudoTerminal};

use crate::compute::wire::Server;
use crate::tui::command::{self, Command};
use crate::tui::cx::Cx;
use crate::tui::effect::{ConsoleEffect, Effect};
use crate::tui::event::ConsoleEvent;
use crate::tui::keys::Key;
use crate::tui::overlays::reader::Reader;
use crate::tui::screens::Screen;
use crate::tui::state::load::Need;
use crate::tui::state::notice::Tone;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::frame;

/// Lines kept above the screen.
const SCROLLBACK: usize = 5_000;
/// Bytes typed before the line is open that are kept for it.
const EARLY: usize = 4_096;

/// Said in place of a break.
const NO_BREAK: &str = "No break was sent: the line carries bytes only. For SysRq, write its letter to /proc/sysrq-trigger in the guest.";

/// Where the line stands.
enum Line {
    Opening,
    Open,
    Closed(String),
}

/// The console of one server.
pub struct Console {
    id: String,
    name: String,
    line: Line,
    /// What was typed while it opens.
    early: Vec<u8>,
    parser: vt100::Parser,
    size: (u16, u16),
}

/// Opens the console of a server.
pub fn open(id: &str, name: &str) -> Box<dyn Screen> {
    Box::new(Console {
        id: id.to_owned(),
        name: name.to_owned(),
        line: Line::Opening,
        early: Vec::new(),
        parser: vt100::Parser::new(24, 80, SCROLLBACK),
        size: (24, 80),
    })
}

impl Console {
    fn send(&mut self, bytes: Vec<u8>, cx: &mut Cx<'_>) {
        if matches!(self.line, Line::Opening) && self.early.len() + bytes.len() <= EARLY {
            self.early.extend(bytes);
        } else if matches!(self.line, Line::Open) && !bytes.is_empty() {
            // Typing brings one back to where the guest writes.
            self.parser.screen_mut().set_scrollback(0);
            cx.effect(Effect::Console(ConsoleEffect::Send(bytes)));
        }
    }

    fn scroll(&mut self, up: bool) {
        let page = usize::from(self.size.0 / 2).max(1);
        let screen = self.parser.screen_mut();
        let now = screen.scrollback();
        screen.set_scrollback(if up {
            now + page
        } else {
            now.saturating_sub(page)
        });
    }

    /// Everything that is kept of what was written.
    fn transcript(&mut self) -> String {
        let screen = self.parser.screen_mut();
        let at = screen.scrollback();
        screen.set_scrollback(usize::MAX);
        let above = screen.scrollback();
        let (rows, columns) = screen.size();
        let mut lines: Vec<String> = Vec::new();
        let mut offset = above;
        loop {
            screen.set_scrollback(offset);
            let shown: Vec<String> = screen.rows(0, columns).collect();
            let fresh = if offset == 0 {
                shown.len()
            } else {
                offset.min(usize::from(rows))
            };
            lines.extend(shown.into_iter().take(fresh));
            if offset == 0 {
                break;
            }
            offset = offset.saturating_sub(usize::from(rows));
        }
        screen.set_scrollback(at);
        lines.join("\n").trim_end().to_owned()
    }
}

impl Screen for Console {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec![
            "servers".to_owned(),
            self.name.clone(),
            "console".to_owned(),
        ]
    }

    fn contexts(&self) -> Vec<&'static str> {
        match self.line {
            Line::Closed(_) => vec!["closed"],
            Line::Opening | Line::Open => vec!["console"],
        }
    }

    fn is_raw(&self) -> bool {
        !matches!(self.line, Line::Closed(_))
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::list::<Server>()]
    }

    fn enter(&mut self, cx: &mut Cx<'_>) {
        self.line = Line::Opening;
        cx.effect(Effect::Console(ConsoleEffect::Open(self.id.clone())));
    }

    fn leave(&mut self, cx: &mut Cx<'_>) {
        cx.effect(Effect::Console(ConsoleEffect::Close));
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        match command.name {
            "console.leave" => cx.back(),
            "console.literal" => self.send(vec![0x1d], cx),
            "console.break" => cx.tell(Tone::Warn, NO_BREAK),
            "console.up" => self.scroll(true),
            "console.down" => self.scroll(false),
            "console.search" => {
                let text = self.transcript();
                cx.open(Box::new(Reader::text(
                    &format!("Console of {}", self.name),
                    &text,
                )));
                if let Some(search) = command::find("filter") {
                    cx.run(search);
                }
            }
            "enter" => self.enter(cx),
            _ => return false,
        }
        true
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        let application = self.parser.screen().application_cursor();
        self.send(key.to_bytes(application), cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        let bracketed = self.parser.screen().bracketed_paste();
        let text = text.replace('\n', "\r");
        let text = if bracketed {
            format!("\x1b[200~{text}\x1b[201~")
        } else {
            text
        };
        self.send(text.into_bytes(), cx);
    }

    fn console(&mut self, event: &ConsoleEvent, cx: &mut Cx<'_>) {
        match event {
            ConsoleEvent::Opened => {
                self.line = Line::Open;
                let early = std::mem::take(&mut self.early);
                self.send(early, cx);
            }
            ConsoleEvent::Output(bytes) => self.parser.process(bytes),
            ConsoleEvent::Closed(reason) => self.line = Line::Closed(reason.clone()),
        }
    }

    fn settle(&mut self, area: Rect, _facts: &Facts<'_>) {
        let size = (area.height.saturating_sub(1).max(1), area.width.max(1));
        if size != self.size {
            self.size = size;
            self.parser.screen_mut().set_size(size.0, size.1);
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let scrolled = self.parser.screen().scrollback();
        let note = match (&self.line, scrolled) {
            (Line::Opening, _) => "opening".to_owned(),
            (Line::Open, 0) => "open; ctrl-] q leaves".to_owned(),
            (Line::Open, lines) => format!("{lines} lines back"),
            (Line::Closed(_), _) => "closed".to_owned(),
        };
        let inside = frame::pane(area, buf, view, &format!("Console of {}", self.name), &note);
        let mut cursor = Cursor::default();
        // The terminal's own cursor is shown instead of a drawn one.
        cursor.hide();
        PseudoTerminal::new(self.parser.screen())
            .cursor(cursor)
            .render(inside, buf);
        if let Line::Closed(reason) = &self.line {
            let text =
                format!("The console is closed: {reason}. enter opens it again, q goes back.");
            let y = inside.bottom().saturating_sub(1);
            let row = Rect::new(inside.x, y, inside.width, 1);
            buf.set_style(row, view.style("ui.banner"));
            buf.set_stringn(
                inside.x,
                y,
                text,
                usize::from(inside.width),
                view.style("ui.banner"),
            );
            return None;
        }
        let screen = self.parser.screen();
        let (row, column) = screen.cursor_position();
        let visible =
            !screen.hide_cursor() && scrolled == 0 && row < inside.height && column < inside.width;
        visible.then(|| Position::new(inside.x + column, inside.y + row))
    }
}

/// The tab that leads to the console.
pub struct Invitation {
    id: String,
}

impl Invitation {
    /// For the server `id`.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned() }
    }
}

impl Screen for Invitation {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["console".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["closed"]
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name != "enter" {
            return false;
        }
        let name = cx.facts.data.name_of::<Server>(&self.id).to_owned();
        cx.go(open(&self.id, &name));
        true
    }

    fn settle(&mut self, _area: Rect, _facts: &Facts<'_>) {}

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let lines = [
            "enter opens the serial console of this server.",
            "Every key then goes to the guest. To leave, press ctrl-] and then q.",
        ];
        for (line, y) in lines.iter().zip(area.y + 1..area.bottom()) {
            buf.set_stringn(
                area.x + 2,
                y,
                line,
                usize::from(area.width),
                view.style("ui.text.dim"),
            );
        }
        None
    }
}
