//! Filtering, sorting, paging and narrowing of lists, as Neutron does it for every resource alike.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::Params;
use crate::error::{Error, Result};

/// Parameters that are no filters.
const OTHERS: [&str; 6] = [
    "limit",
    "marker",
    "page_reverse",
    "sort_key",
    "sort_dir",
    "fields",
];

/// `{"<plural>": […], "<plural>_links": […]}` of what the parameters select.
pub(super) fn list<T: Serialize>(plural: &str, items: Vec<T>, params: &Params) -> Result<Value> {
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let value =
            serde_json::to_value(item).map_err(|error| Error::Internal(error.to_string()))?;
        if let Value::Object(row) = value
            && matches(&row, params)
        {
            rows.push(row);
        }
    }
    sort(&mut rows, params);
    if let Some(marker) = params.get("marker") {
        let at = rows.iter().position(|row| text(row, "id") == marker);
        let at =
            at.ok_or_else(|| Error::invalid("marker", format!("{marker} is not in the list")))?;
        rows.drain(..=at);
    }
    let limit = params.parse::<usize>("limit")?.filter(|limit| *limit > 0);
    let more = limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(limit.unwrap_or(usize::MAX));
    let mut body = Map::new();
    if let Some(last) = rows.last().filter(|_| more) {
        let next = format!("?limit={}&marker={}", limit.unwrap_or(0), text(last, "id"));
        body.insert(
            format!("{plural}_links"),
            serde_json::json!([{"rel": "next", "href": format!("/network/v2.0/{}{next}", plural.replace('_', "-"))}]),
        );
    }
    let fields: Vec<&str> = params
        .0
        .iter()
        .filter(|(name, _)| name == "fields")
        .map(|(_, field)| field.as_str())
        .collect();
    if !fields.is_empty() {
        for row in &mut rows {
            row.retain(|name, _| fields.contains(&name.as_str()));
        }
    }
    body.insert(
        plural.to_owned(),
        Value::Array(rows.into_iter().map(Value::Object).collect()),
    );
    Ok(Value::Object(body))
}

/// Every filter must hold; one that is given several times holds if any of its values does. Fields that the resource does
/// not have are ignored, as Neutron does.
fn matches(row: &Map<String, Value>, params: &Params) -> bool {
    let has = |tag: &str| row.get("tags").is_some_and(|tags| equals(tags, tag));
    for (name, wanted) in &params.0 {
        let mut wanted = wanted.split(',');
        let fits = match name.as_str() {
            "tags-any" => wanted.any(has),
            "not-tags" => !wanted.all(has),
            "not-tags-any" => !wanted.any(has),
            _ => true,
        };
        if !fits {
            return false;
        }
    }
    let filters = params.0.iter().filter(|(name, _)| {
        !OTHERS.contains(&name.as_str()) && (row.contains_key(name) || name == "fixed_ips")
    });
    let mut names: Vec<&str> = filters.map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names.into_iter().all(|name| {
        let mut wanted = params
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let found = row.get(name).unwrap_or(&Value::Null);
        if name == "tags" {
            // Several with commas between them must all be there.
            return wanted.any(|tags| tags.split(',').all(|tag| equals(found, tag)));
        }
        wanted.any(|wanted| equals(found, wanted))
    })
}

fn equals(found: &Value, wanted: &str) -> bool {
    match found {
        Value::Null => wanted.is_empty(),
        Value::Bool(flag) => crate::api::wire::parse_bool(wanted) == Some(*flag),
        Value::Number(number) => number.to_string() == wanted,
        Value::String(text) => same(text, wanted),
        // `fixed_ips=ip_address=10.0.0.5`, `fixed_ips=subnet_id=…`; `tags=a`.
        Value::Array(parts) => parts
            .iter()
            .any(|part| match (part, wanted.split_once('=')) {
                (Value::Object(part), Some((key, value))) => {
                    let text = part.get(key).and_then(Value::as_str);
                    text.is_some_and(|text| same(text, value))
                }
                (Value::String(text), _) => text == wanted,
                _ => false,
            }),
        Value::Object(_) => false,
    }
}

/// An address, or a range of them, may be spelled in several ways.
fn same(found: &str, wanted: &str) -> bool {
    fn equal<T: std::str::FromStr + PartialEq>(one: &str, other: &str) -> bool {
        one.parse::<T>()
            .is_ok_and(|one| other.parse::<T>().is_ok_and(|other| one == other))
    }
    found == wanted
        || wanted.contains(':')
            && (equal::<Ipv6Addr>(found, wanted) || equal::<Ipv6Net>(found, wanted))
}

fn sort(rows: &mut [Map<String, Value>], params: &Params) {
    let key = params.get("sort_key").unwrap_or("id");
    rows.sort_by(|a, b| {
        text(a, key)
            .cmp(&text(b, key))
            .then_with(|| text(a, "id").cmp(&text(b, "id")))
    });
    if params.get("sort_dir") == Some("desc") {
        rows.reverse();
    }
}

fn text(row: &Map<String, Value>, key: &str) -> String {
    match row.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_field_filters_and_pages_follow_each_other() {
        let items = vec![
            json!({"id": "1", "name": "a", "shared": true, "tags": ["x", "y"], "fixed_ips": [{"ip_address": "10.0.0.1"}, {"ip_address": "fd00::1"}]}),
            json!({"id": "2", "name": "b", "shared": false, "tags": ["y"], "fixed_ips": []}),
            json!({"id": "3", "name": "a", "shared": false, "tags": [], "fixed_ips": []}),
        ];
        let ids = |query: &[(&str, &str)]| {
            let params = Params(
                query
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            );
            let body = list("ports", items.clone(), &params).unwrap();
            let ids: Vec<String> = body["ports"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned())
                .collect();
            (ids.join(""), body.get("ports_links").is_some())
        };
        for (query, expected) in [
            (vec![], ("123", false)),
            (vec![("name", "a")], ("13", false)),
            (vec![("name", "a"), ("name", "b")], ("123", false)),
            (vec![("shared", "True")], ("1", false)),
            (vec![("fixed_ips", "ip_address=10.0.0.1")], ("1", false)),
            (vec![("fixed_ips", "ip_address=FD00:0::0001")], ("1", false)),
            (vec![("fixed_ips", "ip_address=fd00::2")], ("", false)),
            (vec![("tags", "x,y")], ("1", false)),
            (vec![("tags", "y")], ("12", false)),
            (vec![("tags-any", "x,z")], ("1", false)),
            (vec![("not-tags", "x,y")], ("23", false)),
            (vec![("not-tags-any", "x,y")], ("3", false)),
            (vec![("limit", "2")], ("12", true)),
            (vec![("limit", "2"), ("marker", "2")], ("3", false)),
            (
                vec![("sort_key", "name"), ("sort_dir", "desc")],
                ("231", false),
            ),
            (vec![("no_such_field", "x")], ("123", false)),
        ] {
            assert_eq!(
                ids(&query),
                (expected.0.to_owned(), expected.1),
                "{query:?}"
            );
        }
    }
}
