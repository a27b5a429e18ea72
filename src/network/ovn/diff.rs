//! The difference between rows that are wanted and rows that are there, as operations of one transaction (RFC 7047, 5.2).
//!
//! Sets of rows are changed by what comes and goes, never as a whole, so that rows that somebody else put there stay, and one
//! port more costs the same on a large switch. A row of a table that is no root goes with the last that names it. Of two rows
//! with one key the second is not ours to keep. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::want::{KEY, Key, OWNER, Table, Value, Want, WantedRow};

/// A row that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its table.
    pub table: Table,
    /// Its identifier.
    pub uuid: String,
    /// All its columns, as the database tells them.
    pub columns: BTreeMap<String, Json>,
}

/// The rows of ours that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct There {
    /// By key.
    pub rows: BTreeMap<Key, Found>,
    /// Further ones with a key that is among them.
    pub surplus: Vec<Found>,
}

impl There {
    /// Adds a row, if it is ours.
    pub fn add(&mut self, table: Table, columns: BTreeMap<String, Json>) {
        let Some(uuid) = columns.get("_uuid").and_then(uuid_of) else {
            return;
        };
        let ids = columns.get("external_ids").map(map_of).unwrap_or_default();
        let Some(key) = ids
            .get(KEY)
            .filter(|_| ids.get(OWNER.0).is_some_and(|owner| owner == OWNER.1))
        else {
            return;
        };
        let key = key.clone();
        let found = Found {
            table,
            uuid,
            columns,
        };
        match self.rows.get(&key) {
            Some(_) => self.surplus.push(found),
            None => {
                self.rows.insert(key, found);
            }
        }
    }
}

/// What makes the one of the other. Empty if there is nothing to do.
pub fn diff(want: &Want, there: &There) -> Vec<Json> {
    let ours: HashSet<&str> = there
        .rows
        .values()
        .chain(&there.surplus)
        .map(|found| found.uuid.as_str())
        .collect();
    let mut names: HashMap<&str, Json> = HashMap::new();
    for (number, (key, row)) in want.rows.iter().enumerate() {
        let name = match kept(there, key, row) {
            Some(found) => json!(["uuid", found.uuid]),
            None => json!(["named-uuid", format!("row{number}")]),
        };
        names.insert(key, name);
    }
    let mut operations = Vec::new();
    // What has a name that must be unique goes before another comes with it.
    for found in there.surplus.iter().chain(gone(want, there)) {
        if found.table.is_root() {
            operations.push(json!({
                "op": "delete",
                "table": found.table.name(),
                "where": [["_uuid", "==", ["uuid", found.uuid]]],
            }));
        }
    }
    for (key, row) in &want.rows {
        match kept(there, key, row) {
            Some(found) => update(key, row, found, &names, &ours, &mut operations),
            None => operations.push(insert(key, row, &names)),
        }
    }
    operations
}

/// The row of this key, if it is in the table where it is wanted.
fn kept<'a>(there: &'a There, key: &str, row: &WantedRow) -> Option<&'a Found> {
    there.rows.get(key).filter(|found| found.table == row.table)
}

fn gone<'a>(want: &'a Want, there: &'a There) -> impl Iterator<Item = &'a Found> {
    let is_wanted = |key: &Key, found: &Found| {
        want.rows
            .get(key)
            .is_some_and(|row| row.table == found.table)
    };
    there
        .rows
        .iter()
        .filter(move |(key, found)| !is_wanted(key, found))
        .map(|(_, found)| found)
}

fn insert(key: &str, row: &WantedRow, names: &HashMap<&str, Json>) -> Json {
    let mut columns: serde_json::Map<String, Json> = row
        .columns
        .iter()
        .map(|(column, value)| ((*column).to_owned(), whole(value, names)))
        .collect();
    columns.insert("external_ids".into(), whole(&ids(key, row), names));
    json!({
        "op": "insert",
        "table": row.table.name(),
        "uuid-name": names[key][1],
        "row": columns,
    })
}

fn update(
    key: &str,
    row: &WantedRow,
    found: &Found,
    names: &HashMap<&str, Json>,
    ours: &HashSet<&str>,
    operations: &mut Vec<Json>,
) {
    let place = json!([["_uuid", "==", ["uuid", found.uuid]]]);
    let mut columns = serde_json::Map::new();
    let mut mutations = Vec::new();
    let ids = ids(key, row);
    let wanted = row.columns.iter().map(|(column, value)| (*column, value));
    for (column, value) in wanted.chain([("external_ids", &ids)]) {
        let is = found.columns.get(column).unwrap_or(&Json::Null);
        if let Value::Refs(refs) = value {
            let there: BTreeSet<String> = elements(is).iter().filter_map(uuid_of).collect();
            let wanted: Vec<&Json> = refs
                .iter()
                .filter_map(|key| names.get(key.as_str()))
                .collect();
            let staying: BTreeSet<String> =
                wanted.iter().filter_map(|name| uuid_of(name)).collect();
            let come = wanted
                .iter()
                .filter(|name| uuid_of(name).is_none_or(|uuid| !there.contains(&uuid)));
            let come: Vec<&&Json> = come.collect();
            let go = there
                .iter()
                .filter(|uuid| ours.contains(uuid.as_str()) && !staying.contains(*uuid));
            let go: Vec<Json> = go.map(|uuid| json!(["uuid", uuid])).collect();
            // Both may be of rows with one unique name: those that go, go first.
            if !go.is_empty() {
                mutations.push(json!([column, "delete", ["set", go]]));
            }
            if !come.is_empty() {
                mutations.push(json!([column, "insert", ["set", come]]));
            }
        } else if !is_equal(value, is, names) {
            columns.insert(column.to_owned(), whole(value, names));
        }
    }
    if !columns.is_empty() {
        operations.push(
            json!({"op": "update", "table": row.table.name(), "where": place, "row": columns}),
        );
    }
    if !mutations.is_empty() {
        operations.push(
            json!({"op": "mutate", "table": row.table.name(), "where": place, "mutations": mutations}),
        );
    }
}

fn ids(key: &str, row: &WantedRow) -> Value {
    let notes = row
        .notes
        .iter()
        .map(|(name, note)| ((*name).to_owned(), note.clone()));
    let own = [
        (OWNER.0.to_owned(), OWNER.1.to_owned()),
        (KEY.to_owned(), key.to_owned()),
    ];
    Value::Map(notes.chain(own).collect())
}

/// A value in the protocol's words. Rows that are not wanted are not named.
fn whole(value: &Value, names: &HashMap<&str, Json>) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number),
        Value::Flag(flag) => json!(flag),
        Value::Texts(texts) => json!(["set", texts]),
        Value::Map(pairs) => json!(["map", pairs.iter().collect::<Vec<_>>()]),
        Value::Ref(key) => {
            let named = key.iter().filter_map(|key| names.get(key.as_str()));
            json!(["set", named.collect::<Vec<_>>()])
        }
        Value::Refs(keys) => {
            let named = keys.iter().filter_map(|key| names.get(key.as_str()));
            json!(["set", named.collect::<Vec<_>>()])
        }
    }
}

fn is_equal(value: &Value, is: &Json, names: &HashMap<&str, Json>) -> bool {
    match value {
        Value::Text(text) => elements(is) == [json!(text)],
        Value::Number(number) => elements(is) == [json!(number)],
        Value::Flag(flag) => elements(is) == [json!(flag)],
        Value::Texts(texts) => {
            let there: BTreeSet<&str> = elements(is).iter().filter_map(Json::as_str).collect();
            there.len() == texts.len() && texts.iter().all(|text| there.contains(text.as_str()))
        }
        Value::Map(pairs) => map_of(is) == *pairs,
        Value::Ref(key) => {
            let wanted = key.as_ref().and_then(|key| names.get(key.as_str()));
            match (wanted, elements(is)) {
                (None, []) => true,
                (Some(wanted), [there]) => wanted == there,
                _ => false,
            }
        }
        Value::Refs(_) => false,
    }
}

/// The elements of a set; a set of one may be told as that one.
fn elements(value: &Json) -> &[Json] {
    match value.as_array().map(Vec::as_slice) {
        Some([word, Json::Array(elements)]) if word == "set" => elements,
        _ if value.is_null() => &[],
        _ => std::slice::from_ref(value),
    }
}

fn uuid_of(value: &Json) -> Option<String> {
    match value.as_array().map(Vec::as_slice) {
        Some([word, Json::String(uuid)]) if word == "uuid" => Some(uuid.clone()),
        _ => None,
    }
}

/// A map of strings.
pub fn map_of(value: &Json) -> BTreeMap<String, String> {
    let pairs = match value.as_array().map(Vec::as_slice) {
        Some([word, Json::Array(pairs)]) if word == "map" => pairs.as_slice(),
        _ => &[],
    };
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let pair = |pair: &Json| Some((text(pair.get(0)?)?, text(pair.get(1)?)?));
    pairs.iter().filter_map(pair).collect()
}
