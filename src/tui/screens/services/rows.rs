//! What the view lists, from what clouds tell: agents, control processes, volume services, the bus, the database.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::api::wire::{BusShow, PartHealth, QueueShow, ServiceDetail};
use crate::client::{Client, ClientError};
use crate::compute::wire::ComputeService;
use crate::ids::Time;
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::state::load::{Resource, Row, is_admin};
use crate::volume::wire::VolumeService;

/// Microseconds by which a clock may be off before that is a trouble.
pub const SKEW: i64 = 1_000_000;

/// A process, or a part that all of them need.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// Unique here.
    pub id: String,
    /// Id for the compute API; empty for what it does not switch.
    pub compute_id: String,
    /// What it is: `agent`, `nova-compute`, `database`.
    pub binary: String,
    /// Where it runs.
    pub host: String,
    /// Its zone.
    pub zone: String,
    /// Whether it answers.
    pub up: bool,
    /// Whether it takes new work.
    pub enabled: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Whether an operator said that it is down.
    pub forced_down: bool,
    /// What is wrong with it.
    pub trouble: Option<String>,
    /// What there is to say of it otherwise.
    pub remark: String,
    /// Its version.
    pub version: String,
    /// When it started.
    pub started: Option<Time>,
    /// When it was last heard.
    pub heard: Option<Time>,
    /// How far its clock is ahead, in microseconds.
    pub skew_us: Option<i64>,
    /// Queues, of the bus.
    pub queues: Vec<QueueShow>,
    /// Both, for people.
    #[serde(skip)]
    pub title: String,
}

impl Row for Service {
    const KIND: &'static str = "service";

    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &str {
        &self.title
    }
}

/// `agent on cmp-03`, `database`.
fn title(name: &str, host: &str) -> String {
    match host {
        "" => name.to_owned(),
        host => format!("{name} on {host}"),
    }
}

fn known(time: Time) -> Option<Time> {
    Some(time).filter(|time| time.0 > 0)
}

impl From<ServiceDetail> for Service {
    fn from(told: ServiceDetail) -> Self {
        Self {
            compute_id: match told.kind.as_str() {
                "agent" => told.id.clone(),
                _ => String::new(),
            },
            title: title(&told.kind, &told.host),
            id: format!("{}-{}", told.kind, told.id),
            binary: told.kind,
            host: told.host,
            zone: told.zone,
            up: told.up,
            enabled: told.enabled,
            disabled_reason: told.disabled_reason,
            forced_down: told.forced_down,
            trouble: told.trouble,
            version: told.version,
            started: known(told.started_at),
            heard: known(told.reported_at),
            skew_us: told.skew_us,
            ..Self::default()
        }
    }
}

impl From<ComputeService> for Service {
    fn from(told: ComputeService) -> Self {
        let id = told.id.to_string();
        Self {
            id: format!("compute-{id}"),
            compute_id: match told.binary.as_str() {
                "nova-compute" => id,
                _ => String::new(),
            },
            title: title(&told.binary, &told.host),
            binary: told.binary,
            host: told.host,
            zone: told.zone,
            up: told.state == "up",
            enabled: told.status == "enabled",
            disabled_reason: told.disabled_reason,
            forced_down: told.forced_down.unwrap_or_default(),
            heard: told.updated_at.as_deref().and_then(format::parse_time),
            ..Self::default()
        }
    }
}

impl From<VolumeService> for Service {
    fn from(told: VolumeService) -> Self {
        Self {
            id: format!("volume-{}-{}", told.binary, told.host),
            title: title(&told.binary, &told.host),
            binary: told.binary,
            host: told.host,
            zone: told.zone,
            up: told.state == "up",
            enabled: told.status == "enabled",
            disabled_reason: told.disabled_reason,
            heard: told.updated_at.as_deref().and_then(format::parse_time),
            ..Self::default()
        }
    }
}

fn database(health: PartHealth) -> Service {
    let mut remark = health.kind;
    if let Some(latency) = health.latency_ms {
        remark.push_str(&format!(", answers in {latency:.1} ms"));
    }
    Service {
        id: "database".to_owned(),
        binary: "database".to_owned(),
        title: "database".to_owned(),
        up: health.ok,
        enabled: true,
        trouble: health.trouble,
        remark,
        ..Service::default()
    }
}

fn bus(told: BusShow) -> Service {
    let mut remark = told.kind;
    if let Some(broker) = &told.broker {
        remark.push_str(&format!(" at {broker}"));
    }
    remark.push_str(&format!(", {}", format::count(told.queues.len(), "queue")));
    let waiting: u64 = told.queues.iter().map(|queue| queue.messages).sum();
    let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
    remark.push_str(&match waiting {
        0 => ", nothing waits".to_owned(),
        1 => ", 1 message waits".to_owned(),
        many => format!(", {many} messages wait"),
    });
    Service {
        id: "bus".to_owned(),
        binary: "bus".to_owned(),
        title: "bus".to_owned(),
        up: told.connected,
        enabled: true,
        trouble: told.trouble,
        remark,
        started: known(told.since),
        queues: told.queues,
        ..Service::default()
    }
}

impl Resource for Service {
    const EVERY: i64 = 5;
    const HAS_EVENTS: bool = false;

    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>> {
        Box::pin(async move {
            let mut all: Vec<Self>;
            if client.supports_skydeck().await? {
                let told = client.service_detail_list().await?;
                all = told.into_iter().map(Self::from).collect();
                let summary = client.summary_show(is_admin(&client).await?).await?;
                all.extend(summary.database.map(database));
                all.push(bus(client.bus_show().await?));
            } else {
                let told = client.compute_service_list().await?;
                all = told.into_iter().map(Self::from).collect();
            }
            // A cloud without volumes has no such services; that is no failure of this view.
            if let Ok(told) = client.volume_service_list().await {
                all.extend(told.into_iter().map(Self::from));
            }
            Ok(all)
        })
    }
}

impl Service {
    /// Why the compute API does not switch it, if it does not.
    pub fn unswitched(&self) -> Option<&'static str> {
        self.compute_id
            .is_empty()
            .then_some("only agents of hosts are switched")
    }

    /// Whether its clock is off.
    fn is_off(&self) -> bool {
        self.skew_us.is_some_and(|skew| skew.abs() > SKEW)
    }

    /// What is said of it in a line, the worst first.
    pub fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.trouble.clone());
        if self.is_off() {
            words.extend(self.skew_us.map(skew_words));
        }
        words.extend(self.disabled_reason.clone());
        words.extend(Some(self.remark.clone()).filter(|remark| !remark.is_empty()));
        words.join("; ")
    }
}

/// `clock 2.4 s ahead`.
pub fn skew_words(skew_us: i64) -> String {
    let side = if skew_us < 0 { "behind" } else { "ahead" };
    format!(
        "clock {} {side}",
        format::millis(skew_us.unsigned_abs() / 1_000)
    )
}

/// What its state means, and its word.
pub fn mood(row: &Service) -> (Mood, &'static str) {
    if row.forced_down {
        return (Mood::Bad, "forced down");
    }
    match (row.up, row.enabled) {
        (false, _) => (Mood::Bad, "down"),
        (true, _) if row.trouble.is_some() => (Mood::Bad, "in trouble"),
        (true, false) => (Mood::Warn, "disabled"),
        (true, true) if row.is_off() => (Mood::Warn, "clock off"),
        (true, true) => (Mood::Good, "up"),
    }
}

/// What the state of a queue means, and its words.
pub fn queue_words(queue: &QueueShow) -> (Mood, String) {
    /// Messages that may wait for a moment.
    const LAG: u64 = 100;
    let mood = match (queue.consumers, queue.messages) {
        (0, _) => Mood::Bad,
        (_, messages) if messages > LAG => Mood::Warn,
        _ => Mood::Good,
    };
    let takers = match queue.consumers {
        0 => "nobody takes from it".to_owned(),
        count => format::count(usize::try_from(count).unwrap_or(usize::MAX), "consumer"),
    };
    let own = if queue.served {
        ", this process too"
    } else {
        ""
    };
    (mood, format!("{} wait, {takers}{own}", queue.messages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told() {
        let mut row = Service {
            up: true,
            enabled: true,
            skew_us: Some(-900_000),
            ..Service::default()
        };
        assert_eq!(mood(&row), (Mood::Good, "up"));
        assert_eq!(row.words(), "");
        row.skew_us = Some(-2_400_000);
        assert_eq!(mood(&row), (Mood::Warn, "clock off"));
        assert_eq!(row.words(), "clock 2.4 s behind");
        row.forced_down = true;
        assert_eq!(mood(&row).1, "forced down");
    }
}
