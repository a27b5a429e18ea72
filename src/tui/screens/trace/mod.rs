//! Why one thing does not reach another: the way of a packet, place by place, with what each place does to it and why,
//! and how many went by there so far. The first place that drops it is selected; what would help is one key away.

mod draw;
mod form;
mod mend;

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use uuid::Uuid;

use crate::client::{Client, ClientError};
use crate::network::wire::{
    Network, Port, Router, SecurityGroup, Subnet, Trace, TraceRequest, TraceStep,
};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::wrap;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::overlays::form::FormOverlay;
use crate::tui::overlays::reader::Reader;
use crate::tui::overlays::step;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::frame;

use super::{Entry, Offer, Screen};
use form::Asked;

/// The cloud's answer; what it is a part of is the question as JSON.
pub(super) struct Traced(Trace);

impl Part for Traced {
    const KIND: &'static str = "network.trace";
    /// Packets are counted while one looks.
    const EVERY: i64 = 1;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let request: TraceRequest =
                serde_json::from_str(&id).map_err(|error| ClientError::Argument {
                    what: "the trace".to_owned(),
                    reason: error.to_string(),
                })?;
            client.network_trace(&request).await.map(Self)
        })
    }
}

/// A question that is looked at.
struct Shown {
    asked: Asked,
    /// The question as JSON.
    key: String,
    /// The step with the cursor, once somebody moved it: until then it is the first one that drops.
    chosen: Option<usize>,
}

/// The view.
pub struct Traces {
    shown: Option<Shown>,
    /// Lines of the list.
    height: usize,
    /// Whether it is shown for the first time, and nothing was asked yet.
    is_new: bool,
}

impl Traces {
    fn empty() -> Self {
        Self {
            shown: None,
            height: 1,
            is_new: true,
        }
    }

    /// The view of an answer.
    fn of(asked: Asked, facts: &Facts<'_>) -> Self {
        let question = format!("{asked:?} {}", facts.clock.now.0);
        let request = TraceRequest {
            from: asked.from.id.clone(),
            to: asked.to.id.clone(),
            protocol: asked.protocol.clone(),
            port: asked.port,
            source: None,
            probe: Some(Uuid::new_v5(&Uuid::NAMESPACE_OID, question.as_bytes()).to_string()),
        };
        Self {
            shown: Some(Shown {
                asked,
                key: serde_json::to_string(&request).unwrap_or_default(),
                chosen: None,
            }),
            height: 1,
            is_new: false,
        }
    }

    fn trace<'a>(&self, facts: &Facts<'a>) -> Option<&'a Trace> {
        let shown = self.shown.as_ref()?;
        facts
            .data
            .part::<Traced>(&shown.key)
            .map(|traced| &traced.0)
    }

    /// The step with the cursor, and its place.
    fn selected<'a>(&self, facts: &Facts<'a>) -> Option<(usize, &'a TraceStep)> {
        let steps = &self.trace(facts)?.steps;
        let chosen = self.shown.as_ref()?.chosen;
        let at = chosen.unwrap_or_else(|| {
            let first = steps.iter().position(|step| step.verdict == "drops");
            first.unwrap_or(0)
        });
        let at = at.min(steps.len().saturating_sub(1));
        Some((at, steps.get(at)?))
    }

    fn mend(&self, cx: &mut Cx<'_>) {
        let facts = cx.facts;
        let remedy = self
            .selected(&facts)
            .and_then(|(_, step)| step.remedy.as_ref());
        let Some(mending) = remedy.and_then(|remedy| mend::mending(remedy, &facts)) else {
            return;
        };
        let along = vec![mending.words];
        let requests = vec![(mending.target, mending.request)];
        cx.open(Box::new(Confirm::new(
            mending.act,
            mending.what,
            along,
            Ask::Agree,
            requests,
        )));
    }
}

/// A form that asks for a way from a server or a port, by id.
pub fn from(id: &str, facts: &Facts<'_>) -> Box<dyn Overlay> {
    Box::new(FormOverlay::new(Box::new(form::Question::from(id)), facts))
}

impl Screen for Traces {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        let mut path = vec!["trace".to_owned()];
        path.extend(self.shown.as_ref().map(|shown| shown.asked.title()));
        path
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["trace"]
    }

    fn enter(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.is_new) {
            let question = Box::new(form::Question::default());
            cx.open(Box::new(FormOverlay::new(question, &cx.facts)));
        }
    }

    fn needs(&self) -> Vec<Need> {
        let Some(shown) = &self.shown else {
            return Vec::new();
        };
        // Names of what remedies are about.
        vec![
            Need::part::<Traced>(&shown.key),
            Need::list::<SecurityGroup>(),
            Need::list::<Network>(),
            Need::list::<Subnet>(),
            Need::list::<Router>(),
            Need::list::<Port>(),
        ]
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let selected = self.selected(facts);
        match command.name {
            "trace.mend" => {
                let remedy = selected.and_then(|(_, step)| step.remedy.as_ref());
                match remedy.and_then(|remedy| mend::mending(remedy, facts)) {
                    Some(_) => Offer::Yes,
                    None => Offer::No("nothing at this place is mended by one act".to_owned()),
                }
            }
            "trace.turn" if self.shown.is_none() => Offer::Hidden,
            "enter" | "yaml" if selected.is_none() => Offer::Hidden,
            "copy-id" => Offer::Hidden,
            _ => Offer::Yes,
        }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        match command.name {
            "trace.ask" => {
                let question = match &self.shown {
                    Some(shown) => form::Question::again(shown.asked.clone()),
                    None => form::Question::default(),
                };
                cx.open(Box::new(FormOverlay::new(Box::new(question), &facts)));
            }
            "trace.turn" => {
                if let Some(shown) = &self.shown {
                    let turned = shown.asked.turned();
                    *self = Self::of(turned, &facts);
                }
            }
            "trace.mend" => self.mend(cx),
            "yaml" | "enter" => {
                if let Some((_, step)) = self.selected(&facts) {
                    let value = serde_json::to_value(step).unwrap_or_default();
                    cx.open(Box::new(Reader::data(&step.device, value)));
                }
            }
            name => {
                let steps = self.trace(&facts).map_or(0, |trace| trace.steps.len());
                let at = self.selected(&facts).map_or(0, |(at, _)| at);
                let moved = step(name, at, steps, self.height);
                match (moved, &mut self.shown) {
                    (Some(at), Some(shown)) => shown.chosen = Some(at),
                    (Some(_), None) => {}
                    (None, _) => return false,
                }
            }
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        let steps = self.trace(facts).map_or(0, |trace| trace.steps.len());
        let (list, _) = draw::split(area, steps);
        self.height = usize::from(list.height.saturating_sub(1)).max(1);
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let Some(shown) = &self.shown else {
            let inside = frame::pane(area, buf, view, "Trace", "");
            let text =
                "Why does one thing not reach another? Press n and say which, and what is sent.";
            let room = usize::from(inside.width.saturating_sub(4));
            for (line, y) in wrap(text, room).iter().zip(inside.y + 1..inside.bottom()) {
                buf.set_string(inside.x + 2, y, line, view.style("ui.text.dim"));
            }
            return None;
        };
        let Some(trace) = self.trace(&view.facts) else {
            let inside = frame::pane(area, buf, view, &shown.asked.title(), "");
            let source = Source::part::<Traced>(&shown.key);
            frame::emptiness(inside, buf, view, &source, "There is no way to show.");
            return None;
        };
        let at = self.selected(&view.facts).map_or(0, |(at, _)| at);
        draw::draw(area, buf, view, &shown.asked.title(), trace, at);
        None
    }
}

const TRACE: &[&str] = &["trace"];

/// This view.
pub static ENTRY: Entry = Entry {
    name: "trace",
    commands: &[
        Command::new(
            "view.trace",
            "trace",
            "Find out why one thing does not reach another",
            &["global"],
        ),
        Command::new(
            "trace.ask",
            "ask",
            "Say from where to where, and what",
            TRACE,
        )
        .hint(1),
        Command::new("trace.turn", "turn", "Ask for the other direction", TRACE).hint(4),
        Command::new(
            "trace.mend",
            "mend",
            "Do what would let it pass here; it is shown first",
            TRACE,
        )
        .mutating()
        .hint(2),
    ],
    offered: |session| session.extended && session.is_admin(),
    open: |_| Box::new(Traces::empty()),
    kind: "",
    objects: |_, _| {},
    show: |_, _| None,
};
