//! Making the northbound database what it shall be.
//!
//! It is read, compared, and changed in one transaction, which begins by asking whether the database still says the
//! generation that it said when it was read; if not, somebody else wrote, and all of it is done again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::diff::{There, diff, map_of};
use super::ovsdb::{Connection, OvsdbError};
use super::tls::Identity;
use super::want::{OWNER, Table, Want};
use crate::config::{Engine, Network, Remote, parse_remotes};
use crate::ids::PortId;

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
    /// Ports that no chassis had when this was asked last.
    missed: Mutex<BTreeSet<PortId>>,
}

/// Guests' ports of ours that no chassis has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Those of this moment.
    pub now: BTreeSet<PortId>,
    /// Those of them that were missing when this was asked before as well: one that is bound, or moves, is missing for a moment.
    pub lasting: BTreeSet<PortId>,
}

/// A question to the server that there is a connection to.
type Question<Q, T> = for<'a> fn(&'a mut Connection, &'a Q) -> BoxFuture<'a, Result<T, OvsdbError>>;

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
            missed: Mutex::default(),
        }
    }

    /// Makes the rows so, unless they are of a newer generation.
    ///
    /// # Errors
    /// No server answers, or it refuses; asking again is right.
    pub async fn make(&self, generation: i64, want: &Want) -> Result<Outcome, OvsdbError> {
        self.ask(&(generation, want), |connection, (generation, want)| {
            make(connection, *generation, want).boxed()
        })
        .await
    }

    /// Which guests' ports no chassis has: neither one that they are bound to nor another.
    ///
    /// # Errors
    /// No server answers; asking again is right.
    pub async fn missing(&self) -> Result<Missing, OvsdbError> {
        let now = self
            .ask(&(), |connection, ()| missing(connection).boxed())
            .await?;
        let mut missed = self.missed.lock().await;
        let lasting = now.intersection(&missed).copied().collect();
        missed.clone_from(&now);
        Ok(Missing { now, lasting })
    }

    async fn ask<Q, T>(&self, about: &Q, question: Question<Q, T>) -> Result<T, OvsdbError> {
        let mut kept = self.connection.lock().await;
        // One that was kept may have ended long ago.
        if let Some(mut connection) = kept.take()
            && let Ok(answer) = question(&mut connection, about).await
        {
            *kept = Some(connection);
            return Ok(answer);
        }
        let mut connection = self.connect().await?;
        let answer = question(&mut connection, about).await?;
        *kept = Some(connection);
        Ok(answer)
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

/// What says that a row is ours.
fn ours() -> Json {
    json!(["external_ids", "includes", ["map", [[OWNER.0, OWNER.1]]]])
}

/// `up` is ovn-northd's word for that a chassis has a port, and for that its flows are made there.
async fn missing(connection: &mut Connection) -> Result<BTreeSet<PortId>, OvsdbError> {
    let table = Table::SwitchPort.name();
    // Those without a type are guests'.
    let which = json!([ours(), ["type", "==", ""], ["up", "!=", true]]);
    let select = json!({"op": "select", "table": table, "where": which, "columns": ["name"]});
    let results = connection.transact(vec![select]).await?;
    let rows = results.first().and_then(|result| result["rows"].as_array());
    let names = rows
        .into_iter()
        .flatten()
        .filter_map(|row| row["name"].as_str());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

async fn look(connection: &mut Connection) -> Result<Seen, OvsdbError> {
    let mut operations = vec![
        json!({"op": "select", "table": "NB_Global", "where": [], "columns": ["external_ids"]}),
    ];
    let ours = json!([ours()]);
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
