//! One resource over time.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::Time;
use crate::telemetry::chunk::{Chunk, Grain};
use crate::telemetry::store;
use crate::telemetry::wire::{Meter, MeterSeries, Resolution, Series, SeriesQuery};

/// Most steps that one answer holds.
const MOST: i64 = 9000;

/// The meters of a resource, step by step. Whether the caller may see the resource was checked before.
pub async fn series(cx: &Context, key: &str, query: &SeriesQuery) -> Result<Series> {
    let (grain, kept) = match query.resolution {
        Resolution::Second => (Grain::Second, cx.config.telemetry.keep_seconds),
        Resolution::Minute => (Grain::Minute, cx.config.telemetry.keep_minutes),
        Resolution::Hour => (Grain::Hour, cx.config.telemetry.keep_hours),
    };
    let step = grain.seconds() * 1_000_000;
    let to = query.to.unwrap_or_else(Time::now);
    let from = query.from.unwrap_or_else(|| to.plus_seconds(-kept));
    let start = Time(from.0.div_euclid(step) * step);
    let steps = (to.0 - start.0) / step + 1;
    if !(1..=MOST).contains(&steps) {
        return Err(Error::invalid(
            "from",
            format!(
                "{steps} steps are asked for; at most {MOST} are given: ask for a shorter time or a longer step"
            ),
        ));
    }
    let mut conn = cx.db.read().await?;
    let mut chunks = store::range(&mut conn, key, grain, start, to).await?;
    drop(conn);
    if grain == Grain::Second {
        // The newest seconds are not in the database yet.
        for live in cx.meters.chunks(key) {
            match chunks.iter_mut().find(|chunk| chunk.start == live.start) {
                Some(stored) => {
                    *stored = {
                        let mut whole = live.clone();
                        whole.fill_from(stored);
                        whole
                    }
                }
                None => chunks.push(live),
            }
        }
    }
    let wanted: Vec<Meter> = if query.meters.is_empty() {
        Meter::ALL.to_vec()
    } else {
        query.meters.split(',').filter_map(Meter::parse).collect()
    };
    let meters = wanted
        .into_iter()
        .map(|meter| one(meter, &chunks, start, steps, step, grain))
        .collect();
    Ok(Series {
        resource: key.split_once(':').map_or(key, |(_, id)| id).to_owned(),
        resolution: query.resolution,
        start,
        meters,
    })
}

fn one(
    meter: Meter,
    chunks: &[Chunk],
    start: Time,
    steps: i64,
    step: i64,
    grain: Grain,
) -> MeterSeries {
    let index = Meter::ALL
        .iter()
        .position(|known| *known == meter)
        .unwrap_or(0);
    let cells = (0..steps).map(|number| {
        let at = Time(start.0 + number * step);
        let chunk = chunks.iter().find(|chunk| chunk.slot(at).is_some());
        chunk
            .and_then(|chunk| Some(chunk.get(chunk.slot(at)?, index)))
            .filter(|cell| !cell.mean.is_nan())
    });
    let mut series = MeterSeries {
        meter,
        mean: Vec::new(),
        min: Vec::new(),
        max: Vec::new(),
    };
    for cell in cells {
        series.mean.push(cell.map(|cell| cell.mean));
        if grain != Grain::Second {
            series.min.push(cell.map(|cell| cell.min));
            series.max.push(cell.map(|cell| cell.max));
        }
    }
    series
}
