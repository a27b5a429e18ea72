//! Making the northbound database what it shall be.
//!
//! It is read, compared, and changed in one transaction, which begins by asking whether the database still says the
//! generation that it said when it was read; if not, somebody else wrote, and all of it is done again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::diff::{There, diff, map_of};
use super::ovsdb::{Connection, OvsdbError};
use super::tls::Identity;
use super::want::{OWNER, Table, Want};
use crate::config::{Engine, Network, Remote, parse_remotes};

const DATABASE: &str = "OVN_Northbound";
/// Where the generation is kept, in `NB_Global.external_ids`.
const GENERATION: &str = "skydeck-generation";
/// How often somebody else may be faster.
const ATTEMPTS: usize = 5;

/// One northbound database.
pub struct Northbound {
    remotes: Vec<Remote>,
    identity: Option<Identity>,
    connection: Mutex<Option<Connection>>,
}

/// What is there.
struct Seen {
    /// All of `NB_Global.external_ids`.
    ids: Json,
    generation: i64,
    there: There,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has what was wanted; so many operations were needed.
    Made(usize),
    /// It has something newer than this generation.
    Newer(i64),
}

impl Northbound {
    /// As the settings say; none where the engine is another. The servers are not asked yet.
    ///
    /// # Errors
    /// Says which file is missing or wrong.
    pub fn configured(settings: &Network) -> Result<Option<Self>, String> {
        if settings.engine != Engine::Ovn {
            return Ok(None);
        }
        let identity = if settings.ovn_key.is_empty() {
            None
        } else {
            let [authority, certificate, key] = [
                &settings.ovn_ca,
                &settings.ovn_certificate,
                &settings.ovn_key,
            ]
            .map(Path::new);
            Some(Identity::read(authority, certificate, key)?)
        };
        Ok(Some(Self::new(
            parse_remotes(&settings.ovn_northbound)?,
            identity,
        )))
    }

    /// The database of these servers, of which any will do.
    pub fn new(remotes: Vec<Remote>, identity: Option<Identity>) -> Self {
        Self {
            remotes,
            identity,
            connection: Mutex::default(),
        }
    }

    /// Makes the rows so, unless they are of a newer generation.
    ///
    /// # Errors
    /// No server answers, or it refuses; asking again is right.
    pub async fn make(&self, generation: i64, want: &Want) -> Result<Outcome, OvsdbError> {
        let mut kept = self.connection.lock().await;
        // One that was kept may have ended long ago.
        if let Some(mut connection) = kept.take()
            && let Ok(outcome) = make(&mut connection, generation, want).await
        {
            *kept = Some(connection);
            return Ok(outcome);
        }
        let mut connection = self.connect().await?;
        let outcome = make(&mut connection, generation, want).await?;
        *kept = Some(connection);
        Ok(outcome)
    }

    async fn connect(&self) -> Result<Connection, OvsdbError> {
        let mut failures = Vec::new();
        for remote in &self.remotes {
            match Connection::open(remote, self.identity.as_ref(), DATABASE).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push(error.to_string()),
            }
        }
        Err(OvsdbError::Unreachable(failures.join("; ")))
    }
}

async fn make(
    connection: &mut Connection,
    generation: i64,
    want: &Want,
) -> Result<Outcome, OvsdbError> {
    for _ in 0..ATTEMPTS {
        let seen = look(connection).await?;
        if seen.generation > generation {
            return Ok(Outcome::Newer(seen.generation));
        }
        let changes = diff(want, &seen.there);
        if changes.is_empty() && seen.generation == generation {
            return Ok(Outcome::Made(0));
        }
        let count = changes.len();
        let mut operations = vec![guard(&seen.ids), note(generation)];
        operations.extend(changes);
        match connection.transact(operations).await {
            Ok(_) => return Ok(Outcome::Made(count)),
            Err(OvsdbError::Overtaken) => {}
            Err(error) => return Err(error),
        }
    }
    Err(OvsdbError::Overtaken)
}

async fn look(connection: &mut Connection) -> Result<Seen, OvsdbError> {
    let mut operations = vec![
        json!({"op": "select", "table": "NB_Global", "where": [], "columns": ["external_ids"]}),
    ];
    let ours = json!([["external_ids", "includes", ["map", [[OWNER.0, OWNER.1]]]]]);
    operations.extend(
        Table::ALL
            .iter()
            .map(|table| json!({"op": "select", "table": table.name(), "where": ours})),
    );
    let mut results = connection.transact(operations).await?.into_iter();
    let global = results.next().unwrap_or_default();
    let Some(ids) = global["rows"].get(0).map(|row| row["external_ids"].clone()) else {
        return Err(OvsdbError::Refused(
            "its table NB_Global has no row: initialise it (ovn-nbctl init)".into(),
        ));
    };
    let mut there = There::default();
    for (table, mut result) in Table::ALL.into_iter().zip(results) {
        let rows: Vec<BTreeMap<String, Json>> =
            serde_json::from_value(result["rows"].take()).unwrap_or_default();
        for row in rows {
            there.add(table, row);
        }
    }
    let said = map_of(&ids);
    let generation = said.get(GENERATION).and_then(|text| text.parse().ok());
    Ok(Seen {
        generation: generation.unwrap_or(0),
        ids,
        there,
    })
}

/// Fails the transaction unless the database says what it said.
fn guard(ids: &Json) -> Json {
    json!({
        "op": "wait",
        "table": "NB_Global",
        "timeout": 0,
        "where": [],
        "columns": ["external_ids"],
        "until": "==",
        "rows": [{"external_ids": ids}],
    })
}

fn note(generation: i64) -> Json {
    json!({
        "op": "mutate",
        "table": "NB_Global",
        "where": [],
        "mutations": [
            ["external_ids", "delete", ["set", [GENERATION]]],
            ["external_ids", "insert", ["map", [[GENERATION, generation.to_string()]]]],
        ],
    })
}
