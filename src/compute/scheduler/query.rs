//! The hint `query`: a condition on hosts as a JSON list (Nova's JsonFilter), `["and", [">=", "$free_ram_mb", 1024], …]`.
//!
//! Operators: `=`, `<`, `>`, `<=`, `>=`, `in`, `not`, `or`, `and`. A text that begins with `$` is a property of the host by
//! the names of [`capability::property`](super::capability::property). What is no condition holds for no host.

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
        Some(query) if !holds(query, host, DEPTH) => Err(Refusal::Query),
        _ => Ok(None),
    }
}

fn holds(query: &Value, host: &HostState, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    let Some((operator, arguments)) = query.as_array().and_then(|list| list.split_first()) else {
        return false;
    };
    let nested = |argument: &Value| holds(argument, host, depth - 1);
    match operator.as_str().unwrap_or_default() {
        "and" => !arguments.is_empty() && arguments.iter().all(nested),
        "or" => arguments.iter().any(nested),
        "not" => !arguments.is_empty() && !arguments.iter().all(nested),
        "in" => {
            let mut values = arguments.iter().map(|argument| text(argument, host));
            let Some(first) = values.next().flatten() else {
                return false;
            };
            values.any(|value| value.as_deref() == Some(&first))
        }
        "=" => pairs(arguments, host, |a, b| a == b, |a, b| a == b),
        "<" => pairs(arguments, host, |a, b| a < b, |a, b| a < b),
        ">" => pairs(arguments, host, |a, b| a > b, |a, b| a > b),
        "<=" => pairs(arguments, host, |a, b| a <= b, |a, b| a <= b),
        ">=" => pairs(arguments, host, |a, b| a >= b, |a, b| a >= b),
        _ => false,
    }
}

/// The first argument against each of the others; as numbers if both are.
fn pairs(
    arguments: &[Value],
    host: &HostState,
    numbers: impl Fn(f64, f64) -> bool,
    texts: impl Fn(&str, &str) -> bool,
) -> bool {
    let Some((first, rest)) = arguments.split_first() else {
        return false;
    };
    let Some(left) = text(first, host) else {
        return false;
    };
    !rest.is_empty()
        && rest.iter().all(|argument| {
            let Some(right) = text(argument, host) else {
                return false;
            };
            match (left.parse(), right.parse()) {
                (Ok(a), Ok(b)) => numbers(a, b),
                _ => texts(&left, &right),
            }
        })
}

fn text(value: &Value, host: &HostState) -> Option<String> {
    match value {
        Value::String(name) if name.starts_with('$') => {
            capability::property(host, name.trim_start_matches('$')).map(|found| found.into_owned())
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
            ..HostState::default()
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
        ] {
            assert_eq!(holds(&query, &host, DEPTH), expected, "{query}");
        }
    }
}
