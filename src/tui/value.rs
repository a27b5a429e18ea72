//! What a cell of a table or a line of a detail view holds, with its type.
//!
//! One function per column yields a [`Value`]; drawing, sorting, filtering and export all work on it, so that what is
//! shown, what it is sorted by and what is found can not differ. Text is borrowed from the row where it can be: ten
//! thousand rows are filtered and sorted without copying their names.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::ids::Time;

use super::format;
use super::glyph::Mood;

/// A typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing is known or nothing applies.
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// A plain number.
    Number(f64),
    /// A number of bytes.
    Bytes(f64),
    /// Bytes per second.
    Rate(f64),
    /// Per cent, 0 to 100 of whatever it is a share of.
    Percent(f64),
    /// A point in time, shown as its distance from now.
    Age(Time),
    /// A point in time, shown as time of day or as date.
    When(Time),
    /// A span in microseconds.
    Span(i64),
    /// A state: its meaning and its word.
    State(Mood, Cow<'a, str>),
    /// A short history, oldest first; sorted and exported by its last value.
    Spark(Spark<'a>),
    /// Progress from 0 to 1.
    Progress(f64),
}

/// A short history to be drawn as a line of blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Spark<'a> {
    /// Values, oldest first; `NaN` where there is none.
    pub values: Cow<'a, [f32]>,
    /// The value drawn as a full cell; `None` scales to the largest.
    pub full: Option<f32>,
}

impl<'a> Value<'a> {
    /// Borrowed text; absent if empty.
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Absent
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }

    /// Owned text; absent if empty.
    pub fn owned(text: String) -> Self {
        if text.is_empty() {
            Self::Absent
        } else {
            Self::Text(Cow::Owned(text))
        }
    }

    /// `yes` or `no`.
    pub fn flag(on: bool) -> Self {
        Self::Text(Cow::Borrowed(if on { "yes" } else { "no" }))
    }

    /// `make` of what is there.
    pub fn maybe<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Absent, make)
    }

    /// Whether it is drawn right-aligned.
    pub fn is_numeric(&self) -> bool {
        self.number().is_some()
            && !matches!(self, Self::Spark(_) | Self::Progress(_) | Self::When(_))
    }

    /// Its number, where it has one. Ages grow with distance, so that sorting them upwards shows the youngest first.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value)
            | Self::Bytes(value)
            | Self::Rate(value)
            | Self::Percent(value)
            | Self::Progress(value) => Some(*value),
            Self::Age(time) => Some(-(time.0 as f64)),
            Self::When(time) => Some(time.0 as f64),
            Self::Span(micros) => Some(*micros as f64),
            Self::Spark(spark) => spark.values.last().map(|value| f64::from(*value)),
            Self::Absent | Self::Text(_) | Self::State(..) => None,
        }
    }

    /// Its words, where it has any: what a plain filter looks into.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::State(_, text) => Some(text),
            _ => None,
        }
    }

    /// As it is shown, without a state's glyph.
    pub fn show(&self, now: Time, zone: &jiff::tz::TimeZone) -> Cow<'_, str> {
        match self {
            Self::Absent => Cow::Borrowed(""),
            Self::Text(text) | Self::State(_, text) => Cow::Borrowed(text),
            Self::Number(value) => format::number(*value).into(),
            Self::Bytes(value) => format::bytes(*value).into(),
            Self::Rate(value) => format::rate(*value).into(),
            Self::Percent(value) => format::percent(*value).into(),
            Self::Age(time) => format::span(now.0 - time.0).into(),
            Self::When(time) => format::when(*time, now, zone).into(),
            Self::Span(micros) => format::clock_span(*micros).into(),
            Self::Progress(part) => format::percent(part * 100.0).into(),
            Self::Spark(_) => self
                .number()
                .map_or_else(String::new, format::number)
                .into(),
        }
    }

    /// As files have it: numbers without units, times in UTC.
    pub fn export(&self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Text(text) | Self::State(_, text) => text.clone().into_owned(),
            Self::Age(time) | Self::When(time) => time.to_seconds_text(),
            _ => match self.number() {
                Some(value) if value.is_finite() && value.fract() == 0.0 => format!("{value:.0}"),
                Some(value) if value.is_finite() => format!("{value:.3}"),
                _ => String::new(),
            },
        }
    }

    /// What rows are sorted by.
    pub fn sort_key(self) -> SortKey<'a> {
        match self {
            Self::Text(text) => SortKey::Text(text),
            Self::State(mood, text) => SortKey::State(mood, text),
            Self::Absent => SortKey::Absent,
            other => match other.number() {
                Some(value) if !value.is_nan() => SortKey::Number(value),
                _ => SortKey::Absent,
            },
        }
    }
}

/// What rows are sorted by. Things without a value come last in both directions.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey<'a> {
    /// A number.
    Number(f64),
    /// Text, in the order people expect: `web-2` before `web-10`.
    Text(Cow<'a, str>),
    /// A state: what needs attention first, then by word.
    State(Mood, Cow<'a, str>),
    /// No value.
    Absent,
}

impl SortKey<'_> {
    /// Compares two keys of one column.
    pub fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::Absent, Self::Absent) => return Ordering::Equal,
            (Self::Absent, _) => return Ordering::Greater,
            (_, Self::Absent) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => natural(a, b),
            (Self::State(m, a), Self::State(n, b)) => m.cmp(n).then_with(|| natural(a, b)),
            _ => Ordering::Equal,
        };
        if descending { order.reverse() } else { order }
    }
}

/// Compares text without regard to case, and runs of digits by their number.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i].is_ascii_digit() && b[j].is_ascii_digit() {
            let (one, next_i) = digits(a, i);
            let (other, next_j) = digits(b, j);
            let order = one.len().cmp(&other.len()).then_with(|| one.cmp(other));
            if order != Ordering::Equal {
                return order;
            }
            (i, j) = (next_i, next_j);
        } else {
            let order = a[i].to_ascii_lowercase().cmp(&b[j].to_ascii_lowercase());
            if order != Ordering::Equal {
                return order;
            }
            i += 1;
            j += 1;
        }
    }
    (a.len() - i).cmp(&(b.len() - j))
}

/// The run of digits at `from` without leading zeros, and where it ends.
fn digits(text: &[u8], from: usize) -> (&[u8], usize) {
    let end = text[from..]
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .map_or(text.len(), |length| from + length);
    let start = text[from..end]
        .iter()
        .position(|byte| *byte != b'0')
        .map_or(end, |zeros| from + zeros);
    (&text[start..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_expect() {
        assert_eq!(natural("web-2", "web-10"), Ordering::Less);
        assert_eq!(natural("Web-2", "web-2"), Ordering::Equal);
        assert_eq!(natural("web-007", "web-7"), Ordering::Equal);
        assert_eq!(natural("web", "web-1"), Ordering::Less);
        assert_eq!(natural("", ""), Ordering::Equal);
    }

    #[test]
    fn what_has_no_value_comes_last_both_ways() {
        let (one, none) = (Value::Number(1.0).sort_key(), Value::Absent.sort_key());
        assert_eq!(one.compare(&none, false), Ordering::Less);
        assert_eq!(one.compare(&none, true), Ordering::Less);
    }

    #[test]
    fn what_needs_attention_sorts_first() {
        let good = Value::State(Mood::Good, "active".into()).sort_key();
        let bad = Value::State(Mood::Bad, "error".into()).sort_key();
        assert_eq!(bad.compare(&good, false), Ordering::Less);
    }

    #[test]
    fn files_get_plain_numbers() {
        assert_eq!(Value::Bytes(2048.0).export(), "2048");
        assert_eq!(Value::Percent(f64::NAN).export(), "");
        assert_eq!(
            Value::Age(Time(1_767_323_045_000_006)).export(),
            "2026-01-02T03:04:05Z"
        );
    }
}
