//! Writes what is in memory, derives minutes and hours, and forgets what is old.

use std::time::Duration;

use futures::FutureExt;

use crate::context::Context;
use crate::db::{Conn, DbResult};
use crate::error::Result;
use crate::ids::Time;
use crate::reconcile::Periodic;
use crate::telemetry::chunk::{Chunk, Grain};
use crate::telemetry::store;

/// Resources written in one transaction, so that others get their turn.
const BATCH: usize = 200;

/// Recurring work, of one control process for all.
pub fn periodic() -> Vec<Periodic> {
    vec![Periodic {
        name: "sample_prune",
        every: Duration::from_secs(60),
        run: |cx| prune(cx).boxed(),
    }]
}

/// Recurring work of each control process: nobody else has what is in its memory.
pub fn own() -> Vec<Periodic> {
    vec![Periodic {
        name: "sample_flush",
        every: Duration::from_secs(15),
        run: |cx| flush(cx).boxed(),
    }]
}

/// Writes everything that changed; finished minutes are rolled up.
pub async fn flush(cx: &Context) -> Result<()> {
    let dirty = cx.meters.take_dirty();
    for batch in dirty.chunks(BATCH) {
        let mut tx = cx.db.begin().await?;
        // Samples of one resource may reach several processes, and each merges with what is stored.
        tx.take_turn("samples").await?;
        for (key, finished, present) in batch {
            for chunk in finished {
                store_and_roll_up(&mut tx, key, chunk.clone()).await?;
            }
            merge(&mut tx, key, present.clone()).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Writes a chunk together with what is stored of it, and derives the coarser ones from the result.
async fn store_and_roll_up(conn: &mut Conn, key: &str, chunk: Chunk) -> DbResult<()> {
    let mut whole = merge(conn, key, chunk).await?;
    while let Some(grain) = whole.grain.coarser() {
        let mut coarse = store::read(conn, key, grain, grain.chunk_start(whole.start))
            .await?
            .unwrap_or_else(|| Chunk::empty(grain, whole.start));
        if let Some(slot) = coarse.slot(whole.start) {
            for meter in 0..crate::telemetry::METERS {
                coarse.set(slot, meter, whole.as_cell(meter));
            }
        }
        store::write(conn, key, &coarse).await?;
        whole = coarse;
    }
    Ok(())
}

async fn merge(conn: &mut Conn, key: &str, mut chunk: Chunk) -> DbResult<Chunk> {
    if let Some(stored) = store::read(conn, key, chunk.grain, chunk.start).await? {
        chunk.fill_from(&stored);
    }
    store::write(conn, key, &chunk).await?;
    Ok(chunk)
}

async fn prune(cx: &Context) -> Result<()> {
    let keep = &cx.config.telemetry;
    // A chunk goes when its newest step is old enough.
    for (grain, seconds, length) in [
        (Grain::Second, keep.keep_seconds, 60),
        (Grain::Minute, keep.keep_minutes, 3600),
        (Grain::Hour, keep.keep_hours, 86_400),
    ] {
        let mut tx = cx.db.begin().await?;
        store::prune(&mut tx, grain, Time::now().plus_seconds(-seconds - length)).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::chunk::Cell;
    use crate::telemetry::meters::Sample;
    use crate::telemetry::wire::{Meter, Resolution, SeriesQuery};
    use crate::telemetry::{METERS, ops};

    #[tokio::test]
    async fn seconds_become_minutes_and_hours_and_a_restart_in_the_middle_loses_nothing_that_was_flushed()
     {
        let (_dir, cloud, _kicks) = crate::context::testing::cloud().await;
        let cx = Context::system(cloud);
        let base = Time::now().0 / 3_600_000_000 * 3600;
        let put = |second: i64, value: f32| {
            let sample = Sample {
                at: Time((base + second) * 1_000_000),
                values: [Some(value); METERS],
                memory_total_mb: 1.0,
                host: "n".into(),
            };
            cx.meters.put("server:a", sample);
        };
        put(0, 1.0);
        flush(&cx).await.unwrap();
        put(30, 3.0);
        put(61, 8.0);
        put(121, 5.0);
        flush(&cx).await.unwrap();
        let mut conn = cx.db.read().await.unwrap();
        let minutes = store::read(&mut conn, "server:a", Grain::Minute, Time(base * 1_000_000))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            minutes.get(0, 0),
            Cell {
                mean: 2.0,
                min: 1.0,
                max: 3.0
            }
        );
        let hours = store::read(
            &mut conn,
            "server:a",
            Grain::Hour,
            Grain::Hour.chunk_start(Time(base * 1_000_000)),
        )
        .await
        .unwrap()
        .unwrap();
        let slot = hours.slot(Time(base * 1_000_000)).unwrap();
        assert_eq!(
            hours.get(slot, 0),
            Cell {
                mean: 5.0,
                min: 1.0,
                max: 8.0
            }
        );
        drop(conn);
        let query = SeriesQuery {
            resolution: Resolution::Second,
            from: Some(Time(base * 1_000_000)),
            to: Some(Time((base + 125) * 1_000_000)),
            meters: "cpu_util".into(),
        };
        let series = ops::series(&cx, "server:a", &query).await.unwrap();
        let means = &series.meter(Meter::CpuUtil).unwrap().mean;
        assert_eq!(
            (means[0], means[1], means[30], means[121]),
            (Some(1.0), None, Some(3.0), Some(5.0))
        );
    }
}
