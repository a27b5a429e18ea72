//! Text that belongs to one thing and grows: what a guest wrote.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::keys::Key;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::text::Text;
use crate::tui::widgets::{frame, line};

use super::Screen;

/// The text on the screen.
pub struct Log<P: Part> {
    of: String,
    content: fn(&P) -> &str,
    empty: &'static str,
    text: Text,
    search: Option<Input>,
    generation: u64,
    length: usize,
}

impl<P: Part> Log<P> {
    /// The text of the part that belongs to `of`.
    pub fn new(of: &str, content: fn(&P) -> &str, empty: &'static str) -> Self {
        Self {
            of: of.to_owned(),
            content,
            empty,
            text: Text::following(),
            search: None,
            generation: u64::MAX,
            length: usize::MAX,
        }
    }
}

impl<P: Part> Screen for Log<P> {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["log".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        if self.search.is_some() {
            vec!["filter"]
        } else {
            vec!["text"]
        }
    }

    fn is_typing(&self) -> bool {
        self.search.is_some()
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::part::<P>(&self.of)]
    }

    fn on(&mut self, command: &'static Command, _cx: &mut Cx<'_>) -> bool {
        match command.name {
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

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.text
            .set_size(Rect::new(0, 0, area.width, area.height.saturating_sub(1)));
        if self.generation == facts.data.generation() {
            return;
        }
        self.generation = facts.data.generation();
        if let Some(part) = facts.data.part::<P>(&self.of) {
            let content = (self.content)(part);
            // A log only grows; what is as long as before is the same.
            if content.len() != self.length {
                self.length = content.len();
                self.text.set(content);
            }
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let inside = frame::pane(area, buf, view, "Log", &self.text.position());
        if self.text.is_empty() {
            frame::emptiness(inside, buf, view, &Source::part::<P>(&self.of), self.empty);
        }
        self.text.draw(inside, buf, view);
        let input = self.search.as_ref()?;
        let y = inside.bottom().checked_sub(1)?;
        buf.set_string(inside.x, y, "/", view.style("ui.key"));
        let at = Rect::new(inside.x + 1, y, inside.width.saturating_sub(1), 1);
        Some(line::draw(
            at,
            buf,
            input,
            view.style("ui.input.focus"),
            false,
        ))
    }
}
