//! Before many servers are moved by one wish: the cloud's plan, server by server, and how many at a time.
//!
//! The plan is only looked at: what is moved is decided anew for each server when its turn comes. The page stays until the
//! cloud has accepted the wish, and is followed by the view of the run.

use std::collections::BTreeMap;
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
use crate::tui::overlays::sent::Sent;
use crate::tui::overlays::{Overlay, step};
use crate::tui::state::activity::Target;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::state::notice::Tone;
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::frame;

use super::Run;

/// Cells of the page at most, and its lines at least and at most.
const WIDE: u16 = 116;
const SHORT: u16 = 8;
const TALL: u16 = 34;
/// Lines for what became of what was sent, once something was.
const TOLD: u16 = 4;
/// Moves at a time: as many as the API takes, and those it takes by itself.
const MOST: u32 = 16;
const AT_ONCE: u32 = 2;

/// The cloud's plan; what it is a part of is goal and host.
struct Planned(MovesPlan);

fn request_of(goal: &str, host: &str) -> MovesRequest {
    MovesRequest {
        goal: goal.to_owned(),
        host: Some(host.to_owned()).filter(|host| !host.is_empty()),
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
pub struct Plan {
    goal: &'static str,
    act: &'static str,
    /// The host it is about; empty if it is about all.
    host: String,
    key: String,
    at_once: u32,
    /// Whether the button that does it is highlighted, not Cancel.
    armed: bool,
    sent: Sent,
    /// First line in view, lines in view and lines there are.
    offset: usize,
    height: usize,
    lines: usize,
}

impl Plan {
    fn open(goal: &'static str, act: &'static str, host: &str) -> Box<dyn Overlay> {
        Box::new(Self {
            goal,
            act,
            key: format!("{goal} {host}"),
            host: host.to_owned(),
            at_once: AT_ONCE,
            armed: false,
            sent: Sent::default(),
            offset: 0,
            height: 1,
            lines: 0,
        })
    }

    /// To move a host's servers away.
    pub fn drain(host: &str) -> Box<dyn Overlay> {
        Self::open("drain", "Drain", host)
    }

    /// To bring back what was moved away from a host.
    pub fn bring_back(host: &str) -> Box<dyn Overlay> {
        Self::open("return", "Fill again", host)
    }

    /// To let all hosts carry about the same.
    pub fn spread() -> Box<dyn Overlay> {
        Self::open("spread", "Spread", "")
    }

    /// To let as few hosts as possible carry anything.
    pub fn condense() -> Box<dyn Overlay> {
        Self::open("condense", "Condense", "")
    }

    fn is_of_all(&self) -> bool {
        self.host.is_empty()
    }

    /// What is named where it is spoken of.
    fn about(&self) -> &str {
        if self.is_of_all() {
            "servers"
        } else {
            &self.host
        }
    }

    fn plan<'a>(&self, facts: &Facts<'a>) -> Option<&'a MovesPlan> {
        Some(&facts.data.part::<Planned>(&self.key)?.0)
    }

    /// Lines for what became of what was sent.
    fn told(&self) -> u16 {
        let quiet = self.sent.waiting().is_none() && self.sent.refusals().is_empty();
        if quiet { 0 } else { TOLD }
    }

    fn area(&self, screen: Rect) -> Rect {
        let tall = u16::try_from(self.lines + 4).unwrap_or(u16::MAX);
        let tall = tall.clamp(SHORT, TALL).saturating_add(self.told());
        frame::middle(screen, WIDE, tall)
    }

    fn describe<'a>(&self, facts: &Facts<'a>) -> Option<Doc<'a>> {
        let plan = self.plan(facts)?;
        let mut doc = Doc::default();
        let going = plan.moves.iter().filter(|one| goes(one)).count();
        let staying = plan.moves.len() - going;
        let first = match self.goal {
            "drain" => "The host takes no new servers from now on.",
            "return" => "The host takes new servers from now on.",
            "spread" => "Hosts are to carry about the same memory.",
            _ => "Hosts are to become empty, those with the least first.",
        };
        doc.group("What is done").entry("first", Value::text(first));
        doc.entry(
            "then",
            Value::owned(match going {
                0 => "no server is moved".to_owned(),
                going => format!(
                    "{} moved, {} at a time: live if it runs, cold if it is off",
                    format::count(going, "server"),
                    self.at_once
                ),
            }),
        );
        // Unless the wish is about where they go.
        if self.goal == "drain" && going > 0 {
            doc.entry(
                "where",
                Value::text(
                    "chosen anew when the turn of each comes; below is what would be chosen now",
                ),
            );
        }
        if staying > 0 {
            let text = format!("{} without a host", format::count(staying, "server"));
            doc.entry("but", Value::State(Mood::Warn, text.into()));
        }
        if self.is_of_all() {
            hosts(&mut doc, &plan.moves);
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
        let request = MovesRequest {
            at_once: Some(self.at_once),
            ..request_of(self.goal, &self.host)
        };
        let name = match self.is_of_all() {
            true => format!("hosts {}, {} at once", self.goal, self.at_once),
            false => format!("host {} {}, {} at once", self.host, self.goal, self.at_once),
        };
        call(name, move |client| async move {
            let run = client.moves_run(&request).await?;
            Ok(Done::followed(Run::KIND, run.operation_id, "begun"))
        })
    }

    fn press(&mut self, cx: &mut Cx<'_>) {
        if !self.armed {
            return cx.close();
        }
        let plan = self.plan(&cx.facts);
        if self.is_of_all() && plan.is_some_and(|plan| !plan.moves.iter().any(goes)) {
            return cx.tell(Tone::Info, "There is nothing to move.");
        }
        let target = Target {
            kind: Hypervisor::KIND,
            id: self.host.clone(),
            name: self.about().to_owned(),
        };
        cx.act(self.act, vec![(target, self.request())]);
    }
}

/// Whether a host was found for a server that is to be moved.
fn goes(one: &PlannedMove) -> bool {
    one.state == "waiting" && one.to.is_some() && one.reason.is_none()
}

/// How many servers each host gives and takes.
fn hosts<'a>(doc: &mut Doc<'a>, moves: &'a [PlannedMove]) {
    let mut all: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in moves.iter().filter(|one| goes(one)) {
        all.entry(&one.from).or_default().0 += 1;
        all.entry(one.to.as_deref().unwrap_or_default())
            .or_default()
            .1 += 1;
    }
    if !all.is_empty() {
        doc.group("Hosts");
    }
    for (host, (gives, takes)) in all {
        let gives = (gives > 0).then(|| format!("gives {gives}"));
        let takes = (takes > 0).then(|| format!("takes {takes}"));
        let words: Vec<String> = gives.into_iter().chain(takes).collect();
        doc.entry(host, Value::owned(words.join(", ")));
    }
}

/// Where a server goes, or why nowhere.
fn words(one: &PlannedMove) -> (Mood, String) {
    match (&one.to, &one.reason) {
        (Some(to), None) => (Mood::Good, format!("from {} to {to}", one.from)),
        (_, Some(reason)) if one.state == "stays" => (Mood::Warn, format!("stays: {reason}")),
        (_, Some(reason)) => (Mood::Bad, reason.clone()),
        (None, None) => (Mood::Bad, "no host takes it".to_owned()),
    }
}

impl Overlay for Plan {
    fn contexts(&self) -> Vec<&'static str> {
        vec!["moves-plan", "plan", "confirm"]
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
        let waits = self.sent.waiting().is_some();
        match command.name {
            "cancel" => cx.close(),
            // What was sent can not be sent otherwise.
            "confirm.switch" | "confirm.press" | "plan.more" | "plan.fewer" if waits => {}
            "confirm.switch" => self.armed = !self.armed,
            "plan.more" => self.at_once = (self.at_once + 1).min(MOST),
            "plan.fewer" => self.at_once = self.at_once.saturating_sub(1).max(1),
            "confirm.press" => self.press(cx),
            _ => return false,
        }
        true
    }

    fn sent(&mut self) -> Option<&mut Sent> {
        Some(&mut self.sent)
    }

    fn settle(&mut self, screen: Rect, facts: &Facts<'_>) {
        let wide = WIDE.min(screen.width).saturating_sub(4);
        let doc = self.describe(facts);
        self.lines = doc.map_or(0, |doc| doc.height(wide, facts));
        let area = self.area(screen);
        self.height = usize::from(area.height.saturating_sub(4 + self.told())).max(1);
        self.offset = self.offset.min(self.lines.saturating_sub(self.height));
    }

    fn draw(&self, screen: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let title = format!("{} {}: the plan", self.act, self.about());
        let inside = frame::overlay(self.area(screen), buf, view, &title);
        let body = Rect {
            height: inside.height.saturating_sub(2 + self.told()),
            ..inside
        };
        match self.describe(&view.facts) {
            Some(doc) => doc.draw(body, buf, view, self.offset, None),
            None => frame::emptiness(body, buf, view, &Source::part::<Planned>(&self.key), ""),
        }
        let y = inside.bottom().checked_sub(1)?;
        let told = self.sent.standing(usize::from(inside.width), view);
        for ((text, style), y) in told.iter().zip(body.bottom()..y) {
            buf.set_string(inside.x, y, text, *style);
        }
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
