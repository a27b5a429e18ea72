//! Why a server is where it is, or nowhere: each decision of the scheduler as a table of hosts by filters, and the
//! selected host in full: what each filter wanted and found, and what each weigher gave it.

pub(super) mod host;

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::{Explanation, HostVerdict, Wanted};
use crate::client::{Client, ClientError};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format::{self, fit};
use crate::tui::glyph::Mood;
use crate::tui::overlays::step;
use crate::tui::screens::{Offer, Screen};
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;
use crate::tui::widgets::frame;

/// Every decision about one server, newest first.
pub struct Explained(pub Vec<Explanation>);

impl Part for Explained {
    const KIND: &'static str = "server.explained";
    const EVERY: i64 = 10;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move { client.server_explain(&id).await.map(Self) })
    }
}

/// What a server needs of its host, in words.
fn wanted_words(wanted: &Wanted) -> String {
    let ram = format::bytes(wanted.memory_mb as f64 * 1_048_576.0);
    let mut text = format!(
        "{} vCPU, {ram} memory, {} GiB disk",
        wanted.vcpus, wanted.disk_gb
    );
    if let Some(zone) = &wanted.availability_zone {
        text.push_str(&format!(", zone {zone}"));
    }
    if let Some(host) = &wanted.host {
        text.push_str(&format!(", on {host}"));
    }
    text
}

/// How many hosts fit, and of how many; an older control process told of those alone that it showed.
fn counts(explanation: &Explanation) -> (usize, usize) {
    let shown = explanation.hosts.len();
    let fit = explanation.hosts.iter().filter(|host| host.passed).count();
    (
        explanation.passed.max(fit),
        explanation.considered.max(shown),
    )
}

/// How many hosts each filter turned down: `AvailabilityZone 7, Ram 1`.
fn refused_words(explanation: &Explanation) -> String {
    let refused = explanation.refused.iter();
    let words: Vec<String> = refused
        .map(|by| format!("{} {}", host::short(&by.filter), by.hosts))
        .collect();
    words.join(", ")
}

/// Adds a decision to a description.
pub fn describe<'a>(doc: &mut Doc<'a>, explanation: &'a Explanation) {
    doc.group("Decision")
        .entry("when", Value::Age(explanation.at))
        .entry("wanted", Value::owned(wanted_words(&explanation.wanted)));
    match &explanation.chosen {
        Some(host) => doc.entry("chosen", Value::State(Mood::Good, host.as_str().into())),
        None => doc.entry("chosen", Value::State(Mood::Bad, "no host".into())),
    };
    doc.entry("then", Value::owned(explanation.alternates.join(", ")));
    doc.entry("left out", Value::owned(explanation.excluded.join(", ")));
    if let Some(suggestion) = &explanation.suggestion {
        doc.entry("would fit", Value::text(&suggestion.message));
    }
    let (passed, considered) = counts(explanation);
    let fit = format!("{passed} of {}", format::count(considered, "host"));
    doc.entry("fit", Value::owned(fit));
    doc.entry("turned down", Value::owned(refused_words(explanation)));
    doc.group("Hosts");
    for host in &explanation.hosts {
        let (mood, words) = host::verdict(host);
        doc.entry(&host.host, Value::State(mood, words.into()));
    }
}

/// Names of all filters that were asked, in their order: those of the host that came furthest.
fn filters(explanation: &Explanation) -> Vec<&str> {
    let furthest = explanation
        .hosts
        .iter()
        .max_by_key(|host| host.filters.len());
    furthest.map_or_else(Vec::new, |host| {
        let names = host.filters.iter().map(|filter| filter.filter.as_str());
        names.collect()
    })
}

/// The tab.
pub struct Placement {
    id: String,
    /// Which decision, from the newest.
    decision: usize,
    /// Name of the host with the cursor, and its place.
    host: Option<String>,
    at: usize,
    /// Whether that host alone is shown, and from which of its lines on.
    alone: Option<usize>,
    /// Lines of the table, or of the host that is shown alone.
    height: usize,
    lines: usize,
}

impl Placement {
    /// The decisions about the server `id`.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            decision: 0,
            host: None,
            at: 0,
            alone: None,
            height: 1,
            lines: 0,
        }
    }

    fn all<'a>(&self, facts: &Facts<'a>) -> &'a [Explanation] {
        let explained = facts.data.part::<Explained>(&self.id);
        explained.map_or(&[], |explained| &explained.0)
    }

    fn shown<'a>(&self, facts: &Facts<'a>) -> Option<&'a Explanation> {
        self.all(facts).get(self.decision)
    }

    /// Where the table and the host below it lie, under the line that says what was wanted.
    fn split(area: Rect, hosts: usize) -> (Rect, Rect) {
        let rest = area.height.saturating_sub(HEAD);
        let hosts = u16::try_from(hosts + 1).unwrap_or(u16::MAX);
        let table = hosts.min((rest / 2).max(4)).min(rest);
        let y = area.y + area.height.min(HEAD);
        (
            Rect::new(area.x, y, area.width, table),
            Rect::new(area.x, y + table, area.width, rest - table),
        )
    }
}

/// Lines above the table: title, what was wanted, what came of it.
const HEAD: u16 = 3;

impl Screen for Placement {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["placement".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["placement"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::part::<Explained>(&self.id)]
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let all = self.all(facts).len();
        let there = match command.name {
            "placement.older" => self.decision + 1 < all,
            "placement.newer" => self.decision > 0,
            "enter" => self.alone.is_none() && self.host.is_some(),
            "yaml" | "copy-id" => false,
            _ => true,
        };
        if there { Offer::Yes } else { Offer::Hidden }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let facts = cx.facts;
        let all = self.all(&facts).len();
        match (command.name, self.alone) {
            ("placement.older", _) if self.decision + 1 < all => self.decision += 1,
            ("placement.newer", _) if self.decision > 0 => self.decision -= 1,
            ("enter", None) if self.host.is_some() => self.alone = Some(0),
            ("out", Some(_)) => self.alone = None,
            (name, Some(offset)) => {
                let count = self.lines.saturating_sub(self.height) + 1;
                match step(name, offset, count, self.height) {
                    Some(offset) => self.alone = Some(offset),
                    None => return false,
                }
            }
            (name, None) => {
                let hosts = self.shown(&facts).map_or(&[][..], |shown| &shown.hosts);
                match step(name, self.at, hosts.len(), self.height) {
                    Some(at) => self.host = hosts.get(at).map(|host| host.host.clone()),
                    None => return false,
                }
            }
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        let count = self.all(facts).len();
        self.decision = self.decision.min(count.saturating_sub(1));
        let Some(shown) = self.shown(facts) else {
            return;
        };
        let place = |name: &String| shown.hosts.iter().position(|host| host.host == *name);
        let last = shown.hosts.len().saturating_sub(1);
        self.at = self
            .host
            .as_ref()
            .and_then(place)
            .unwrap_or(self.at.min(last));
        self.host = shown.hosts.get(self.at).map(|host| host.host.clone());
        let (table, _) = Self::split(area, shown.hosts.len());
        self.height = usize::from(table.height.saturating_sub(1)).max(1);
        if let (Some(offset), Some(host)) = (self.alone, shown.hosts.get(self.at)) {
            self.height = usize::from(area.height.saturating_sub(1)).max(1);
            let doc = host::describe(host, &filters(shown));
            self.lines = doc.height(area.width.saturating_sub(2), facts);
            self.alone = Some(offset.min(self.lines.saturating_sub(self.height)));
        }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let Some(shown) = self.shown(&view.facts) else {
            let source = Source::part::<Explained>(&self.id);
            let text = "The scheduler has not decided about this server.";
            frame::emptiness(area, buf, view, &source, text);
            return None;
        };
        let filters = filters(shown);
        let host = shown.hosts.get(self.at);
        if let (Some(offset), Some(host)) = (self.alone, host) {
            draw_host(area, buf, view, host, &filters, offset);
            return None;
        }
        draw_head(
            area,
            buf,
            view,
            shown,
            (self.decision, self.all(&view.facts).len()),
        );
        let (table, below) = Self::split(area, shown.hosts.len());
        host::draw_table(table, buf, view, shown, &filters, self.at);
        if let Some(host) = host {
            draw_host(below, buf, view, host, &filters, 0);
        }
        None
    }
}

/// What was wanted and what came of it.
fn draw_head(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    shown: &Explanation,
    (decision, of): (usize, usize),
) {
    let ago = format::span(view.facts.clock.now.0 - shown.at.0);
    let title = format!("Decision {} of {of}, {ago} ago", of - decision);
    let (passed, considered) = counts(shown);
    let note = format!("{passed} of {} fit", format::count(considered, "host"));
    frame::pane(area, buf, view, &title, &note);
    let x = area.x + 1;
    let room = usize::from(area.width.saturating_sub(2));
    let mut line = |y: u16, text: &str, scope: &str| {
        if y < area.bottom() {
            let text = fit(text, room, view.glyphs.ascii);
            buf.set_stringn(x, y, text, room, view.style(scope));
        }
    };
    let mut wanted = format!("wanted  {}", wanted_words(&shown.wanted));
    if !shown.excluded.is_empty() {
        wanted.push_str(&format!("; not {}", shown.excluded.join(", ")));
    }
    line(area.y + 1, &wanted, "ui.text");
    let (mood, mut text) = match &shown.chosen {
        Some(host) => (Mood::Good, format!("{host} was chosen")),
        None => (Mood::Bad, "no host was found".to_owned()),
    };
    if !shown.alternates.is_empty() {
        text.push_str(&format!(", then {}", shown.alternates.join(", ")));
    }
    if let Some(suggestion) = &shown.suggestion {
        text.push_str(&format!("; {}", suggestion.message));
    }
    let refused = refused_words(shown);
    if !refused.is_empty() {
        text.push_str(&format!("; turned down: {refused}"));
    }
    let text = format!("{} {text}", view.glyphs.mood(mood));
    line(area.y + 2, &text, mood.scope());
}

fn draw_host(
    area: Rect,
    buf: &mut Buffer,
    view: &View<'_>,
    host: &HostVerdict,
    filters: &[&str],
    offset: usize,
) {
    if area.is_empty() {
        return;
    }
    let doc = host::describe(host, filters);
    let lines = doc.height(area.width.saturating_sub(2), &view.facts);
    let end = lines.min(offset + usize::from(area.height.saturating_sub(1)));
    let note = match end < lines || offset > 0 {
        true => format!("{}-{end}/{lines}", offset + 1),
        false => String::new(),
    };
    let inside = frame::pane(area, buf, view, &host.host, &note);
    let inside = Rect::new(
        inside.x + 1,
        inside.y,
        inside.width.saturating_sub(2),
        inside.height,
    );
    doc.draw(inside, buf, view, offset, None);
}
