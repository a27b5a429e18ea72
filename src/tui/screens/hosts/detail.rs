//! One host: what it has and gives, its charts, its guests.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::compute::wire::Hypervisor;
use crate::telemetry::wire::Meter;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format;
use crate::tui::keys::Key;
use crate::tui::screens::action::{self, Performed};
use crate::tui::screens::detail::Detail;
use crate::tui::screens::servers::{self, metrics};
use crate::tui::screens::{Offer, Screen, tabbed};
use crate::tui::state::load::Need;
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::doc::Doc;

use super::{SPEC, mood, name, rate, share};

/// Describes a host.
pub fn describe<'a>(row: &'a Hypervisor, facts: &Facts<'a>) -> Doc<'a> {
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Host")
        .entry("name", Value::text(name(row)))
        .entry("status", Value::State(mood, word.into()))
        .entry("takes servers", Value::flag(row.status != "disabled"));
    let reason = row
        .service
        .as_ref()
        .and_then(|service| service.disabled_reason.as_deref());
    doc.entry("because", Value::maybe(reason, Value::text))
        .entry("servers", Value::Number(super::servers(row, facts)))
        .entry("address", Value::maybe(row.host_ip.as_deref(), Value::text))
        .entry(
            "hypervisor",
            Value::maybe(row.hypervisor_type.as_deref(), Value::text),
        )
        .entry("version", Value::maybe(row.hypervisor_version, version))
        .entry(
            "uptime",
            Value::maybe(row.uptime.as_ref().and_then(Option::as_deref), |text| {
                Value::text(text.trim())
            }),
        )
        .entry("id", Value::owned(row.id.to_string()));
    doc.group("Given to servers")
        .entry("processors", super::of(row.vcpus_used, row.vcpus))
        .entry(
            "",
            Value::maybe(share(row.vcpus_used, row.vcpus), Value::Progress),
        )
        .entry("memory, MiB", super::of(row.memory_mb_used, row.memory_mb))
        .entry(
            "",
            Value::maybe(share(row.memory_mb_used, row.memory_mb), Value::Progress),
        )
        .entry("disk, GiB", super::of(row.local_gb_used, row.local_gb))
        .entry(
            "",
            Value::maybe(share(row.local_gb_used, row.local_gb), Value::Progress),
        );
    usage(&mut doc, row, facts);
    if let Some(cpu) = row.cpu_info.as_ref().and_then(serde_json::Value::as_object) {
        doc.group("Processor");
        for key in ["model", "vendor", "arch"] {
            doc.entry(
                key,
                Value::maybe(
                    cpu.get(key).and_then(serde_json::Value::as_str),
                    Value::text,
                ),
            );
        }
    }
    doc
}

fn usage<'a>(doc: &mut Doc<'a>, row: &'a Hypervisor, facts: &Facts<'a>) {
    let Some(gauge) = facts.data.meters.host(name(row)) else {
        return;
    };
    let mebibytes = |value: f32| format::bytes(f64::from(value) * 1_048_576.0);
    let memory = gauge.rates.memory_mb.zip(gauge.rates.memory_total_mb);
    let memory = memory.map(|(used, total)| format!("{} of {}", mebibytes(used), mebibytes(total)));
    let disk = gauge
        .disk_gb
        .map(|(used, total)| format!("{used:.0} of {total:.0} GiB"));
    doc.group("Really used, now")
        .entry(
            "cpu",
            Value::maybe(rate(row, facts, Meter::CpuUtil), Value::Percent),
        )
        .entry("memory", Value::maybe(memory, Value::owned))
        .entry("disk", Value::maybe(disk, Value::owned))
        .entry(
            "disk read",
            Value::maybe(rate(row, facts, Meter::DiskRead), Value::Rate),
        )
        .entry(
            "disk write",
            Value::maybe(rate(row, facts, Meter::DiskWrite), Value::Rate),
        )
        .entry(
            "net in",
            Value::maybe(rate(row, facts, Meter::NetIn), Value::Rate),
        )
        .entry(
            "net out",
            Value::maybe(rate(row, facts, Meter::NetOut), Value::Rate),
        );
}

fn version(number: i64) -> Value<'static> {
    Value::owned(format!(
        "{}.{}.{}",
        number / 1_000_000,
        number / 1_000 % 1_000,
        number % 1_000
    ))
}

const TABS: [&str; 3] = ["info", "metrics", "servers"];

/// A host with its tabs.
struct Tabs {
    id: String,
    at: usize,
    screen: Box<dyn Screen>,
}

/// Opens a host by its name.
pub fn open(id: &str) -> Option<Box<dyn Screen>> {
    Some(Box::new(Tabs {
        id: id.to_owned(),
        at: 0,
        screen: make(0, id)?,
    }))
}

fn make(at: usize, id: &str) -> Option<Box<dyn Screen>> {
    match TABS[at] {
        "info" => Detail::open(&SPEC, id),
        "metrics" => Some(Box::new(metrics::Metrics::new(metrics::Of::Host, id))),
        _ => Some(servers::of_host(id)),
    }
}

impl Screen for Tabs {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        let tab = match TABS[self.at] {
            "metrics" => self.screen.path(facts).join(" "),
            tab => tab.to_owned(),
        };
        vec!["hosts".to_owned(), self.id.clone(), tab]
    }

    fn contexts(&self) -> Vec<&'static str> {
        let mut contexts = self.screen.contexts();
        if !self.screen.is_typing() {
            contexts.extend(["hosts", "tabs"]);
            contexts.dedup();
        }
        contexts
    }

    fn is_typing(&self) -> bool {
        self.screen.is_typing()
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = (SPEC.needs)();
        needs.extend(self.screen.needs());
        needs
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let missing = tabbed::number(command).is_some_and(|tab| tab >= TABS.len());
        if missing
            || matches!(
                command.name,
                "hosts.heat" | "hosts.measure" | "left" | "right"
            )
        {
            return Offer::Hidden;
        }
        if command.name == "menu" {
            return Offer::Yes;
        }
        let targets: Vec<&Hypervisor> =
            facts.data.get::<Hypervisor>(&self.id).into_iter().collect();
        action::offer(SPEC.actions, command, &targets)
            .unwrap_or_else(|| self.screen.offer(command, facts))
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        let count = TABS.len();
        let to = match command.name {
            "tab.next" => Some((self.at + 1) % count),
            "tab.previous" => Some((self.at + count - 1) % count),
            "host.servers" => Some(2),
            _ => tabbed::number(command),
        };
        if let Some(to) = to {
            if let Some(screen) = TABS.get(to).and_then(|_| make(to, &self.id)) {
                self.at = to;
                self.screen = screen;
            }
            return true;
        }
        if self.screen.on(command, cx) {
            return true;
        }
        let facts = cx.facts;
        let targets: Vec<&Hypervisor> =
            facts.data.get::<Hypervisor>(&self.id).into_iter().collect();
        action::perform(SPEC.actions, command, &targets, SPEC.noun, cx) != Performed::Unknown
    }

    fn key(&mut self, key: Key, cx: &mut Cx<'_>) {
        self.screen.key(key, cx);
    }

    fn paste(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.screen.paste(text, cx);
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.screen.settle(tabbed::below(area), facts);
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        tabbed::draw(area, buf, view, &TABS, self.at);
        self.screen.draw(tabbed::below(area), buf, view)
    }
}
