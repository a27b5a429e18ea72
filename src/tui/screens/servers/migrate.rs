//! The forms that move servers to another host: live what runs, cold what is off, or made anew because their host is dead.
//!
//! A host is only a wish: the scheduler's filters are asked in either case, and what they say now is shown beside each
//! host. Of one server that runs, both nodes are asked as well: below the form stands what stands against the move, or what
//! it would take, before anything is begun. The list of moves shows the same beside what it took.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::api::wire::{Explanation, MigrationPlanBody, MigrationPlanRequest, TransferForecast};
use crate::client::{Client, ClientError};

use crate::compute::wire::{
    BlockMigration, Evacuate, Hypervisor, Migrate, MigrateLive, Server, ServerAction,
};
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::screens::action::target;
use crate::tui::screens::hosts;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part};
use crate::tui::value::natural;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;

use super::actions::act;
use super::placement;

/// The choice that leaves it to the scheduler.
const ANY: &str = "*";

/// What would become of a server that had to leave its host; nothing from a cloud that does not tell. What it is a part of
/// is the server, the host it shall go to and how its disks come along, where that was said.
struct WhatIf(Option<MigrationPlanBody>);

impl Part for WhatIf {
    const KIND: &'static str = "server.what-if";
    const EVERY: i64 = 30;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let mut words = id.split(' ');
            let request = MigrationPlanRequest {
                server_id: words.next().unwrap_or_default().to_owned(),
                host: words.next().filter(|host| *host != ANY).map(str::to_owned),
                block_migration: match words.next() {
                    Some("copy") => Some(true),
                    Some("shared") => Some(false),
                    _ => None,
                },
            };
            Ok(Self(match client.supports_skydeck().await? {
                true => Some(client.migration_plan(&request).await?),
                false => None,
            }))
        })
    }
}

/// The key of what would become of exactly this move.
fn exactly(server: &Server, form: &Form) -> String {
    let (host, disks) = (form.value("host"), form.value("block_migration"));
    match (host.as_str(), disks.as_str()) {
        // What the list of hosts is made of, and asked for already.
        ("" | ANY, "" | "auto") => server.id.clone(),
        ("", disks) => format!("{} {ANY} {disks}", server.id),
        (host, disks) => format!("{} {host} {disks}", server.id),
    }
}

/// The form.
struct Move {
    servers: Vec<Server>,
    /// Whether their host is dead, and they are made anew.
    anew: bool,
}

/// Asks where to and how servers are moved; each live or cold by its state.
pub fn migrate(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(rows, false, facts)
}

/// Asks where servers of a dead host are made anew.
pub fn evacuate(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(rows, true, facts)
}

fn open(rows: &[&Server], anew: bool, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let migrate = Move {
        servers: rows.iter().map(|row| (*row).clone()).collect(),
        anew,
    };
    Box::new(FormOverlay::new(Box::new(migrate), facts))
}

impl Move {
    fn act(&self) -> &'static str {
        if self.anew { "Evacuate" } else { "Migrate" }
    }

    fn what(&self) -> String {
        match self.servers.as_slice() {
            [one] => one.name.clone(),
            many => format::count(many.len(), "server"),
        }
    }

    /// How many of them are off, and are moved cold.
    fn off(&self) -> usize {
        self.servers.iter().filter(|server| is_off(server)).count()
    }

    /// What happens to the guests.
    fn way(&self) -> String {
        let (off, all) = (self.off(), self.servers.len());
        let cold =
            "moved cold, with its disk, and stays off; confirm or revert the move afterwards";
        let live = "moved live: the guest goes on running and pauses for a moment at the end";
        match (off, all) {
            (0, 1) => format!("It runs, and is {live}."),
            (1, 1) => format!("It is off, and is {cold}."),
            (0, _) => format!("They run, and each is {live}."),
            (off, all) if off == all => format!("They are off, and each is {cold}."),
            (off, all) => format!(
                "{} that run are moved live, {off} that are off cold.",
                all - off
            ),
        }
    }

    /// The host that all of them are on, if it is one.
    fn source(&self) -> Option<&str> {
        let first = self.servers.first()?.host.as_deref()?;
        let same = |server: &Server| server.host.as_deref() == Some(first);
        self.servers.iter().all(same).then_some(first)
    }

    /// What the scheduler would say now, where it is about one server.
    fn what_if<'a>(&self, facts: &Facts<'a>) -> Option<&'a Explanation> {
        match self.servers.as_slice() {
            [one] => {
                let plan = facts.data.part::<WhatIf>(&one.id)?.0.as_ref()?;
                Some(&plan.explanation)
            }
            _ => None,
        }
    }

    /// What is said of exactly this move, where it is about one server that runs.
    fn outlook_of(&self, form: &Form, facts: &Facts<'_>) -> Vec<String> {
        let [one] = self.servers.as_slice() else {
            return Vec::new();
        };
        if is_off(one) {
            return Vec::new();
        }
        let plan = facts.data.part::<WhatIf>(&exactly(one, form));
        let Some(plan) = plan.and_then(|plan| plan.0.as_ref()) else {
            return Vec::new();
        };
        let mut lines: Vec<String> = plan.problems.clone();
        lines.extend(plan.forecast.as_ref().map(|forecast| {
            let to = plan.explanation.chosen.as_deref().unwrap_or_default();
            forecast_words(to, forecast)
        }));
        lines.extend(
            plan.unknown
                .as_ref()
                .map(|why| format!("What it will take is not known: {why}.")),
        );
        // What would have to be changed so that a host takes it.
        let suggestion = plan.explanation.suggestion.as_ref();
        lines.extend(suggestion.map(|suggestion| suggestion.message.clone()));
        lines
    }

    fn hosts(&self, facts: &Facts<'_>) -> Vec<Choice> {
        let mut up: Vec<&Hypervisor> = facts
            .data
            .rows::<Hypervisor>()
            .iter()
            .filter(|row| row.state == "up" && Some(hosts::name(row)) != self.source())
            .collect();
        up.sort_by(|a, b| natural(hosts::name(a), hosts::name(b)));
        let what_if = self.what_if(facts);
        let now = match what_if.map(|what_if| what_if.chosen.as_deref()) {
            Some(Some(host)) => format!("now {host}"),
            Some(None) => "now no host takes it".to_owned(),
            None => "by its filters and weighers".to_owned(),
        };
        let chosen = Choice::new(ANY, "the scheduler chooses", now);
        let refusal = |host: &str| {
            let verdict = what_if?.hosts.iter().find(|verdict| verdict.host == host)?;
            let words = placement::host::verdict(verdict).1;
            (!verdict.passed).then(|| format!("does not take it. {words}"))
        };
        let named = up.into_iter().map(|row| {
            let host = hosts::name(row);
            let words = refusal(host).unwrap_or_else(|| room(row, facts));
            Choice::new(host, host, words)
        });
        std::iter::once(chosen).chain(named).collect()
    }
}

/// `To cmp-02: about 4.2 s, with a pause of 300 ms: 512 MiB at 110 MiB/s, and the guest writes 2 MiB/s.`
fn forecast_words(to: &str, forecast: &TransferForecast) -> String {
    let bytes = |bytes: u64| format::bytes(bytes as f64);
    let speeds = format!(
        "{} at {}/s, and the guest writes {}/s",
        bytes(forecast.bytes),
        bytes(forecast.link_bps),
        bytes(forecast.dirty_bps)
    );
    if !forecast.converges {
        return format!(
            "To {to}: {speeds}: faster than is sent, so it is slowed down, or ended by the limit of time."
        );
    }
    format!(
        "To {to}: about {}, with a pause of {}: {speeds}.",
        format::millis(forecast.total_ms),
        format::millis(forecast.downtime_ms)
    )
}

/// Whether there is no guest to go on running.
fn is_off(server: &Server) -> bool {
    server.status == "SHUTOFF"
}

/// What helps to choose a host: `takes no new servers, 12 of 64 vCPU, 40% RAM`.
fn room(row: &Hypervisor, facts: &Facts<'_>) -> String {
    let mut words = Vec::new();
    if row.status == "disabled" {
        words.push("takes no new servers".to_owned());
    }
    if let (Some(used), Some(total)) = (row.vcpus_used, row.vcpus) {
        words.push(format!("{used} of {total} vCPU"));
    }
    if let (Some(used), Some(total)) = (row.memory_mb_used, row.memory_mb.filter(|all| *all > 0)) {
        let share = used as f64 / total as f64 * 100.0;
        words.push(format!("{} RAM", format::percent(share)));
    }
    if let Some(cpu) = hosts::cpu(row, facts) {
        words.push(format!("cpu {}", format::percent(cpu)));
    }
    words.join(", ")
}

impl Sheet for Move {
    fn title(&self) -> String {
        format!("{} {}", self.act(), self.what())
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let storage = vec![
            Choice::new("auto", "auto", "copied unless both hosts see them"),
            Choice::new("copy", "copy", "disks are sent to the other host"),
            Choice::new("shared", "shared", "both hosts must see the disks"),
        ];
        let host = Field::choice("host", "To host", "Only hosts that are up")
            .with(ANY)
            .required();
        // Whether the disks of one that is off have to be copied is found out.
        if self.anew || self.off() == self.servers.len() {
            return vec![host];
        }
        vec![
            host,
            Field::choice("block_migration", "Disks", "How they come along")
                .of(storage)
                .with("auto")
                .required(),
        ]
    }

    fn needs(&self, form: &Form) -> Vec<Need> {
        let mut needs = vec![Need::list::<Hypervisor>(), Need::samples()];
        if let [one] = self.servers.as_slice() {
            needs.push(Need::part::<WhatIf>(&one.id));
            if !self.anew && !is_off(one) {
                needs.push(Need::part::<WhatIf>(&exactly(one, form)));
            }
        }
        needs
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        // Who may not see the hosts leaves the choice to the scheduler.
        let asked = facts.data.freshness(&Source::list::<Hypervisor>());
        let refused = asked.is_some_and(|asked| asked.failure.is_some());
        if facts.data.is_loaded::<Hypervisor>() || refused {
            form.offer("host", self.hosts(facts));
        }
    }

    fn outlook(&self, form: &Form, facts: &Facts<'_>) -> Vec<String> {
        let from = self.source().map(|host| format!("From {host}. "));
        if self.anew {
            return vec![format!(
                "{}The host must have been said to be dead (F in services). A root disk that was on it alone is made \
                 anew from its image.",
                from.unwrap_or_default()
            )];
        }
        let disks = match form.value("block_migration").as_str() {
            "copy" => " Disks are sent as well, which takes as long as copying them.",
            _ => "",
        };
        let mut lines = vec![format!("{}{}{disks}", from.unwrap_or_default(), self.way())];
        lines.extend(self.outlook_of(form, facts));
        lines
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let host = Some(form.value("host")).filter(|host| host != ANY);
        if self.anew {
            let requests = self.servers.iter().map(|server| {
                let evacuate = ServerAction::Evacuate(Evacuate { host: host.clone() });
                (target(server), act(server, evacuate))
            });
            let requests: Vec<Prepared> = requests.collect();
            let ask = match self.servers.as_slice() {
                [one] => Ask::Name(one.name.clone()),
                many => Ask::Count(many.len()),
            };
            let along = vec![
                "If the host lives, two guests write to one disk.".to_owned(),
                "What was on the dead host's own disks is lost.".to_owned(),
            ];
            let question = Confirm::new(self.act(), self.what(), along, ask, requests);
            cx.open(Box::new(question));
            return;
        }
        let how = MigrateLive {
            host,
            block_migration: Some(match form.value("block_migration").as_str() {
                "copy" => BlockMigration::Flag(true),
                "shared" => BlockMigration::Flag(false),
                _ => BlockMigration::Word("auto".to_owned()),
            }),
        };
        let all = self.servers.iter();
        let requests: Vec<Prepared> = all
            .map(|server| {
                let request = match is_off(server) {
                    true => cold(server, how.host.clone()),
                    false => live(server, how.clone()),
                };
                (target(server), request)
            })
            .collect();
        cx.act(self.act(), requests);
    }
}

fn cold(server: &Server, host: Option<String>) -> Box<dyn Request> {
    act(server, ServerAction::Migrate(Some(Migrate { host })))
}

fn live(server: &Server, how: MigrateLive) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} migrate {:?}", how.host),
        move |client| async move {
            client.server_migrate_live(&id, how).await?;
            Ok(Done::default())
        },
    )
}
