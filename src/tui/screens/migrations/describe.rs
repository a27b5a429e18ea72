//! One move in words: where it stands, its numbers, and what was expected beside what happened.

use crate::api::wire::{Operation, TransferForecast, TransferProgress};
use crate::tui::format;
use crate::tui::glyph::Mood;
use crate::tui::value::Value;
use crate::tui::view::Facts;
use crate::tui::widgets::doc::Doc;

use super::{Move, estimate, kind, mood};

/// What there is to say about it in a line: why it failed, what keeps it from ending, or how it went.
pub fn remark<'a>(row: &'a Move, facts: &Facts<'a>) -> Value<'a> {
    if let Some(message) = row.detail.message.as_deref() {
        return Value::text(message);
    }
    if let Some(trouble) = trouble(row, facts) {
        return Value::text(trouble);
    }
    if let Some(silent) = estimate::silence(row, facts.clock.now) {
        return Value::owned(format!("no news for {}", format::span(silent)));
    }
    if estimate::outruns(row) {
        return Value::text("writes faster than is sent: F forces it");
    }
    let slowed = row.detail.progress.throttle_percent;
    match (row.is_under_way(), row.detail.forecast) {
        (true, _) if slowed > 0 => Value::owned(format!("guest slowed down by {slowed}%")),
        (true, Some(forecast)) if !forecast.converges => {
            Value::text("expected not to end by itself")
        }
        (true, Some(forecast)) => {
            Value::owned(format!("{} expected", format::millis(forecast.total_ms)))
        }
        (false, Some(forecast)) if row.detail.progress.elapsed_ms > 0 => Value::owned(format!(
            "{} expected, {}",
            format::millis(forecast.total_ms),
            compared(row.detail.progress.elapsed_ms, forecast.total_ms)
        )),
        _ => Value::Absent,
    }
}

/// What keeps a move that is under way from going on: its operation tries again, and says why.
fn trouble<'a>(row: &Move, facts: &Facts<'a>) -> Option<&'a str> {
    let operation = facts.data.get::<Operation>(&row.detail.operation_id)?;
    let error = operation.error.as_ref().filter(|_| row.is_under_way())?;
    Some(&error.message)
}

/// `+17%`, `as expected`: how far something is from what was expected.
fn compared(actual: u64, expected: u64) -> String {
    if expected == 0 {
        return "more than nothing".to_owned();
    }
    let percent = (actual as f64 / expected as f64 - 1.0) * 100.0;
    match percent {
        percent if percent.abs() < 5.0 => "as expected".to_owned(),
        percent if percent > 900.0 => format!("{:.0} times that", percent / 100.0 + 1.0),
        percent => format!("{percent:+.0}%"),
    }
}

/// Describes a move.
pub fn describe<'a>(row: &'a Move, facts: &Facts<'a>) -> Doc<'a> {
    let detail = &row.detail;
    let mut doc = Doc::default();
    let (mood, word) = mood(row);
    doc.group("Migration");
    doc.link(
        "server",
        Value::text(row.server(facts)),
        "server",
        &detail.server_id,
    );
    doc.link("from", Value::text(&detail.source), "host", &detail.source);
    let to = detail.destination.as_deref();
    doc.link(
        "to",
        Value::maybe(to, Value::text),
        "host",
        to.unwrap_or_default(),
    )
    .entry("kind", Value::text(kind(row)))
    .entry("status", Value::State(mood, word.into()))
    .entry("done", Value::maybe(estimate::part(row), Value::Progress))
    .entry(
        "left",
        Value::maybe(estimate::left(row, facts.clock.now), Value::Span),
    )
    .entry("asked", Value::Age(detail.created_at))
    .entry("changed", Value::Age(detail.updated_at));
    if !detail.operation_id.is_empty() {
        doc.link(
            "operation",
            Value::text(&detail.operation_id),
            "operation",
            &detail.operation_id,
        );
    }
    if let Some(message) = detail.message.as_deref() {
        doc.group("Why it did not succeed")
            .entry("reason", Value::State(Mood::Bad, message.into()));
    } else if let Some(trouble) = trouble(row, facts) {
        doc.group("Why it does not go on")
            .entry("reason", Value::State(Mood::Warn, trouble.into()));
    } else if estimate::outruns(row) {
        doc.group("Why it does not end")
            .entry("reason", Value::text("The guest writes memory faster than it is sent. It is slowed down or forced, or ends by the limit of time."));
    }
    numbers(&mut doc, &detail.progress, row.is_under_way());
    if let Some(forecast) = &detail.forecast {
        let ended = matches!(detail.status.as_str(), "completed" | "done");
        expected(&mut doc, forecast, &detail.progress, ended);
    }
    doc
}

fn sent<'a>(processed: u64, total: u64, left: u64) -> Value<'a> {
    if total == 0 {
        return Value::Absent;
    }
    // Memory is sent as often as it is written.
    let mut text = format!(
        "{}, {} sent",
        format::bytes(total as f64),
        format::bytes(processed as f64)
    );
    if left > 0 {
        text.push_str(&format!(", {} left", format::bytes(left as f64)));
    }
    Value::owned(text)
}

fn some(value: u64, words: impl FnOnce(u64) -> String) -> Value<'static> {
    Value::maybe(Some(value).filter(|value| *value > 0), |value| {
        Value::owned(words(value))
    })
}

fn numbers(doc: &mut Doc<'_>, progress: &TransferProgress, now: bool) {
    // The last news came shortly before the end.
    let left = |bytes: u64| if now { bytes } else { 0 };
    doc.group(if now {
        "Transfer, now"
    } else {
        "Transfer, at its end"
    })
    .entry(
        "memory",
        sent(
            progress.memory_processed,
            progress.memory_total,
            left(progress.memory_remaining),
        ),
    )
    .entry(
        "disks",
        sent(
            progress.disk_processed,
            progress.disk_total,
            left(progress.disk_remaining),
        ),
    )
    .entry(
        "memory rate",
        some(progress.memory_bps, |rate| format::rate(rate as f64)),
    )
    .entry(
        "disk rate",
        some(progress.disk_bps, |rate| format::rate(rate as f64)),
    )
    .entry(
        "guest writes",
        some(progress.dirty_bps, |rate| format::rate(rate as f64)),
    )
    .entry("pass", some(progress.iteration, |pass| pass.to_string()))
    .entry(
        "slowed down by",
        some(progress.throttle_percent, |percent| format!("{percent}%")),
    )
    .entry("pause", some(progress.downtime_ms, format::millis))
    .entry("since", some(progress.elapsed_ms, format::millis));
    if progress.post_copy {
        doc.entry(
            "post-copy",
            Value::text("the guest executes at the destination and fetches the rest"),
        );
    }
}

fn expected(
    doc: &mut Doc<'_>,
    forecast: &TransferForecast,
    progress: &TransferProgress,
    ended: bool,
) {
    // What is not over, or was broken off, is not compared.
    let beside = |expected: String, actual: u64, of: u64, words: &dyn Fn(u64) -> String| {
        let mut text = expected;
        if ended && actual > 0 {
            text.push_str(&format!(
                "; was {}, {}",
                words(actual),
                compared(actual, of)
            ));
        }
        Value::owned(text)
    };
    let bytes = |value: u64| format::bytes(value as f64);
    let rate = |value: u64| format::rate(value as f64);
    let processed = progress
        .memory_processed
        .saturating_add(progress.disk_processed);
    doc.group("Expected before");
    if !forecast.converges {
        doc.entry("ends", Value::State(Mood::Warn, "not by itself".into()));
    }
    doc.entry(
        "time",
        beside(
            format::millis(forecast.total_ms),
            progress.elapsed_ms,
            forecast.total_ms,
            &format::millis,
        ),
    )
    .entry(
        "pause",
        beside(
            format::millis(forecast.downtime_ms),
            progress.downtime_ms,
            forecast.downtime_ms,
            &format::millis,
        ),
    )
    .entry(
        "to send",
        beside(bytes(forecast.bytes), processed, forecast.bytes, &bytes),
    )
    .entry(
        "guest writes",
        beside(
            rate(forecast.dirty_bps),
            progress.dirty_bps,
            forecast.dirty_bps,
            &rate,
        ),
    )
    .entry(
        "link",
        beside(
            rate(forecast.link_bps),
            progress.memory_bps,
            forecast.link_bps,
            &rate,
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_none() {
        assert_eq!(compared(103, 100), "as expected");
        assert_eq!(compared(117, 100), "+17%");
        assert_eq!(compared(50, 100), "-50%");
        assert_eq!(compared(2_000, 100), "20 times that");
        assert_eq!(compared(1, 0), "more than nothing");
    }
}
