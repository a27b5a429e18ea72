//! A form over a view: a [`Sheet`] says which fields, what is right, and what is asked for when it is finished.
//!
//! It is closed by the operator, or when the cloud has accepted what it asked for. A refusal leaves it as it was, with
//! the reason below and at the field it is about, to be mended and sent again.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{fit, wrap};
use crate::tui::keys::Key;
use crate::tui::state::load::Need;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::{Answer, Form};
use crate::tui::widgets::{form_draw, frame};

use super::Overlay;
use super::sent::Sent;

/// What a form is about.
pub trait Sheet {
    /// Its title: `Rename web-01`.
    fn title(&self) -> String;
    /// Its fields, as they are at first.
    fn fields(&self, facts: &Facts<'_>) -> Vec<Field>;
    /// What is to be kept fresh while it is open, as it is filled in now.
    fn needs(&self, _form: &Form) -> Vec<Need> {
        Vec::new()
    }
    /// Gives choices their options; called whenever something changed.
    fn offer(&self, _form: &mut Form, _facts: &Facts<'_>) {}
    /// What is wrong beyond what fields know themselves, as pairs of field and message.
    fn check(&self, _form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// What finishing it will do, in a few words or lines.
    fn outlook(&self, _form: &Form, _facts: &Facts<'_>) -> Vec<String> {
        Vec::new()
    }
    /// It is finished and right: asks for what is to be done. The form stays until that is accepted.
    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>);
}

/// A form on the screen.
pub struct FormOverlay {
    sheet: Box<dyn Sheet>,
    form: Form,
    outlook: Vec<String>,
    sent: Sent,
}

impl FormOverlay {
    /// Opens a form.
    pub fn new(sheet: Box<dyn Sheet>, facts: &Facts<'_>) -> Self {
        let form = Form::new(sheet.fields(facts));
        let mut overlay = Self {
            sheet,
            form,
            outlook: Vec::new(),
            sent: Sent::default(),
        };
        overlay.bring_up_to_date(facts);
        overlay
    }

    fn bring_up_to_date(&mut self, facts: &Facts<'_>) {
        self.sheet.offer(&mut self.form, facts);
        let more = self.sheet.check(&self.form, facts);
        self.form.check(more);
        self.outlook = self.sheet.outlook(&self.form, facts);
        for refusal in self.sent.take_new() {
            self.form.refuse(&refusal.failure);
        }
    }

    fn is_waiting(&self) -> bool {
        self.sent.waiting().is_some()
    }
}

impl Overlay for FormOverlay {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["form"]
    }

    fn is_typing(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<Need> {
        self.sheet.needs(&self.form)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name == "cancel" {
            cx.close();
            return true;
        }
        if self.is_waiting() {
            return command.contexts.contains(&"form");
        }
        match self.form.on(command.name) {
            Answer::Unknown => return false,
            Answer::Taken => {}
            Answer::Submit => {
                self.bring_up_to_date(&cx.facts);
                if self.form.is_right() {
                    self.sheet.submit(&self.form, cx);
                }
            }
        }
        true
    }

    fn key(&mut self, key: Key, _cx: &mut Cx<'_>) {
        if !self.is_waiting() {
            self.form.key(key);
        }
    }

    fn paste(&mut self, text: &str, _cx: &mut Cx<'_>) {
        if !self.is_waiting() {
            self.form.paste(text);
        }
    }

    fn sent(&mut self) -> Option<&mut Sent> {
        Some(&mut self.sent)
    }

    fn settle(&mut self, _screen: Rect, facts: &Facts<'_>) {
        self.bring_up_to_date(facts);
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let wide = 84.min(screen.width);
        let room = usize::from(wide.saturating_sub(4));
        let mut lines = self.sent.standing(room, view);
        let told = u16::try_from(lines.len()).unwrap_or(0);
        let dim = view.style("ui.text.dim");
        let outlook = self.outlook.iter().flat_map(|line| wrap(line, room));
        lines.extend(outlook.map(|line| (line, dim)));
        let below = u16::try_from(lines.len()).unwrap_or(0);
        let below = if below > 0 { below + 1 } else { 0 };
        // As high as it may become, so that it does not jump about while one types.
        let high = (form_draw::height(&self.form) + 8).max(14) + below + 2;
        let area = frame::middle(screen, wide, high.min(screen.height));
        let inside = frame::overlay(area, buf, view, &self.sheet.title());
        // What became of it comes before what would.
        let below = below.min((inside.height / 3).max((told + 1).min(inside.height / 2)));
        let fields = Rect {
            height: inside.height - below,
            ..inside
        };
        for ((text, style), y) in lines.iter().zip(fields.bottom() + 1..inside.bottom()) {
            let text = fit(text, room, view.glyphs.ascii);
            buf.set_string(inside.x, y, text, *style);
        }
        form_draw::draw(fields, buf, view, &self.form)
    }
}
