//! Numbers, sizes, times and text as the screen shows them: short, aligned and the same everywhere.
//!
//! Sizes are binary (KiB = 1024 bytes). Every function returns at most eight or nine cells, so that columns can have
//! fixed widths. Nothing here allocates more than its answer.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::ids::Time;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes: `812 B`, `4.0 KiB`, `1.2 GiB`, `640 MiB`.
pub fn bytes(value: f64) -> String {
    let mut value = if value.is_finite() {
        value.max(0.0)
    } else {
        0.0
    };
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Bytes per second: `1.2 MiB/s`.
pub fn rate(value: f64) -> String {
    format!("{}/s", bytes(value))
}

/// Whole per cent: `61%`.
pub fn percent(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.0}%")
    } else {
        "-".to_owned()
    }
}

/// A plain number: whole if it is whole, else with one decimal.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// A span of microseconds in its largest fitting unit: `4s`, `12m`, `5h`, `3d`, `2y`.
pub fn span(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        172_800..63_072_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// A span as a clock shows it: `0:14`, `12:05`, `1:02:30`. For what is under way, where seconds matter.
pub fn clock_span(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

/// Milliseconds: `48 ms`, `4.2 s`, `12:05`.
pub fn millis(value: u64) -> String {
    match value {
        0..1_000 => format!("{value} ms"),
        1_000..60_000 => format!("{:.1} s", value as f64 / 1e3),
        _ => clock_span(i64::try_from(value).unwrap_or(i64::MAX / 1_000) * 1_000),
    }
}

/// Time of day in `zone`: `23:01:05`.
pub fn time_of_day(time: Time, zone: &TimeZone) -> String {
    zoned(time, zone, "%H:%M:%S")
}

/// Date and time in `zone`: `2026-01-02 03:04:05`.
pub fn date_time(time: Time, zone: &TimeZone) -> String {
    zoned(time, zone, "%Y-%m-%d %H:%M:%S")
}

/// A point in time in at most eleven cells, the shorter the nearer: `03:04:05`, `01-02 03:04`, `2025-12-31`.
pub fn when(time: Time, now: Time, zone: &TimeZone) -> String {
    let same = |pattern: &str| zoned(time, zone, pattern) == zoned(now, zone, pattern);
    if same("%Y-%m-%d") {
        time_of_day(time, zone)
    } else if same("%Y") {
        zoned(time, zone, "%m-%d %H:%M")
    } else {
        zoned(time, zone, "%Y-%m-%d")
    }
}

fn zoned(time: Time, zone: &TimeZone, pattern: &str) -> String {
    jiff::Timestamp::from_microsecond(time.0)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
        .strftime(pattern)
        .to_string()
}

/// A time as OpenStack writes it, with or without zone and fraction; without a zone it is UTC.
pub fn parse_time(text: &str) -> Option<Time> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(Time(time.as_microsecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(Time(zoned.timestamp().as_microsecond()))
}

/// Words of an identifier: `server_create` as `server create`.
pub fn spaced(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// Cells that `text` takes on the screen.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// `text` cut to `cells`, its loss marked by `…` (`~` where only ASCII is to be used).
pub fn fit(text: &str, cells: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    if cells == 0 {
        return Cow::Borrowed("");
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > cells {
            break;
        }
        used += wide;
        kept.push(character);
    }
    kept.push(if ascii { '~' } else { '…' });
    Cow::Owned(kept)
}

/// `1 server`, `3 servers`: a count with its noun.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") && !noun.ends_with("ey") => {
            format!("{number} {stem}ies")
        }
        _ => format!("{number} {noun}s"),
    }
}

/// Breaks `text` into lines of at most `cells`, at spaces where there are any. Keeps its own line breaks.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ') {
            let wide = width(word);
            if used > 0 && used + 1 + wide > cells {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            for character in word.chars() {
                let wide = character.width().unwrap_or(0);
                if used + wide > cells {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(character);
                used += wide;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_short() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1024.0), "1.0 KiB");
        assert_eq!(bytes(640.0 * 1024.0 * 1024.0), "640 MiB");
        assert_eq!(bytes(f64::NAN), "0 B");
        assert_eq!(rate(1_288_490_189.0), "1.2 GiB/s");
        assert!(bytes(f64::MAX).len() < 300);
    }

    #[test]
    fn spans_use_the_largest_unit() {
        assert_eq!(span(59_999_999), "59s");
        assert_eq!(span(47 * 3_600_000_000), "47h");
        assert_eq!(span(49 * 3_600_000_000), "2d");
        assert_eq!(clock_span(14_000_000), "0:14");
        assert_eq!(clock_span(3_750_000_000), "1:02:30");
        assert_eq!(span(-5), "0s");
    }

    #[test]
    fn text_is_cut_by_cells_not_by_bytes() {
        assert_eq!(fit("web-0001", 8, false), "web-0001");
        assert_eq!(fit("web-0001", 5, false), "web-…");
        assert_eq!(fit("日本語です", 5, false), "日本…");
        assert_eq!(fit("abc", 0, true), "");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
    }

    #[test]
    fn times_are_read_as_openstack_writes_them() {
        let time = Some(Time(1_767_323_045_000_000));
        assert_eq!(parse_time("2026-01-02T03:04:05Z"), time);
        assert_eq!(parse_time("2026-01-02T03:04:05.000000"), time);
        assert_eq!(parse_time("2026-01-02T03:04:05+00:00"), time);
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn nouns_get_their_plural() {
        assert_eq!(count(1, "server"), "1 server");
        assert_eq!(count(2, "policy"), "2 policies");
        assert_eq!(count(2, "key"), "2 keys");
    }
}
