//! Names and metadata of groups of hosts.

use std::collections::BTreeMap;

use super::aggregate_create::{check_text, check_zone, free_on_conn, tell};
use super::aggregate_host::{check_one_zone, check_unused_on_conn};
use super::aggregate_list::lock_on_conn;
use crate::compute::model::{Aggregate, ZONE_KEY};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};

/// Pairs of metadata that one group may have.
const PAIRS: usize = 128;

/// Gives it another name, or another zone, or none.
pub async fn aggregate_update(
    cx: &Context,
    number: i64,
    name: Option<&str>,
    zone: Option<Option<String>>,
) -> Result<Aggregate> {
    let mut tx = cx.db.begin().await?;
    let mut aggregate = lock_on_conn(&mut tx, number).await?;
    if let Some(name) = name.map(str::trim) {
        check_text("name", name)?;
        if name != aggregate.name {
            free_on_conn(&mut tx, name).await?;
        }
        name.clone_into(&mut aggregate.name);
    }
    let zone = zone.map(|zone| (ZONE_KEY.to_owned(), zone));
    write(cx, tx, aggregate, zone.into_iter().collect()).await
}

/// Sets pairs of its metadata; those whose value is absent go.
pub async fn aggregate_metadata_set(
    cx: &Context,
    number: i64,
    pairs: BTreeMap<String, Option<String>>,
) -> Result<Aggregate> {
    let mut tx = cx.db.begin().await?;
    let aggregate = lock_on_conn(&mut tx, number).await?;
    write(cx, tx, aggregate, pairs).await
}

async fn write(
    cx: &Context,
    mut tx: crate::db::Tx,
    mut aggregate: Aggregate,
    pairs: BTreeMap<String, Option<String>>,
) -> Result<Aggregate> {
    let before = aggregate.zone().map(str::to_owned);
    for (key, value) in pairs {
        check_text("metadata", &key)?;
        match value {
            Some(value) => {
                check_text(&key, &value)?;
                aggregate.metadata.insert(key, value);
            }
            None => {
                aggregate.metadata.remove(&key);
            }
        }
    }
    if aggregate.metadata.len() > PAIRS {
        return Err(Error::invalid(
            "metadata",
            format!("at most {PAIRS} pairs are allowed"),
        ));
    }
    if before.as_deref() != aggregate.zone() {
        zone_changes_on_conn(&mut tx, &aggregate).await?;
    }
    store::aggregate::update(&mut tx, &aggregate).await?;
    let aggregate = super::aggregate_list::find_on_conn(&mut tx, aggregate.number).await?;
    tx.commit().await?;
    tell(cx, &aggregate, Change::Updated);
    Ok(aggregate)
}

/// Succeeds if its hosts may be in its new zone: none has servers, which were put into the old one, and none is in yet
/// another.
async fn zone_changes_on_conn(conn: &mut Conn, aggregate: &Aggregate) -> Result<()> {
    if let Some(zone) = aggregate.zone() {
        check_zone(zone)?;
    }
    let all = store::aggregate::list(conn).await?;
    for host in &aggregate.hosts {
        if let Some(zone) = aggregate.zone() {
            check_one_zone(&all, aggregate.number, host, zone)?;
        }
        check_unused_on_conn(conn, host).await?;
    }
    Ok(())
}
