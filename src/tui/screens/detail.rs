//! One thing with all that is known of it, and the actions of its list.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::overlays::reader::Reader;
use crate::tui::overlays::step;
use crate::tui::state::load::{Need, Row};
use crate::tui::state::notice::Tone;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Link;
use crate::tui::widgets::frame;

use super::action::{self, Performed};
use super::list::{Describe, Spec};
use super::{Offer, Screen};

const DETAIL: &[&str] = &["detail"];

/// Commands of details.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "detail.next",
        "next link",
        "Go to the next thing that this one names",
        DETAIL,
    )
    .hint(20),
    Command::new(
        "detail.previous",
        "link before",
        "Go to the thing named before",
        DETAIL,
    ),
];

/// A thing on the screen.
pub struct Detail<R: Row> {
    spec: &'static Spec<R>,
    describe: Describe<R>,
    id: String,
    more: Vec<Need>,
    offset: usize,
    height: usize,
    /// What its lines lead to, and which of it is selected.
    links: Vec<Link>,
    link: Option<usize>,
}

impl<R: Row> Detail<R> {
    /// The thing with this id; `None` if its kind has no details.
    pub fn open(spec: &'static Spec<R>, id: &str) -> Option<Box<dyn Screen>> {
        Some(Box::new(Self {
            spec,
            describe: spec.doc?,
            id: id.to_owned(),
            more: Vec::new(),
            offset: 0,
            height: 1,
            links: Vec::new(),
            link: None,
        }))
    }

    /// The same, keeping more fresh than the list needs.
    pub fn open_with(spec: &'static Spec<R>, id: &str, more: Vec<Need>) -> Option<Box<dyn Screen>> {
        Some(Box::new(Self {
            spec,
            describe: spec.doc?,
            id: id.to_owned(),
            more,
            offset: 0,
            height: 1,
            links: Vec::new(),
            link: None,
        }))
    }

    fn row<'a>(&self, facts: &Facts<'a>) -> Option<&'a R> {
        facts.data.get::<R>(&self.id)
    }

    fn follow(&self, cx: &mut Cx<'_>) {
        let Some(link) = self.link.and_then(|at| self.links.get(at)) else {
            return;
        };
        match super::show(link.kind, &link.id, &cx.facts) {
            Some(screen) => cx.go(screen),
            None => cx.tell(Tone::Info, format!("There is no view of a {}.", link.kind)),
        }
    }

    fn step_link(&mut self, forward: bool) {
        let count = self.links.len();
        if count > 0 {
            self.link = Some(match (self.link, forward) {
                (None, true) => 0,
                (None, false) => count - 1,
                (Some(at), true) => (at + 1) % count,
                (Some(at), false) => (at + count - 1) % count,
            });
        }
    }
}

impl<R: Row> Screen for Detail<R> {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        let name = self.row(facts).map(|row| action::target(row).name);
        vec![
            self.spec.view.to_owned(),
            name.unwrap_or_else(|| self.id.clone()),
        ]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec![self.spec.view, "detail"]
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = (self.spec.needs)();
        needs.extend(self.more.iter().cloned());
        needs
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        match command.name {
            "menu" if self.spec.actions.is_empty() => return Offer::Hidden,
            "detail.next" | "detail.previous" if self.links.is_empty() => return Offer::Hidden,
            "enter" if self.link.is_none() => return Offer::Hidden,
            _ => {}
        }
        let targets: Vec<&R> = self.row(facts).into_iter().collect();
        action::offer(self.spec.actions, command, &targets).unwrap_or(Offer::Yes)
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        if let Some(offset) = step(command.name, self.offset, usize::MAX, self.height) {
            self.offset = if command.name == "bottom" {
                self.offset + self.height
            } else {
                offset
            };
            return true;
        }
        let row = self.row(&facts);
        match command.name {
            "detail.next" => self.step_link(true),
            "detail.previous" => self.step_link(false),
            "enter" => self.follow(cx),
            "yaml" => {
                if let Some(row) = row {
                    let value = serde_json::to_value(row).unwrap_or_default();
                    cx.open(Box::new(Reader::data(&action::target(row).name, value)));
                }
            }
            "copy-id" => {
                cx.tell(Tone::Info, format!("Copied {}", self.id));
                cx.effect(Effect::Copy(self.id.clone()));
            }
            _ => {
                let targets: Vec<&R> = row.into_iter().collect();
                let performed =
                    action::perform(self.spec.actions, command, &targets, self.spec.noun, cx);
                return performed != Performed::Unknown;
            }
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.height = usize::from(area.height.saturating_sub(1)).max(1);
        let Some(row) = self.row(facts) else { return };
        let doc = (self.describe)(row, facts);
        self.links = doc.links().into_iter().cloned().collect();
        self.link = self.link.filter(|at| *at < self.links.len());
        let lines = doc.height(area.width.saturating_sub(2), facts);
        self.offset = self.offset.min(lines.saturating_sub(self.height));
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let Some(row) = self.row(&view.facts) else {
            let inside = frame::pane(area, buf, view, self.spec.title, "");
            let text = if view.facts.data.is_loaded::<R>() {
                format!("This {} is gone.", self.spec.noun)
            } else {
                "Loading".to_owned()
            };
            buf.set_stringn(
                inside.x + 2,
                inside.y + 1,
                text,
                usize::from(inside.width),
                view.style("ui.text.dim"),
            );
            return None;
        };
        let title = format!("{} {}", self.spec.noun, action::target(row).name);
        let doc = (self.describe)(row, &view.facts);
        let lines = doc.height(area.width.saturating_sub(2), &view.facts);
        let end = lines.min(self.offset + usize::from(area.height.saturating_sub(1)));
        let note = match end < lines || self.offset > 0 {
            true => format!("{}-{end}/{lines}", self.offset + 1),
            false => String::new(),
        };
        let inside = frame::pane(area, buf, view, &title, &note);
        let inside = Rect::new(
            inside.x + 1,
            inside.y,
            inside.width.saturating_sub(2),
            inside.height,
        );
        doc.draw(inside, buf, view, self.offset, self.link);
        None
    }
}
