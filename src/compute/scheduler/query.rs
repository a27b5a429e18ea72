//! Conditions on hosts as JSON lists (Nova's JsonFilter), `["and", [">=", "$free_ram_mb", 1024], …]`: the hint `query`,
//! and conditions that the operator sets for every server (`compute.conditions`), which are filters made without
//! building anything.
//!
//! Operators: `=`, `<`, `>`, `<=`, `>=`, `in`, `not`, `or`, `and`. A text that begins with `$` is a property of the host by
//! the names of [`capability::property`](super::capability::property), or of the request: `$wanted_vcpus`,
//! `$wanted_memory_mb`, `$wanted_disk_gb`, `$flavor`, `$project_id`, `$image_id`, `$extra_spec.NAME` and
//! `$image_property.NAME` (empty where there is none); `$aggregate.NAME` is what the host's aggregates say, separated by
//! commas. What is no condition holds for no host.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capability;
use super::filter::Judgement;
use super::host::HostState;
use super::refusal::Refusal;
use super::request::Request;
use super::rules::Rules;

/// How deep conditions may be nested.
const DEPTH: usize = 16;

/// The condition holds, if there is one.
pub fn judge<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    match &request.query {
        Some(query) if !holds(query, &Facts { request, host }, DEPTH) => Err(Refusal::Query),
        _ => Ok(None),
    }
}

/// A condition of the operator's.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its name.
    pub name: String,
    query: Value,
}

/// A condition in the settings that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "compute.conditions.{name}: {reason}; a JSON list is needed, like [\">=\", \"$free_ram_mb\", 1024]"
)]
pub struct NoCondition {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Condition {
    /// The condition that this JSON text is.
    pub fn new(name: &str, text: &str) -> Result<Self, NoCondition> {
        let wrong = |reason: String| NoCondition {
            name: name.to_owned(),
            reason,
        };
        let query: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        check(&query, DEPTH).map_err(wrong)?;
        Ok(Self {
            name: name.to_owned(),
            query,
        })
    }

    /// Whether it holds.
    pub fn holds(&self, request: &Request, host: &HostState) -> bool {
        holds(&self.query, &Facts { request, host }, DEPTH)
    }
}

/// Whether it is a condition at all: a mistake in the settings should be told, not turn down every host.
fn check(query: &Value, depth: usize) -> Result<(), String> {
    let (operator, arguments) = query
        .as_array()
        .and_then(|list| list.split_first())
        .ok_or_else(|| format!("{query} is no list that begins with an operator"))?;
    let operator = operator.as_str().unwrap_or_default();
    if depth == 0 {
        return Err(format!("it is nested more than {DEPTH} deep"));
    }
    match operator {
        "and" | "or" | "not" if !arguments.is_empty() => arguments
            .iter()
            .try_for_each(|argument| check(argument, depth - 1)),
        "=" | "<" | ">" | "<=" | ">=" | "in" if arguments.len() > 1 => {
            arguments.iter().try_for_each(known)
        }
        _ => Err(format!(
            "{query} has no known operator, or too little behind it"
        )),
    }
}

fn known(argument: &Value) -> Result<(), String> {
    let name = argument.as_str().and_then(|text| text.strip_prefix('$'));
    let facts = Facts {
        request: &Request::default(),
        host: &HostState::default(),
    };
    match name {
        Some(name) if facts.property(name).is_none() => {
            Err(format!("${name} is no property of a host or a request"))
        }
        _ => Ok(()),
    }
}

/// What a condition may speak of.
struct Facts<'a> {
    request: &'a Request,
    host: &'a HostState,
}

impl Facts<'_> {
    fn property(&self, name: &str) -> Option<String> {
        let request = self.request;
        let of = |map: &BTreeMap<String, String>, key: &str| {
            Some(map.get(key).cloned().unwrap_or_default())
        };
        if let Some((kind, key)) = name.split_once('.') {
            return match kind {
                "extra_spec" => of(&request.extra_specs, key),
                "image_property" => of(&request.image_properties, key),
                "aggregate" => {
                    let values = self.host.aggregate_metadata.get(key);
                    Some(values.map(|values| values.join(",")).unwrap_or_default())
                }
                _ => None,
            };
        }
        match name {
            "wanted_vcpus" => Some(request.resources.vcpus.to_string()),
            "wanted_memory_mb" => Some(request.resources.memory_mb.to_string()),
            "wanted_disk_gb" => Some(request.resources.disk_gb.to_string()),
            "flavor" => Some(request.flavor.clone()),
            "project_id" => Some(request.project.map(|id| id.to_string()).unwrap_or_default()),
            "image_id" => Some(request.image.map(|id| id.to_string()).unwrap_or_default()),
            _ => capability::property(self.host, name).map(|found| found.into_owned()),
        }
    }
}

fn holds(query: &Value, facts: &Facts<'_>, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    let Some((operator, arguments)) = query.as_array().and_then(|list| list.split_first()) else {
        return false;
    };
    let nested = |argument: &Value| holds(argument, facts, depth - 1);
    match operator.as_str().unwrap_or_default() {
        "and" => !arguments.is_empty() && arguments.iter().all(nested),
        "or" => arguments.iter().any(nested),
        "not" => !arguments.is_empty() && !arguments.iter().all(nested),
        "in" => {
            let mut values = arguments.iter().map(|argument| text(argument, facts));
            let Some(first) = values.next().flatten() else {
                return false;
            };
            values.any(|value| value.as_deref() == Some(&first))
        }
        "=" => pairs(arguments, facts, |a, b| a == b, |a, b| a == b),
        "<" => pairs(arguments, facts, |a, b| a < b, |a, b| a < b),
        ">" => pairs(arguments, facts, |a, b| a > b, |a, b| a > b),
        "<=" => pairs(arguments, facts, |a, b| a <= b, |a, b| a <= b),
        ">=" => pairs(arguments, facts, |a, b| a >= b, |a, b| a >= b),
        _ => false,
    }
}

/// The first argument against each of the others; as numbers if both are.
fn pairs(
    arguments: &[Value],
    facts: &Facts<'_>,
    numbers: impl Fn(f64, f64) -> bool,
    texts: impl Fn(&str, &str) -> bool,
) -> bool {
    let Some((first, rest)) = arguments.split_first() else {
        return false;
    };
    let Some(left) = text(first, facts) else {
        return false;
    };
    !rest.is_empty()
        && rest.iter().all(|argument| {
            let Some(right) = text(argument, facts) else {
                return false;
            };
            match (left.parse(), right.parse()) {
                (Ok(a), Ok(b)) => numbers(a, b),
                _ => texts(&left, &right),
            }
        })
}

fn text(value: &Value, facts: &Facts<'_>) -> Option<String> {
    match value {
        Value::String(name) if name.starts_with('$') => {
            facts.property(name.trim_start_matches('$'))
        }
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compute::model::Resources;

    #[test]
    fn conditions_read_the_host() {
        let host = HostState {
            name: "a".into(),
            capacity: Resources::new(8, 2048, 10),
            servers: 3,
            aggregate_metadata: [("disk".to_owned(), vec!["nvme".to_owned()])].into(),
            ..HostState::default()
        };
        let request = Request {
            resources: Resources::new(2, 512, 1),
            ..Request::default()
        };
        for (query, expected) in [
            (json!([">=", "$free_ram_mb", 1024]), true),
            (json!([">=", "$free_ram_mb", 4096]), false),
            (
                json!(["and", [">", "$free_disk_mb", 1], ["=", "$host", "a"]]),
                true,
            ),
            (
                json!(["or", ["=", "$host", "b"], ["<", "$num_instances", 4]]),
                true,
            ),
            (json!(["not", ["=", "$host", "a"]]), false),
            (json!(["in", "$host", "b", "a"]), true),
            (json!(["=", "$no_such", 1]), false),
            (json!("x"), false),
            (json!([]), false),
            (json!(["<=", "$wanted_vcpus", 2]), true),
            (json!(["in", "$aggregate.disk", "nvme"]), true),
            (json!(["=", "$extra_spec.gpu", ""]), true),
        ] {
            let facts = Facts {
                request: &request,
                host: &host,
            };
            assert_eq!(holds(&query, &facts, DEPTH), expected, "{query}");
        }
    }

    #[test]
    fn a_mistake_in_a_condition_is_told() {
        assert!(
            Condition::new(
                "c",
                r#"["or", ["<", "$wanted_disk_gb", 9], [">", "$free_disk_mb", 1]]"#
            )
            .is_ok()
        );
        for (text, reason) in [
            ("{", "EOF"),
            ("[]", "no list"),
            (r#"["~", 1, 2]"#, "no known operator"),
            (r#"["<", "$free_ram"]"#, "too little"),
            (r#"["<", "$free_ram", 1]"#, "$free_ram is no property"),
        ] {
            let error = Condition::new("c", text).unwrap_err().to_string();
            assert!(
                error.contains(reason) && error.contains("compute.conditions.c"),
                "{error}"
            );
        }
    }
}
