//! Progress of a long step: rate and remaining time are derived here, from two sightings, and never guessed.

use super::model::Progress;
use super::store;
use crate::context::{Change, Cloud, Event};
use crate::error::Result;
use crate::ids::{OperationId, Time};

/// Weight of the newest rate in the smoothed one.
const SMOOTHING: f64 = 0.3;

/// Records how far an operation's present step has come, and tells watchers.
pub async fn report(
    cloud: &Cloud,
    id: OperationId,
    what: &str,
    done: u64,
    total: Option<u64>,
    unit: &str,
) -> Result<()> {
    let mut tx = cloud.db.begin().await?;
    let Some(operation) = store::show(&mut tx, id).await? else {
        return Ok(());
    };
    let progress = next(
        operation.progress.as_ref(),
        what,
        done,
        total,
        unit,
        Time::now(),
    );
    store::progress(&mut tx, id, &progress).await?;
    tx.commit().await?;
    cloud.events.publish(Event {
        at: progress.at,
        data: serde_json::to_value(&progress).ok(),
        ..Event::new("operation", id, operation.project, Change::Updated)
    });
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rates are for people; a double holds exact bytes up to 9 PB anyway"
)]
fn next(
    before: Option<&Progress>,
    what: &str,
    done: u64,
    total: Option<u64>,
    unit: &str,
    at: Time,
) -> Progress {
    let rate = match before {
        Some(old) if old.what == what && old.at < at && done >= old.done => {
            let seconds = (at.0 - old.at.0) as f64 / 1e6;
            let latest = (done - old.done) as f64 / seconds;
            if old.rate > 0.0 {
                old.rate + SMOOTHING * (latest - old.rate)
            } else {
                latest
            }
        }
        _ => 0.0,
    };
    let eta = total
        .filter(|_| rate > 0.0)
        .map(|total| total.saturating_sub(done) as f64 / rate);
    Progress {
        what: what.to_owned(),
        done,
        total,
        unit: unit.to_owned(),
        rate,
        eta,
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_lowers_the_rate_and_lengthens_the_estimate() {
        let start = next(None, "fetch", 0, Some(1000), "bytes", Time(0));
        let moving = next(
            Some(&start),
            "fetch",
            100,
            Some(1000),
            "bytes",
            Time(1_000_000),
        );
        assert_eq!((moving.rate, moving.eta), (100.0, Some(9.0)));
        let stalled = next(
            Some(&moving),
            "fetch",
            100,
            Some(1000),
            "bytes",
            Time(2_000_000),
        );
        assert!(stalled.rate < moving.rate && stalled.eta > moving.eta);
        let other = next(Some(&stalled), "verify", 5, None, "bytes", Time(3_000_000));
        assert_eq!((other.rate, other.eta), (0.0, None));
    }
}
