//! The form that moves running servers to another host.
//!
//! A host is only a wish: the scheduler's filters are asked in either case. What it will take is told by the list of
//! moves, once the source has looked at the guest.

use crate::compute::wire::{BlockMigration, Hypervisor, MigrateLive, Server};
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::screens::action::target;
use crate::tui::screens::hosts;
use crate::tui::state::data::Source;
use crate::tui::state::load::Need;
use crate::tui::value::natural;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;

/// The choice that leaves it to the scheduler.
const ANY: &str = "*";

/// The form.
struct Migrate {
    servers: Vec<Server>,
}

/// Asks where to and how.
pub fn open(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    let migrate = Migrate {
        servers: rows.iter().map(|row| (*row).clone()).collect(),
    };
    Box::new(FormOverlay::new(Box::new(migrate), facts))
}

impl Migrate {
    fn what(&self) -> String {
        match self.servers.as_slice() {
            [one] => one.name.clone(),
            many => format::count(many.len(), "server"),
        }
    }

    /// The host that all of them are on, if it is one.
    fn source(&self) -> Option<&str> {
        let first = self.servers.first()?.host.as_deref()?;
        let same = |server: &Server| server.host.as_deref() == Some(first);
        self.servers.iter().all(same).then_some(first)
    }

    fn hosts(&self, facts: &Facts<'_>) -> Vec<Choice> {
        let mut up: Vec<&Hypervisor> = facts
            .data
            .rows::<Hypervisor>()
            .iter()
            .filter(|row| row.state == "up" && Some(hosts::name(row)) != self.source())
            .collect();
        up.sort_by(|a, b| natural(hosts::name(a), hosts::name(b)));
        let chosen = Choice::new(ANY, "the scheduler chooses", "by its filters and weighers");
        let named = up
            .into_iter()
            .map(|row| Choice::new(hosts::name(row), hosts::name(row), room(row, facts)));
        std::iter::once(chosen).chain(named).collect()
    }
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

impl Sheet for Migrate {
    fn title(&self) -> String {
        format!("Migrate {}", self.what())
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let storage = vec![
            Choice::new("auto", "auto", "copied unless both hosts see them"),
            Choice::new("copy", "copy", "disks are sent to the other host"),
            Choice::new("shared", "shared", "both hosts must see the disks"),
        ];
        vec![
            Field::choice("host", "To host", "Only hosts that are up")
                .with(ANY)
                .required(),
            Field::choice("block_migration", "Disks", "How they come along")
                .of(storage)
                .with("auto")
                .required(),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![Need::list::<Hypervisor>(), Need::samples()]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        // Who may not see the hosts leaves the choice to the scheduler.
        let asked = facts.data.freshness(&Source::list::<Hypervisor>());
        let refused = asked.is_some_and(|asked| asked.failure.is_some());
        if facts.data.is_loaded::<Hypervisor>() || refused {
            form.offer("host", self.hosts(facts));
        }
    }

    fn outlook(&self, form: &Form, _facts: &Facts<'_>) -> Vec<String> {
        let from = self.source().map(|host| format!("From {host}. "));
        let disks = match form.value("block_migration").as_str() {
            "copy" => " Its disks are sent as well, which takes as long as copying them.",
            _ => "",
        };
        vec![format!(
            "{}The guest goes on running and pauses for a moment at the end.{disks}",
            from.unwrap_or_default()
        )]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let how = MigrateLive {
            host: Some(form.value("host")).filter(|host| host != ANY),
            block_migration: Some(match form.value("block_migration").as_str() {
                "copy" => BlockMigration::Flag(true),
                "shared" => BlockMigration::Flag(false),
                _ => BlockMigration::Word("auto".to_owned()),
            }),
        };
        let all = self.servers.iter();
        let requests: Vec<Prepared> = all
            .map(|server| (target(server), request(server, how.clone())))
            .collect();
        cx.act("Migrate", requests);
    }
}

fn request(server: &Server, how: MigrateLive) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} migrate {:?}", how.host),
        move |client| async move {
            client.server_migrate_live(&id, how).await?;
            Ok(Done::default())
        },
    )
}
