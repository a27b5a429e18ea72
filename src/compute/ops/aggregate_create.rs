//! Making groups of hosts.

use std::collections::BTreeMap;

use super::aggregate_list::INTERNAL_ZONE;
use crate::compute::model::{Aggregate, ZONE_KEY};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::AggregateId;

/// Longest name, key and value.
const LONGEST: usize = 255;
/// Groups there may be: filters read all of them for each decision.
const MOST: usize = 1000;

/// Makes a group without hosts; a zone, if one is named. Its name must be free.
pub async fn aggregate_create(cx: &Context, name: &str, zone: Option<&str>) -> Result<Aggregate> {
    let name = name.trim();
    check_text("name", name)?;
    let mut metadata = BTreeMap::new();
    if let Some(zone) = zone {
        check_zone(zone)?;
        metadata.insert(ZONE_KEY.to_owned(), zone.to_owned());
    }
    let id = AggregateId::new();
    let mut tx = cx.db.begin().await?;
    free_on_conn(&mut tx, name).await?;
    store::aggregate::insert(&mut tx, id, name, &metadata).await?;
    let made = store::aggregate::list(&mut tx).await?;
    if made.len() > MOST {
        return Err(Error::conflict(format!(
            "there are {MOST} aggregates, and no more can be made; delete one first"
        )));
    }
    let made = made.into_iter().find(|aggregate| aggregate.id == id);
    let made = made.ok_or_else(|| Error::not_found("aggregate", id))?;
    tx.commit().await?;
    tell(cx, &made, Change::Created);
    Ok(made)
}

/// Succeeds if no group has this name.
pub(super) async fn free_on_conn(conn: &mut Conn, name: &str) -> Result<()> {
    let all = store::aggregate::list(conn).await?;
    if all.iter().any(|aggregate| aggregate.name == name) {
        return Err(Error::conflict(format!("Aggregate {name} already exists.")));
    }
    Ok(())
}

pub(super) fn check_text(field: &str, text: &str) -> Result<()> {
    let length = text.chars().count();
    if length == 0 || length > LONGEST || text.chars().any(char::is_control) {
        return Err(Error::invalid(
            field,
            format!("1 to {LONGEST} printable characters are needed"),
        ));
    }
    Ok(())
}

/// Succeeds if a zone may be called so: a request writes `zone:host`.
pub(super) fn check_zone(zone: &str) -> Result<()> {
    check_text(ZONE_KEY, zone)?;
    if zone.contains(':') || zone.trim() != zone {
        return Err(Error::invalid(
            ZONE_KEY,
            "no colon, and no space at an end, is allowed",
        ));
    }
    if zone == INTERNAL_ZONE {
        return Err(Error::invalid(
            ZONE_KEY,
            format!("{INTERNAL_ZONE} is the zone of control processes"),
        ));
    }
    Ok(())
}

pub(super) fn tell(cx: &Context, aggregate: &Aggregate, change: Change) {
    cx.events
        .changed("aggregate", aggregate.number, None, change);
}
