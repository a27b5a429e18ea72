//! What a list is filtered by: words (`web`), expressions (`/web-\d+/`), columns (`host:cmp-01`, `cpu:>50`, `age:<2h`).
//!
//! Terms are separated by spaces and all must hold; `!` before one turns it round. Words are found in the text of every
//! column and in the id, without regard to case.

use regex::{Regex, RegexBuilder};

use crate::ids::Time;
use crate::tui::value::Value;

/// Size to which an expression may grow when it is compiled.
const REGEX_BYTES: usize = 1 << 20;

/// A parsed filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    /// Index of the column; all of them if `None`.
    column: Option<usize>,
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Lower-case text that must occur.
    Contains(String),
    Matches(Regex),
    /// More or less than a number with its unit letter.
    Compares {
        more: bool,
        number: f64,
        unit: Option<char>,
    },
}

impl Filter {
    /// Parses `text`; `columns` are the names it may use. The error says what is wrong.
    pub fn parse(text: &str, columns: &[&str]) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (term, after) = split_term(rest);
            if !term.trim_matches('!').is_empty() {
                terms.push(Term::parse(term, columns)?);
            }
            rest = after.trim_start();
        }
        Ok(Self { terms })
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row stays. `cell` yields the value of a column.
    pub fn keeps<'a>(
        &self,
        id: &str,
        columns: usize,
        now: Time,
        cell: impl Fn(usize) -> Value<'a>,
    ) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.column {
                Some(column) => term.test.holds(&cell(column), now),
                None => {
                    term.test.finds(id)
                        || (0..columns).any(|column| {
                            cell(column)
                                .words()
                                .is_some_and(|words| term.test.finds(words))
                        })
                }
            };
            found != term.negated
        })
    }
}

/// The first term and what follows it. An expression between slashes may hold spaces.
fn split_term(text: &str) -> (&str, &str) {
    let body = text.trim_start_matches('!');
    let after_column = body.find(":/").map_or(body, |at| &body[at + 1..]);
    let quoted = [body, after_column]
        .into_iter()
        .find(|part| part.starts_with('/') && !text[..text.len() - part.len()].contains(' '));
    if let Some(part) = quoted
        && let Some(end) = part[1..].find('/')
    {
        let from = text.len() - part.len();
        return text.split_at(from + end + 2);
    }
    match text.find(' ') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    }
}

impl Term {
    fn parse(text: &str, columns: &[&str]) -> Result<Self, String> {
        let body = text.trim_start_matches('!');
        let negated = body.len() != text.len();
        let (column, value) = match body.split_once(':') {
            Some((name, value)) if !body.starts_with('/') => match find_column(name, columns)? {
                Some(column) => (Some(column), value),
                None => (None, body),
            },
            _ => (None, body),
        };
        Ok(Self {
            column,
            negated,
            test: Test::parse(value, column.is_some())?,
        })
    }
}

/// The column called `name`, or that begins so; an error if it looks like a mistyped one.
fn find_column(name: &str, columns: &[&str]) -> Result<Option<usize>, String> {
    let name = name.to_ascii_lowercase();
    let exact = columns.iter().position(|column| *column == name);
    let begun = || {
        let mut fitting = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !name.is_empty() && column.starts_with(&name));
        fitting
            .next()
            .map(|(at, _)| at)
            .filter(|_| fitting.next().is_none())
    };
    if let Some(column) = exact.or_else(begun) {
        return Ok(Some(column));
    }
    let near = columns
        .iter()
        .filter(|column| name.len() > 2 && strsim::damerau_levenshtein(column, &name) <= 2)
        .min_by_key(|column| strsim::damerau_levenshtein(column, &name));
    // Addresses have colons too: what is made of hexadecimal digits is none that was meant as a column.
    let is_word = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    match near {
        Some(near) => Err(format!("there is no column {name}; did you mean {near}?")),
        None if is_word && !is_hex => Err(format!(
            "there is no column {name} among {}",
            columns.join(", ")
        )),
        None => Ok(None),
    }
}

impl Test {
    fn parse(text: &str, in_column: bool) -> Result<Self, String> {
        let expression = text
            .strip_prefix('/')
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        if let Some(expression) = expression {
            return RegexBuilder::new(expression)
                .case_insensitive(true)
                .size_limit(REGEX_BYTES)
                .build()
                .map(Self::Matches)
                .map_err(|error| {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    format!("not an expression: {}", last.trim_start_matches("error: "))
                });
        }
        if in_column && let Some(test) = Self::comparison(text) {
            return Ok(test);
        }
        Ok(Self::Contains(text.to_lowercase()))
    }

    fn comparison(text: &str) -> Option<Self> {
        let more = match text.as_bytes().first()? {
            b'>' => true,
            b'<' => false,
            _ => return None,
        };
        let value = text[1..].trim_start_matches('=');
        let unit = value.chars().last().filter(char::is_ascii_alphabetic);
        let digits = unit.map_or(value, |unit| &value[..value.len() - unit.len_utf8()]);
        Some(Self::Compares {
            more,
            number: digits.parse().ok()?,
            unit: unit.map(|unit| unit.to_ascii_lowercase()),
        })
    }

    fn finds(&self, text: &str) -> bool {
        match self {
            Self::Contains(needle) => contains(text, needle),
            Self::Matches(expression) => expression.is_match(text),
            Self::Compares { .. } => false,
        }
    }

    fn holds(&self, value: &Value<'_>, now: Time) -> bool {
        if let Self::Compares { more, number, unit } = self {
            let (have, limit) = match value {
                Value::Age(time) | Value::When(time) => (
                    (now.0 - time.0) as f64 / 1e6,
                    number * seconds_in(unit.unwrap_or('s')),
                ),
                Value::Span(micros) => (
                    *micros as f64 / 1e6,
                    number * seconds_in(unit.unwrap_or('s')),
                ),
                other => match other.number() {
                    Some(have) => (have, number * unit.map_or(1.0, bytes_in)),
                    None => return false,
                },
            };
            return if *more { have >= limit } else { have <= limit };
        }
        match value.words() {
            Some(words) => self.finds(words),
            None => self.finds(&value.show(now, &jiff::tz::TimeZone::UTC)),
        }
    }
}

fn seconds_in(unit: char) -> f64 {
    match unit {
        'm' => 60.0,
        'h' => 3_600.0,
        'd' => 86_400.0,
        'y' => 31_536_000.0,
        _ => 1.0,
    }
}

fn bytes_in(unit: char) -> f64 {
    match unit {
        'k' => 1024.0,
        'm' => 1024.0_f64.powi(2),
        'g' => 1024.0_f64.powi(3),
        't' => 1024.0_f64.powi(4),
        _ => 1.0,
    }
}

/// Whether `text` contains the lower-case `needle`, without regard to case.
pub fn contains(text: &str, needle: &str) -> bool {
    let Some(first) = needle.as_bytes().first().copied() else {
        return true;
    };
    if !text.is_ascii() || !needle.is_ascii() {
        return text.to_lowercase().contains(needle);
    }
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    text.len() >= needle.len()
        && (0..=text.len() - needle.len()).any(|at| {
            text[at].to_ascii_lowercase() == first
                && text[at..at + needle.len()].eq_ignore_ascii_case(needle)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 4] = ["name", "host", "cpu", "age"];

    fn keeps(filter: &str) -> bool {
        let now = Time(100_000_000);
        Filter::parse(filter, &COLUMNS)
            .unwrap()
            .keeps("4f2a", 4, now, |column| match column {
                0 => Value::text("Web-01"),
                1 => Value::text("cmp-03"),
                2 => Value::Percent(61.0),
                _ => Value::Age(Time(10_000_000)),
            })
    }

    #[test]
    fn words_expressions_and_columns() {
        for yes in [
            "",
            "web",
            "WEB cmp",
            "4f2",
            "/^web-\\d+$/",
            "host:cmp",
            "name:/0[1-3]/",
            "!db",
            "cpu:>50",
            "cpu:<=61",
            "age:>1m",
            "age:<2m",
            "!host:web",
            "!",
            "name:web host:03",
            "ho:cmp",
            "/w e|web/ cmp",
        ] {
            assert!(keeps(yes), "{yes}");
        }
        for no in [
            "db", "host:web", "/^eb/", "!web", "cpu:>70", "age:<1m", "name:cmp", "host:>3", "10:00",
        ] {
            assert!(!keeps(no), "{no}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text| Filter::parse(text, &COLUMNS).unwrap_err();
        assert!(error("hots:cmp").contains("did you mean host?"));
        assert!(error("/(/").contains("not an expression"));
        assert!(Filter::parse("fa:16:3e", &COLUMNS).is_ok());
    }
}
