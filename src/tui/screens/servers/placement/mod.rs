//! Why a server is where it is, or nowhere: each decision of the scheduler, host by host, and the smallest change that
//! would fit.

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::api::wire::{Explanation, FilterVerdict, HostVerdict};
use crate::client::{Client, ClientError};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::overlays::step;
use crate::tui::screens::Screen;
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

/// Adds a decision to a description.
pub fn describe<'a>(doc: &mut Doc<'a>, explanation: &'a Explanation) {
    doc.group("Decision")
        .entry("when", Value::Age(explanation.at));
    let wanted = &explanation.wanted;
    let ram = format::bytes(wanted.memory_mb as f64 * 1_048_576.0);
    doc.entry(
        "wanted",
        Value::owned(format!(
            "{} vCPU, {ram} memory, {} GiB disk",
            wanted.vcpus, wanted.disk_gb
        )),
    );
    doc.entry(
        "zone",
        Value::maybe(wanted.availability_zone.as_deref(), Value::text),
    );
    match &explanation.chosen {
        Some(host) => doc.entry("chosen", Value::State(Mood::Good, host.as_str().into())),
        None => doc.entry("chosen", Value::State(Mood::Bad, "no host".into())),
    };
    doc.entry("then", Value::owned(explanation.alternates.join(", ")));
    doc.entry("left out", Value::owned(explanation.excluded.join(", ")));
    if let Some(suggestion) = &explanation.suggestion {
        doc.entry("would fit", Value::text(&suggestion.message));
    }
    doc.group("Hosts");
    for host in &explanation.hosts {
        doc.entry(&host.host, verdict(host));
    }
}

fn verdict(host: &HostVerdict) -> Value<'static> {
    if host.passed {
        let rank = host
            .rank
            .map(|rank| format!("rank {rank}, "))
            .unwrap_or_default();
        let weight = host.weight.unwrap_or_default();
        let parts: Vec<String> = host
            .weights
            .iter()
            .filter(|weight| weight.score.abs() >= 0.005)
            .map(|weight| {
                format!(
                    "{} {:+.2}",
                    weight.weigher.trim_end_matches("Weigher"),
                    weight.score
                )
            })
            .collect();
        let mut text = format!("{rank}weight {weight:.2}");
        if !parts.is_empty() {
            text.push_str(&format!(" ({})", parts.join(", ")));
        }
        return Value::State(Mood::Good, text.into());
    }
    let refused = host.filters.iter().find(|filter| !filter.passed);
    let text = refused.map_or_else(|| "refused".to_owned(), refusal);
    Value::State(Mood::Bad, text.into())
}

/// `RamFilter: wanted 4096 MiB, 512 MiB left`.
fn refusal(filter: &FilterVerdict) -> String {
    let name = &filter.filter;
    let unit = filter.unit.as_deref().unwrap_or_default();
    match (filter.wanted, filter.available, &filter.reason) {
        (Some(wanted), Some(left), _) => {
            let missing = format::number(wanted - left);
            format!(
                "{name}: wanted {} {unit}, {} left, {missing} missing",
                format::number(wanted),
                format::number(left)
            )
        }
        (_, _, Some(reason)) => format!("{name}: {reason}"),
        _ => name.clone(),
    }
}

/// The tab.
pub struct Placement {
    id: String,
    offset: usize,
    height: usize,
}

impl Placement {
    /// The decisions about the server `id`.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            offset: 0,
            height: 1,
        }
    }

    fn doc<'a>(&self, facts: &Facts<'a>) -> Doc<'a> {
        let mut doc = Doc::default();
        if let Some(explained) = facts.data.part::<Explained>(&self.id) {
            for explanation in &explained.0 {
                describe(&mut doc, explanation);
            }
        }
        doc
    }
}

impl Screen for Placement {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        vec!["placement".to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["detail"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::part::<Explained>(&self.id)]
    }

    fn on(&mut self, command: &'static Command, _cx: &mut Cx<'_>) -> bool {
        match step(command.name, self.offset, usize::MAX, self.height) {
            Some(_) if command.name == "bottom" => self.offset += self.height,
            Some(offset) => self.offset = offset,
            None => return false,
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.height = usize::from(area.height).max(1);
        let lines = self.doc(facts).height(area.width, facts);
        self.offset = self.offset.min(lines.saturating_sub(self.height));
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        let doc = self.doc(&view.facts);
        if doc.groups.is_empty() {
            let source = crate::tui::state::data::Source::part::<Explained>(&self.id);
            frame::emptiness(
                area,
                buf,
                view,
                &source,
                "The scheduler has not decided about this server.",
            );
        }
        doc.draw(area, buf, view, self.offset, None);
        None
    }
}
