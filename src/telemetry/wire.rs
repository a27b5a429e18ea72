//! Samples, series and statistics, under `/skydeck/v1`. All times are [`Time`] (UTC microseconds).
//!
//! | request | answer |
//! |---|---|
//! | `GET /samples/latest?all_projects=` | [`SampleBatch`]: the newest rates of all servers and hosts |
//! | `GET /servers/{id}/samples?resolution=&from=&to=&meters=` | [`SeriesBody`] |
//! | `GET /hosts/{name}/samples?…` | [`SeriesBody`] |
//! | `GET /statistics?meter=&group_by=&from=&to=` | [`StatisticsBody`] |
//! | `GET /top?meter=&count=&all_projects=` | [`TopBody`] |
//!
//! A gap in a series is `null`: the server was off or nobody measured. It is never zero and never filled in.

use serde::{Deserialize, Serialize};

use crate::ids::Time;

/// A quantity that is measured. Names are Ceilometer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Meter {
    /// Processor use in percent of all of the server's (or host's) processors together, 0 to 100.
    #[serde(rename = "cpu_util")]
    CpuUtil,
    /// Memory in use in MiB.
    #[serde(rename = "memory.usage")]
    MemoryUsage,
    /// Bytes per second read from all disks.
    #[serde(rename = "disk.device.read.bytes.rate")]
    DiskRead,
    /// Bytes per second written to all disks.
    #[serde(rename = "disk.device.write.bytes.rate")]
    DiskWrite,
    /// Read requests per second of all disks.
    #[serde(rename = "disk.device.read.requests.rate")]
    DiskReadRequests,
    /// Write requests per second of all disks.
    #[serde(rename = "disk.device.write.requests.rate")]
    DiskWriteRequests,
    /// Bytes per second received on all interfaces.
    #[serde(rename = "network.incoming.bytes.rate")]
    NetIn,
    /// Bytes per second sent on all interfaces.
    #[serde(rename = "network.outgoing.bytes.rate")]
    NetOut,
}

impl Meter {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CpuUtil,
        Self::MemoryUsage,
        Self::DiskRead,
        Self::DiskWrite,
        Self::DiskReadRequests,
        Self::DiskWriteRequests,
        Self::NetIn,
        Self::NetOut,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuUtil => "cpu_util",
            Self::MemoryUsage => "memory.usage",
            Self::DiskRead => "disk.device.read.bytes.rate",
            Self::DiskWrite => "disk.device.write.bytes.rate",
            Self::DiskReadRequests => "disk.device.read.requests.rate",
            Self::DiskWriteRequests => "disk.device.write.requests.rate",
            Self::NetIn => "network.incoming.bytes.rate",
            Self::NetOut => "network.outgoing.bytes.rate",
        }
    }

    /// The meter with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meter| meter.name() == name)
    }

    /// `%`, `MiB`, `B/s`, `request/s`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::CpuUtil => "%",
            Self::MemoryUsage => "MiB",
            Self::DiskReadRequests | Self::DiskWriteRequests => "request/s",
            Self::DiskRead | Self::DiskWrite | Self::NetIn | Self::NetOut => "B/s",
        }
    }
}

/// Length of a step of a series.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Resolution {
    /// One second, kept for ten minutes.
    #[default]
    #[serde(rename = "1s")]
    Second,
    /// One minute, kept for a day.
    #[serde(rename = "1m")]
    Minute,
    /// One hour, kept for a year.
    #[serde(rename = "1h")]
    Hour,
}

impl Resolution {
    /// The step in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    /// How long steps are kept, in seconds.
    pub fn kept_seconds(self) -> u64 {
        match self {
            Self::Second => 600,
            Self::Minute => 86_400,
            Self::Hour => 366 * 86_400,
        }
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "1s",
            Self::Minute => "1m",
            Self::Hour => "1h",
        }
    }
}

/// The newest rates of a server or host. A rate is absent until it was measured twice, and for a server that is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// Percent of all its processors, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_util: Option<f32>,
    /// Memory in use in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<f32>,
    /// Memory it has in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total_mb: Option<f32>,
    /// Bytes per second read from disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_read: Option<f32>,
    /// Bytes per second written to disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_write: Option<f32>,
    /// Bytes per second received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_rx: Option<f32>,
    /// Bytes per second sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_tx: Option<f32>,
}

impl Rates {
    /// The value of a meter, if it is among these.
    pub fn get(&self, meter: Meter) -> Option<f32> {
        match meter {
            Meter::CpuUtil => self.cpu_util,
            Meter::MemoryUsage => self.memory_mb,
            Meter::DiskRead => self.disk_read,
            Meter::DiskWrite => self.disk_write,
            Meter::NetIn => self.net_rx,
            Meter::NetOut => self.net_tx,
            Meter::DiskReadRequests | Meter::DiskWriteRequests => None,
        }
    }
}

/// A server's newest rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerRates {
    /// The server.
    pub id: String,
    /// The rates.
    #[serde(flatten)]
    pub rates: Rates,
}

/// A host's newest rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostRates {
    /// The host's name.
    pub host: String,
    /// The rates of the whole machine, guests and the rest.
    #[serde(flatten)]
    pub rates: Rates,
    /// GiB used of the file system under the guests' disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_used_gb: Option<f32>,
    /// Its size in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_total_gb: Option<f32>,
}

/// What was measured last. In the events stream a batch holds what is new since the one before, often one host's
/// servers only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SampleBatch {
    /// When.
    pub at: Time,
    /// Servers.
    pub servers: Vec<ServerRates>,
    /// Hosts (for administrators).
    pub hosts: Vec<HostRates>,
}

/// Query of a series. `from` and `to` are [`Time`]; left out, everything that is kept at the resolution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeriesQuery {
    /// Length of a step.
    pub resolution: Resolution,
    /// First time wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Time to stop before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Names of meters, separated by commas; all when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meters: String,
}

/// One meter over time; all lists have the same length, one entry for each step from [`Series::start`] on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterSeries {
    /// The meter.
    pub meter: Meter,
    /// Mean over the step; the value itself at one second.
    #[serde(default)]
    pub mean: Vec<Option<f32>>,
    /// Least in the step; empty at one second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub min: Vec<Option<f32>>,
    /// Most in the step; empty at one second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub max: Vec<Option<f32>>,
}

/// The meters of one server or host over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Series {
    /// The server's id or the host's name.
    pub resource: String,
    /// Length of a step.
    pub resolution: Resolution,
    /// Beginning of the first step.
    pub start: Time,
    /// One for each meter that was asked for and measured.
    pub meters: Vec<MeterSeries>,
}

impl Series {
    /// The series of one meter.
    pub fn meter(&self, meter: Meter) -> Option<&MeterSeries> {
        self.meters.iter().find(|series| series.meter == meter)
    }
}

/// `{"series": {…}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesBody {
    /// The series.
    pub series: Series,
}

/// How statistics are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// One row for all.
    #[default]
    None,
    /// One row for each server.
    Server,
    /// One row for each host.
    Host,
    /// One row for each project.
    Project,
}

/// Query of statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsQuery {
    /// What was measured.
    pub meter: Meter,
    /// Rows.
    #[serde(default)]
    pub group_by: GroupBy,
    /// First time counted; an hour ago when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Time to stop before; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Every project's, for administrators.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_projects: bool,
}

/// One row of statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Id of the server or project, or name of the host; empty for the row of all.
    pub group: String,
    /// Its name.
    pub name: Option<String>,
    /// Samples counted.
    pub count: u64,
    /// Least.
    pub min: f64,
    /// Most.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Sum.
    pub sum: f64,
    /// Value that 95 of 100 samples do not exceed.
    pub p95: f64,
}

/// `{"statistics": […], …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticsBody {
    /// What was measured.
    pub meter: Meter,
    /// First time counted.
    pub from: Time,
    /// Time stopped before.
    pub to: Time,
    /// The rows.
    #[serde(default)]
    pub statistics: Vec<Statistics>,
}

/// Query of the top list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopQuery {
    /// By what.
    pub meter: Meter,
    /// How many, at most 100; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Every project's, for administrators.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_projects: bool,
}

/// One server of the top list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopEntry {
    /// The server.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its host, for administrators.
    pub host: Option<String>,
    /// Its project.
    pub project_id: String,
    /// The newest value of the meter.
    pub value: f64,
    /// All its newest rates.
    pub rates: Rates,
}

/// `{"top": […], …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopBody {
    /// By what.
    pub meter: Meter,
    /// Most first.
    #[serde(default)]
    pub top: Vec<TopEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_the_json() {
        for meter in Meter::ALL {
            assert_eq!(serde_json::to_value(meter).unwrap(), meter.name());
            assert_eq!(Meter::parse(meter.name()), Some(meter));
        }
        for resolution in [Resolution::Second, Resolution::Minute, Resolution::Hour] {
            assert_eq!(serde_json::to_value(resolution).unwrap(), resolution.name());
        }
    }

    #[test]
    fn rates_lie_flat_beside_the_id_and_unknown_ones_are_left_out() {
        let rates = ServerRates {
            id: "s".into(),
            rates: Rates {
                cpu_util: Some(12.5),
                ..Rates::default()
            },
        };
        let text = serde_json::to_string(&rates).unwrap();
        assert_eq!(text, r#"{"id":"s","cpu_util":12.5}"#);
        assert_eq!(serde_json::from_str::<ServerRates>(&text).unwrap(), rates);
    }
}
