//! What a project may use, and uses.

use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::compute::wire::QuotaFields;
use crate::identity::wire::Project;
use crate::network::wire::NetworkQuotaFields;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, call};
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::activity::Target;
use crate::tui::state::load::{Need, Part, Row};
use crate::tui::value::Value;
use crate::tui::view::{Facts, View};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;
use crate::tui::widgets::table::Column;
use crate::volume::wire::VolumeQuotaFields;

use super::part_list::{PartList, Shown};
use super::{Entry, Offer, Screen};

/// One thing that is bounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// Its name, as the form has it: `compute.cores`.
    pub key: &'static str,
    /// What it is called.
    pub what: &'static str,
    /// Used.
    pub used: i64,
    /// Most; -1 is no limit.
    pub limit: i64,
}

impl Row for Bound {
    const KIND: &'static str = "quota";

    fn id(&self) -> &str {
        self.key
    }

    fn name(&self) -> &str {
        self.what
    }
}

/// Everything that is bounded for a project.
pub struct Bounds(Vec<Bound>);

impl Shown for Bounds {
    type Row = Bound;

    fn rows(&self) -> &[Bound] {
        &self.0
    }
}

impl Part for Bounds {
    const KIND: &'static str = "quota.bounds";
    const EVERY: i64 = 10;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let compute = client.quota_show(&id).await?;
            let network = client.network_quota_show(&id).await?;
            let volume = client.volume_quota_show(&id).await?;
            let bound = |key, what, used, limit| Bound {
                key,
                what,
                used,
                limit,
            };
            let mut bounds = vec![
                bound(
                    "compute.instances",
                    "servers",
                    compute.instances.in_use,
                    compute.instances.limit,
                ),
                bound(
                    "compute.cores",
                    "processors",
                    compute.cores.in_use,
                    compute.cores.limit,
                ),
                bound(
                    "compute.ram",
                    "memory, MiB",
                    compute.ram.in_use,
                    compute.ram.limit,
                ),
                bound(
                    "compute.key_pairs",
                    "key pairs",
                    compute.key_pairs.in_use,
                    compute.key_pairs.limit,
                ),
                bound(
                    "volume.volumes",
                    "volumes",
                    volume.volumes.in_use,
                    volume.volumes.limit,
                ),
                bound(
                    "volume.gigabytes",
                    "volumes, GiB",
                    volume.gigabytes.in_use,
                    volume.gigabytes.limit,
                ),
            ];
            // What a cloud does not have, it does not bound.
            let networks = [
                ("network.network", "networks", Some(network.network)),
                ("network.subnet", "subnets", Some(network.subnet)),
                ("network.port", "ports", Some(network.port)),
                ("network.router", "routers", network.router),
                ("network.floatingip", "floating IPs", network.floatingip),
                (
                    "network.security_group",
                    "security groups",
                    network.security_group,
                ),
                (
                    "network.security_group_rule",
                    "security group rules",
                    network.security_group_rule,
                ),
                ("network.rbac_policy", "sharing rules", network.rbac_policy),
            ];
            bounds.extend(
                networks.into_iter().filter_map(|(key, what, part)| {
                    Some(bound(key, what, part?.used, part?.limit))
                }),
            );
            Ok(Self(bounds))
        })
    }
}

fn part(row: &Bound) -> Option<f64> {
    (row.limit > 0).then(|| row.used as f64 / row.limit as f64)
}

static COLUMNS: [Column<Bound>; 5] = [
    Column::new("what", (16, 24), 0, |row, _| Value::text(row.what)),
    Column::new("used", (8, 10), 0, |row, _| Value::Number(row.used as f64)),
    Column::new("limit", (9, 10), 0, |row, _| match row.limit {
        -1 => Value::Text("no limit".into()),
        limit => Value::Number(limit as f64),
    }),
    Column::new("left", (8, 10), 0, |row, _| match row.limit {
        -1 => Value::Absent,
        limit => Value::Number((limit - row.used) as f64),
    }),
    Column::new("part", (12, 30), 1, |row, _| {
        Value::maybe(part(row), Value::Progress)
    }),
];

/// The quota of one project.
struct Quotas {
    project: String,
    list: PartList<Bounds>,
}

/// Opens the quota of a project.
pub fn open(project: &str, _facts: &Facts<'_>) -> Option<Box<dyn Screen>> {
    Some(Box::new(Quotas {
        project: project.to_owned(),
        list: PartList::new(
            project,
            "Quota",
            &COLUMNS,
            (4, true),
            "The cloud told of no quota.",
        ),
    }))
}

impl Screen for Quotas {
    fn path(&self, facts: &Facts<'_>) -> Vec<String> {
        let name = facts.data.name_of::<Project>(&self.project);
        vec!["quotas".to_owned(), name.to_owned()]
    }

    fn contexts(&self) -> Vec<&'static str> {
        let mut contexts = vec!["quotas"];
        contexts.extend(self.list.contexts());
        contexts
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = self.list.needs();
        needs.push(Need::list::<Project>());
        needs
    }

    fn offer(&self, command: &Command, facts: &Facts<'_>) -> Offer {
        let known = facts.data.part::<Bounds>(&self.project).is_some();
        match command.name {
            "quota.edit" if !known => Offer::Hidden,
            _ => self.list.offer(command, facts),
        }
    }

    fn on(&mut self, command: &'static Command, cx: &mut Cx<'_>) -> bool {
        if command.name != "quota.edit" {
            return self.list.on(command, cx);
        }
        let facts = cx.facts;
        if let Some(bounds) = facts.data.part::<Bounds>(&self.project) {
            let edit = Edit {
                project: self.project.clone(),
                name: facts.data.name_of::<Project>(&self.project).to_owned(),
                bounds: bounds.0.clone(),
            };
            cx.open(Box::new(FormOverlay::new(Box::new(edit), &facts)));
        }
        true
    }

    fn settle(&mut self, area: Rect, facts: &Facts<'_>) {
        self.list.settle(area, facts);
    }

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        self.list.draw(area, buf, view)
    }
}

struct Edit {
    project: String,
    name: String,
    bounds: Vec<Bound>,
}

impl Edit {
    /// What was changed: the new value, -1 for no limit.
    fn changed(&self, form: &Form, name: &str) -> Option<i64> {
        let before = self.bounds.iter().find(|bound| bound.key == name)?.limit;
        let now = match form.value(name).as_str() {
            "" => -1,
            digits => digits.parse().ok()?,
        };
        (now != before).then_some(now)
    }
}

impl Sheet for Edit {
    fn title(&self) -> String {
        format!("Quota of {}", self.name)
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let fields = self.bounds.iter().map(|bound| {
            let field = Field::number(
                bound.key,
                bound.what,
                "Empty is no limit",
                (0, 1_000_000_000),
                "",
            );
            match bound.limit {
                -1 => field,
                limit => field.with(&limit.to_string()),
            }
        });
        fields.collect()
    }

    fn outlook(&self, form: &Form, _facts: &Facts<'_>) -> Vec<String> {
        let below = self.bounds.iter().filter(|bound| {
            let now = form
                .number(bound.key)
                .and_then(|now| i64::try_from(now).ok());
            now.is_some_and(|now| now < bound.used)
        });
        let names: Vec<&str> = below.map(|bound| bound.what).collect();
        if names.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "Below what is used: {}. What is there stays; nothing can be added.",
            names.join(", ")
        )]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let compute = QuotaFields {
            instances: self.changed(form, "compute.instances"),
            cores: self.changed(form, "compute.cores"),
            ram: self.changed(form, "compute.ram"),
            key_pairs: self.changed(form, "compute.key_pairs"),
            ..QuotaFields::default()
        };
        let volume = VolumeQuotaFields {
            volumes: self.changed(form, "volume.volumes"),
            gigabytes: self.changed(form, "volume.gigabytes"),
            ..VolumeQuotaFields::default()
        };
        let network = NetworkQuotaFields {
            network: self.changed(form, "network.network"),
            subnet: self.changed(form, "network.subnet"),
            port: self.changed(form, "network.port"),
            router: self.changed(form, "network.router"),
            floatingip: self.changed(form, "network.floatingip"),
            security_group: self.changed(form, "network.security_group"),
            security_group_rule: self.changed(form, "network.security_group_rule"),
            rbac_policy: self.changed(form, "network.rbac_policy"),
        };
        let project = self.project.clone();
        let name = format!("quota {project} {compute:?} {volume:?} {network:?}");
        let request = call(name, move |client| async move {
            if compute != QuotaFields::default() {
                client.quota_set(&project, compute).await?;
            }
            if volume != VolumeQuotaFields::default() {
                client.volume_quota_set(&project, volume).await?;
            }
            if network != NetworkQuotaFields::default() {
                client.network_quota_set(&project, network).await?;
            }
            Ok(Done::default())
        });
        let target = Target {
            kind: Bound::KIND,
            id: self.project.clone(),
            name: self.name.clone(),
        };
        cx.act("Change quota", vec![(target, request)]);
    }
}

/// This view, of the operator's own project.
pub static ENTRY: Entry = Entry {
    name: "quotas",
    commands: &[
        Command::new(
            "view.quotas",
            "quotas",
            "Go to what this project may use, and uses",
            &["global"],
        ),
        Command::new(
            "quota.edit",
            "edit",
            "Change what the project may use (administrators)",
            &["quotas"],
        )
        .administrative()
        .hint(20),
    ],
    offered: |session| {
        session
            .who
            .as_ref()
            .is_some_and(|who| who.project_id.is_some())
    },
    open: |facts| {
        let who = facts.session.who.as_ref();
        let project = who
            .and_then(|who| who.project_id.clone())
            .unwrap_or_default();
        Box::new(Quotas {
            list: PartList::new(
                &project,
                "Quota",
                &COLUMNS,
                (4, true),
                "The cloud told of no quota.",
            ),
            project,
        })
    },
    kind: "",
    objects: |_, _| {},
    show: |_, _| None,
};
