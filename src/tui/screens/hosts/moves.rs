//! A host is drained, or gets its servers back: first the cloud's plan, server by server, then the run itself.
//!
//! The plan is only looked at: what is moved is decided anew for each server when its turn comes.

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::{MovesPlan, MovesRequest, PlannedMove};
use crate::client::{Client, ClientError};
use crate::compute::wire::Hypervisor;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Request, call};
use crate::tui::format::{self, width};
use crate::tui::glyph::Mood;
use crate::tui::overlays::{Overlay, step};
use crate::tui::state::activity::Target;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::frame;

/// Cells of the page at most, and its lines at least and at most.
const WIDE: u16 = 116;
const SHORT: u16 = 8;
const TALL: u16 = 34;

/// The cloud's plan; what it is a part of is goal and host.
struct Planned(MovesPlan);

fn request_of(goal: &str, host: &str) -> MovesRequest {
    MovesRequest {
        goal: goal.to_owned(),
        host: Some(host.to_owned()),
        at_once: None,
    }
}

impl Part for Planned {
    const KIND: &'static str = "host.moves";
    const EVERY: i64 = 15;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let (goal, host) = id.split_once(' ').unwrap_or((&id, ""));
            client.moves_plan(&request_of(goal, host)).await.map(Self)
        })
    }
}

/// The page.
pub struct Moves {
    goal: &'static str,
    act: &'static str,
    host: String,
    key: String,
    /// Whether the button that does it is highlighted, not Cancel.
    armed: bool,
    /// First line in view, lines in view and lines there are.
    offset: usize,
    height: usize,
    lines: usize,
}

impl Moves {
    fn open(goal: &'static str, act: &'static str, row: &Hypervisor) -> Box<dyn Overlay> {
        let host = super::name(row).to_owned();
        Box::new(Self {
            goal,
            act,
            key: format!("{goal} {host}"),
            host,
            armed: false,
            offset: 0,
            height: 1,
            lines: 0,
        })
    }

    /// To move its servers away.
    pub fn drain(row: &Hypervisor) -> Box<dyn Overlay> {
        Self::open("drain", "Drain", row)
    }

    /// To bring back what was moved away.
    pub fn bring_back(row: &Hypervisor) -> Box<dyn Overlay> {
        Self::open("return", "Fill again", row)
    }

    fn area(&self, screen: Rect) -> Rect {
        let tall = u16::try_from(self.lines + 4).unwrap_or(u16::MAX);
        frame::middle(screen, WIDE, tall.clamp(SHORT, TALL))
    }

    fn describe<'a>(&self, facts: &Facts<'a>) -> Option<Doc<'a>> {
        let plan = &facts.data.part::<Planned>(&self.key)?.0;
        let mut doc = Doc::default();
        let going = plan.moves.iter().filter(|one| one.to.is_some()).count();
        let staying = plan.moves.len() - going;
        let first = match self.goal {
            "drain" => "The host takes no new servers from now on.",
            _ => "The host takes new servers from now on.",
        };
        doc.group("What is done").entry("first", Value::text(first));
        doc.entry(
            "then",
            Value::owned(match going {
                0 => "no server is moved".to_owned(),
                going => format!("{} moved, two at a time", format::count(going, "server")),
            }),
        );
        if staying > 0 {
            let text = format!("{} without a host", format::count(staying, "server"));
            doc.entry("but", Value::State(Mood::Warn, text.into()));
        }
        if !plan.moves.is_empty() {
            doc.group("Servers");
        }
        for one in &plan.moves {
            let (mood, words) = words(one);
            doc.entry(&one.name, Value::State(mood, words.into()));
        }
        Some(doc)
    }

    fn request(&self) -> Box<dyn Request> {
        let request = request_of(self.goal, &self.host);
        call(
            format!("host {} {}", self.host, self.goal),
            move |client| async move {
                client.moves_run(&request).await?;
                Ok(Done::saying("begun; migrations shows the moves"))
            },
        )
    }
}

/// Where a server goes, or why nowhere.
fn words(one: &PlannedMove) -> (Mood, String) {
    match (&one.to, &one.reason) {
        (Some(to), _) => (Mood::Good, format!("from {} to {to}", one.from)),
        (None, Some(reason)) => (Mood::Bad, reason.clone()),
        (None, None) => (Mood::Bad, "no host takes it".to_owned()),
    }
}

impl Overlay for Moves {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["plan", "confirm"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::part::<Planned>(&self.key)]
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let count = self.lines.saturating_sub(self.height) + 1;
        if let Some(offset) = step(command.name, self.offset, count, self.height) {
            self.offset = offset;
            return true;
        }
        match command.name {
            "confirm.switch" => self.armed = !self.armed,
            "cancel" => cx.close(),
            "confirm.press" => {
                cx.close();
                if self.armed {
                    let target = Target {
                        kind: Hypervisor::KIND,
                        id: self.host.clone(),
                        name: self.host.clone(),
                    };
                    cx.act(self.act, vec![(target, self.request())]);
                }
            }
            _ => return false,
        }
        true
    }

    fn settle(&mut self, screen: Rect, facts: &Facts<'_>) {
        let wide = WIDE.min(screen.width).saturating_sub(4);
        let doc = self.describe(facts);
        self.lines = doc.map_or(0, |doc| doc.height(wide, facts));
        let area = self.area(screen);
        self.height = usize::from(area.height.saturating_sub(4)).max(1);
        self.offset = self.offset.min(self.lines.saturating_sub(self.height));
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let title = format!("{} {}: the plan", self.act, self.host);
        let inside = frame::overlay(self.area(screen), buf, view, &title);
        let body = Rect {
            height: inside.height.saturating_sub(2),
            ..inside
        };
        match self.describe(&view.facts) {
            Some(doc) => doc.draw(body, buf, view, self.offset, None),
            None => frame::emptiness(body, buf, view, &Source::part::<Planned>(&self.key), ""),
        }
        let y = inside.bottom().checked_sub(1)?;
        let below = self.lines.saturating_sub(self.offset + self.height);
        if below > 0 {
            let text = format!("{below} lines more below");
            buf.set_string(inside.x, y, text, view.style("ui.text.dim"));
        }
        let button = |text: &str, focused: bool| match focused {
            true => (format!("[ {text} ]"), view.style("ui.button.focus")),
            false => (format!("  {text}  "), view.style("ui.button")),
        };
        let mut x = inside.right();
        for (text, focused) in [(self.act, self.armed), ("Cancel", !self.armed)] {
            let (text, style) = button(text, focused);
            x = x.saturating_sub(u16::try_from(width(&text) + 1).unwrap_or(0));
            buf.set_string(x, y, text, style);
        }
        None
    }
}
