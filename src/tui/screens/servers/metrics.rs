//! A server's processor, memory, disk and network over ten minutes, a day or a year.

use std::borrow::Cow;
use std::sync::Arc;

use futures::future::BoxFuture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::client::{Client, ClientError};
use crate::telemetry::wire::{Meter, Resolution, Series, SeriesQuery};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::format;
use crate::tui::screens::Screen;
use crate::tui::state::data::Source;
use crate::tui::state::load::{Need, Part};
use crate::tui::view::{Facts, View};
use crate::tui::widgets::chart::{Chart, Line};
use crate::tui::widgets::frame;

/// The series of a server at a step of `STEP` seconds.
pub struct ServerSeries<const STEP: u64>(pub Series);

impl<const STEP: u64> Part for ServerSeries<STEP> {
    const KIND: &'static str = match STEP {
        1 => "server.seconds",
        60 => "server.minutes",
        _ => "server.hours",
    };
    const EVERY: i64 = match STEP {
        1 => 2,
        60 => 30,
        _ => 600,
    };

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let query = SeriesQuery {
                resolution: resolution(STEP),
                ..SeriesQuery::default()
            };
            client.server_sample_list(&id, &query).await.map(Self)
        })
    }
}

/// The series of a host at a step of `STEP` seconds.
pub struct HostSeries<const STEP: u64>(pub Series);

impl<const STEP: u64> Part for HostSeries<STEP> {
    const KIND: &'static str = match STEP {
        1 => "host.seconds",
        60 => "host.minutes",
        _ => "host.hours",
    };
    const EVERY: i64 = ServerSeries::<STEP>::EVERY;

    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move {
            let query = SeriesQuery {
                resolution: resolution(STEP),
                ..SeriesQuery::default()
            };
            client.host_sample_list(&id, &query).await.map(Self)
        })
    }
}

fn resolution(step: u64) -> Resolution {
    match step {
        1 => Resolution::Second,
        60 => Resolution::Minute,
        _ => Resolution::Hour,
    }
}

/// What is charted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A server, by id.
    Server,
    /// A host, by name.
    Host,
}

/// The charts of one server or host.
pub struct Metrics {
    of: Of,
    id: String,
    resolution: Resolution,
}

impl Metrics {
    /// The charts of `id`.
    pub fn new(of: Of, id: &str) -> Self {
        Self {
            of,
            id: id.to_owned(),
            resolution: Resolution::Second,
        }
    }

    fn need(&self) -> Need {
        match (self.of, self.resolution) {
            (Of::Server, Resolution::Second) => Need::part::<ServerSeries<1>>(&self.id),
            (Of::Server, Resolution::Minute) => Need::part::<ServerSeries<60>>(&self.id),
            (Of::Server, Resolution::Hour) => Need::part::<ServerSeries<3600>>(&self.id),
            (Of::Host, Resolution::Second) => Need::part::<HostSeries<1>>(&self.id),
            (Of::Host, Resolution::Minute) => Need::part::<HostSeries<60>>(&self.id),
            (Of::Host, Resolution::Hour) => Need::part::<HostSeries<3600>>(&self.id),
        }
    }

    fn series<'a>(&self, facts: &Facts<'a>) -> Option<&'a Series> {
        let data = facts.data;
        match (self.of, self.resolution) {
            (Of::Server, Resolution::Second) => {
                data.part::<ServerSeries<1>>(&self.id).map(|part| &part.0)
            }
            (Of::Server, Resolution::Minute) => {
                data.part::<ServerSeries<60>>(&self.id).map(|part| &part.0)
            }
            (Of::Server, Resolution::Hour) => data
                .part::<ServerSeries<3600>>(&self.id)
                .map(|part| &part.0),
            (Of::Host, Resolution::Second) => {
                data.part::<HostSeries<1>>(&self.id).map(|part| &part.0)
            }
            (Of::Host, Resolution::Minute) => {
                data.part::<HostSeries<60>>(&self.id).map(|part| &part.0)
            }
            (Of::Host, Resolution::Hour) => {
                data.part::<HostSeries<3600>>(&self.id).map(|part| &part.0)
            }
        }
    }

    /// Goes to a longer or shorter time; whether there is one.
    pub fn zoom(&mut self, longer: bool) {
        self.resolution = match (self.resolution, longer) {
            (Resolution::Second, true) | (Resolution::Hour, false) => Resolution::Minute,
            (Resolution::Minute | Resolution::Hour, true) => Resolution::Hour,
            (Resolution::Minute | Resolution::Second, false) => Resolution::Second,
        };
    }
}

/// The means of a meter; gaps as `NaN`.
fn means(series: &Series, meter: Meter) -> Vec<f32> {
    series.meter(meter).map_or_else(Vec::new, |meter| {
        meter
            .mean
            .iter()
            .map(|value| value.unwrap_or(f32::NAN))
            .collect()
    })
}

/// Draws the four charts of a series, two beside each other where there is room.
pub fn draw_series(area: Rect, buf: &mut Buffer, view: &View<'_>, series: &Series) {
    type Words = fn(f64) -> String;
    type Spec<'a> = (
        &'a str,
        Words,
        Option<f32>,
        &'a [(&'a str, &'static str, Meter)],
    );
    let specs: [Spec<'_>; 4] = [
        (
            "CPU",
            format::percent,
            Some(100.0),
            &[("cpu", "chart.1", Meter::CpuUtil)],
        ),
        (
            "Memory",
            |mib| format::bytes(mib * 1_048_576.0),
            None,
            &[("memory", "chart.2", Meter::MemoryUsage)],
        ),
        (
            "Disk",
            format::rate,
            None,
            &[
                ("read", "chart.1", Meter::DiskRead),
                ("write", "chart.3", Meter::DiskWrite),
            ],
        ),
        (
            "Network",
            format::rate,
            None,
            &[
                ("in", "chart.1", Meter::NetIn),
                ("out", "chart.4", Meter::NetOut),
            ],
        ),
    ];
    let wide = area.width >= 70;
    let (columns, rows) = if wide { (2, 2) } else { (1, 4) };
    let (width, height) = (area.width / columns, area.height / rows);
    let step = i64::try_from(series.resolution.seconds()).unwrap_or(1);
    for ((title, words, full, meters), at) in specs.into_iter().zip(0_u16..) {
        let spot = Rect::new(
            area.x + at % columns * width,
            area.y + at / columns * height,
            width.saturating_sub(1),
            height,
        );
        let lines: Vec<Line<'_>> = meters
            .iter()
            .map(|(name, scope, meter)| Line {
                name,
                scope,
                values: Cow::Owned(means(series, *meter)),
            })
            .collect();
        let steps = lines
            .iter()
            .map(|line| line.values.len())
            .max()
            .unwrap_or(0);
        let first = series.start.0 / (step * 1_000_000);
        let chart = Chart {
            title,
            lines,
            full,
            words,
            step,
            last_step: first + i64::try_from(steps).unwrap_or(0) - 1,
            window: window(series.resolution),
        };
        chart.draw(spot, buf, view);
    }
}

/// Steps that a chart shows if there is room.
fn window(resolution: Resolution) -> usize {
    match resolution {
        Resolution::Second => 600,
        Resolution::Minute => 1_440,
        Resolution::Hour => 24 * 365,
    }
}

impl Screen for Metrics {
    fn path(&self, _facts: &Facts<'_>) -> Vec<String> {
        let time = match self.resolution {
            Resolution::Second => "10 minutes",
            Resolution::Minute => "a day",
            Resolution::Hour => "a year",
        };
        vec![format!("metrics, {time}")]
    }

    fn contexts(&self) -> Vec<&'static str> {
        vec!["metrics"]
    }

    fn needs(&self) -> Vec<Need> {
        vec![self.need()]
    }

    fn on(&mut self, command: &'static Command, _cx: &mut Cx<'_>) -> bool {
        match command.name {
            "metrics.longer" => self.zoom(true),
            "metrics.shorter" => self.zoom(false),
            _ => return false,
        }
        true
    }

    fn settle(&mut self, _area: Rect, _facts: &Facts<'_>) {}

    fn draw(&self, area: Rect, buf: &mut Buffer, view: &View<'_>) -> Option<Position> {
        match self.series(&view.facts) {
            Some(series) => draw_series(area, buf, view, series),
            None => {
                let source: Source = self.need().source;
                frame::emptiness(area, buf, view, &source, "Nothing was measured.");
            }
        }
        None
    }
}
