//! What can be said of a move from its numbers: how much is done, how long it will take, how long it took.
//!
//! Nothing is made up: without a rate, with a guest that writes faster than is sent, or without news there is no estimate.

use crate::api::wire::TransferProgress;
use crate::ids::Time;

use super::Move;

/// Microseconds without news after which nothing is estimated.
pub(super) const STALLED: i64 = 10_000_000;

/// Numbers of one that is being sent.
fn sending(row: &Move) -> Option<&TransferProgress> {
    let progress = &row.detail.progress;
    let known = progress.memory_total > 0 || progress.disk_total > 0;
    (row.detail.status == "running" && known).then_some(progress)
}

/// Numbers of one that is being sent or was.
fn sent(row: &Move) -> Option<&TransferProgress> {
    Some(&row.detail.progress).filter(|progress| progress.memory_total > 0)
}

/// Bytes sent and bytes in all.
pub(super) fn bytes(progress: &TransferProgress) -> (u64, u64) {
    let total = progress.memory_total.saturating_add(progress.disk_total);
    let left = progress
        .memory_remaining
        .saturating_add(progress.disk_remaining);
    (total.saturating_sub(left), total)
}

/// The part that is done, of one under way.
pub(super) fn part(row: &Move) -> Option<f64> {
    let (done, total) = bytes(sending(row)?);
    (total > 0).then(|| done as f64 / total as f64)
}

/// Bytes sent per second now.
pub(super) fn rate(row: &Move) -> Option<f64> {
    let progress = sending(row)?;
    let all = progress.memory_bps.saturating_add(progress.disk_bps);
    (all > 0).then_some(all as f64)
}

/// Bytes that the guest writes per second now.
pub(super) fn dirty(row: &Move) -> Option<f64> {
    Some(sending(row)?.dirty_bps as f64)
}

/// How often all memory was gone through.
pub(super) fn pass(row: &Move) -> Option<f64> {
    let pass = sent(row)?.iteration;
    (pass > 0).then_some(pass as f64)
}

/// Milliseconds of the pause, expected or past.
pub(super) fn pause(row: &Move) -> Option<f64> {
    let pause = sent(row)?.downtime_ms;
    (pause > 0).then_some(pause as f64)
}

/// Whether the guest writes at least as fast as is sent.
pub(super) fn outruns(row: &Move) -> bool {
    sending(row).is_some_and(|progress| {
        progress.memory_bps > 0
            && progress.dirty_bps >= progress.memory_bps
            && !progress.post_copy
            && progress.memory_remaining > 0
    })
}

/// Microseconds without news of one under way, if that is long.
pub(super) fn silence(row: &Move, now: Time) -> Option<i64> {
    let silent = now.0 - row.detail.updated_at.0;
    (row.detail.status == "running" && silent > STALLED).then_some(silent)
}

/// Microseconds that it will take yet.
pub(super) fn left(row: &Move, now: Time) -> Option<i64> {
    let progress = sending(row)?;
    if outruns(row) || silence(row, now).is_some() {
        return None;
    }
    let seconds = |bytes: u64, rate: u64| match bytes {
        0 => Some(0.0),
        bytes => (rate > 0).then(|| bytes as f64 / rate as f64),
    };
    // What is written meanwhile has to be sent again, but for a guest that executes there already.
    let again = if progress.post_copy {
        0
    } else {
        progress.dirty_bps
    };
    let memory = seconds(
        progress.memory_remaining,
        progress.memory_bps.saturating_sub(again),
    );
    let disk = seconds(progress.disk_remaining, progress.disk_bps);
    let by_rate = memory.zip(disk).map(|(memory, disk)| memory + disk);
    // At the beginning there is no rate, but what was expected.
    let expected = row
        .detail
        .forecast
        .filter(|forecast| forecast.converges)
        .map(|forecast| forecast.total_ms.saturating_sub(progress.elapsed_ms) as f64 / 1e3);
    Some((by_rate.or(expected)? * 1e6) as i64)
}

/// Microseconds that the transfer took, or has taken until now.
pub(super) fn took(row: &Move, now: Time) -> Option<i64> {
    match (row.is_under_way(), row.detail.progress.elapsed_ms) {
        (true, _) => Some((now.0 - row.detail.created_at.0).max(0)),
        (false, 0) => None,
        (false, elapsed) => Some(i64::try_from(elapsed).unwrap_or(i64::MAX / 1_000) * 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::{MigrationDetail, TransferForecast};

    const NOW: Time = Time(1_000_000_000);

    fn running(progress: TransferProgress) -> Move {
        Move::from(MigrationDetail {
            status: "running".into(),
            updated_at: NOW,
            progress,
            forecast: Some(TransferForecast {
                total_ms: 9_000,
                converges: true,
                ..TransferForecast::default()
            }),
            ..MigrationDetail::default()
        })
    }

    #[test]
    fn what_is_written_meanwhile_counts_as_left() {
        let mut progress = TransferProgress {
            elapsed_ms: 2_000,
            memory_total: 4_000,
            memory_remaining: 1_000,
            memory_bps: 300,
            dirty_bps: 100,
            ..TransferProgress::default()
        };
        assert_eq!(left(&running(progress), NOW), Some(5_000_000));
        assert_eq!(part(&running(progress)), Some(0.75));
        progress.post_copy = true;
        assert_eq!(left(&running(progress), NOW), Some(3_333_333));
        progress = TransferProgress {
            memory_bps: 0,
            post_copy: false,
            ..progress
        };
        assert_eq!(left(&running(progress), NOW), Some(7_000_000));
    }

    #[test]
    fn nothing_is_promised_that_will_not_be() {
        let progress = TransferProgress {
            memory_total: 4_000,
            memory_remaining: 1_000,
            memory_bps: 300,
            dirty_bps: 300,
            ..TransferProgress::default()
        };
        assert!(outruns(&running(progress)));
        assert_eq!(left(&running(progress), NOW), None);
        let silent = running(TransferProgress {
            dirty_bps: 0,
            ..progress
        });
        assert_eq!(left(&silent, NOW.plus_seconds(30)), None);
        assert_eq!(silence(&silent, NOW.plus_seconds(30)), Some(30_000_000));
    }
}
