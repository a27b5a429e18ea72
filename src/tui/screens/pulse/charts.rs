//! The cloud's processors and traffic over the last minutes.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::telemetry::wire::{Meter, Series};
use crate::tui::format;
use crate::tui::state::meters;
use crate::tui::view::View;
use crate::tui::widgets::chart::{Chart, Line};

use super::super::servers::metrics::HostSeries;

/// Draws the charts, beside each other where there is room for two.
pub fn draw(area: Rect, buf: &mut Buffer, view: &View<'_>, host: Option<&str>) {
    if area.is_empty() {
        return;
    }
    let series = host.and_then(|host| view.facts.data.part::<HostSeries<1>>(host));
    let two = area.width >= 66;
    let width = if two { area.width / 2 } else { area.width };
    let left = Rect {
        width: width - 1,
        ..area
    };
    let right = Rect {
        x: area.x + width,
        width: area.width - width,
        ..area
    };
    match series {
        Some(HostSeries(series)) => {
            cpu(
                series_values(series, Meter::CpuUtil),
                series_last(series),
                1,
                600,
            )
            .draw(left, buf, view);
            if two {
                let (read, write) = (
                    series_values(series, Meter::NetIn),
                    series_values(series, Meter::NetOut),
                );
                traffic(read, write, series_last(series), 1, 600).draw(right, buf, view);
            }
        }
        None => {
            let cloud = view.facts.data.meters.cloud();
            let last = cloud.last_step();
            let window = meters::CLOUD_STEPS;
            cpu(cloud.cpu().to_vec(), last, meters::STEP, window).draw(left, buf, view);
            if two {
                traffic(
                    cloud.net_in().to_vec(),
                    cloud.net_out().to_vec(),
                    last,
                    meters::STEP,
                    window,
                )
                .draw(right, buf, view);
            }
        }
    }
}

fn series_values(series: &Series, meter: Meter) -> Vec<f32> {
    let values = series.meter(meter).map_or(&[][..], |meter| &meter.mean);
    values
        .iter()
        .map(|value| value.unwrap_or(f32::NAN))
        .collect()
}

fn series_last(series: &Series) -> i64 {
    let step = i64::try_from(series.resolution.seconds()).unwrap_or(1);
    let steps = series
        .meters
        .iter()
        .map(|meter| meter.mean.len())
        .max()
        .unwrap_or(0);
    series.start.0 / (step * 1_000_000) + i64::try_from(steps).unwrap_or(0) - 1
}

fn cpu(values: Vec<f32>, last_step: i64, step: i64, window: usize) -> Chart<'static> {
    Chart {
        title: "CPU, all hosts",
        lines: vec![Line {
            name: "cpu",
            scope: "chart.1",
            values: Cow::Owned(values),
        }],
        full: Some(100.0),
        words: format::percent,
        step,
        last_step,
        window,
    }
}

fn traffic(
    incoming: Vec<f32>,
    outgoing: Vec<f32>,
    last_step: i64,
    step: i64,
    window: usize,
) -> Chart<'static> {
    Chart {
        title: "Net",
        lines: vec![
            Line {
                name: "in",
                scope: "chart.2",
                values: Cow::Owned(incoming),
            },
            Line {
                name: "out",
                scope: "chart.4",
                values: Cow::Owned(outgoing),
            },
        ],
        full: None,
        words: format::rate,
        step,
        last_step,
        window,
    }
}
