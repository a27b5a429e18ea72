//! Which hosts are in a group.
//!
//! A host is in one zone at most, and does not change it while it has servers: they were asked into the zone that they are
//! in.

use super::aggregate_create::tell;
use super::aggregate_list::{find_on_conn, lock_on_conn};
use super::host_list::down_us;
use crate::compute::model::{Aggregate, zone_of_host};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};

/// Puts a host into a group.
pub async fn aggregate_host_add(cx: &Context, number: i64, host: &str) -> Result<Aggregate> {
    let mut tx = cx.db.begin().await?;
    let aggregate = lock_on_conn(&mut tx, number).await?;
    if store::host::by_name(&mut tx, host, down_us(cx))
        .await?
        .is_none()
    {
        return Err(Error::not_found("host", host));
    }
    if let Some(zone) = aggregate.zone() {
        let all = store::aggregate::list(&mut tx).await?;
        check_one_zone(&all, number, host, zone)?;
        if zone_of_host(&all, host) != zone {
            check_unused_on_conn(&mut tx, host).await?;
        }
    }
    if !store::aggregate::host_add(&mut tx, number, host).await? {
        return Err(Error::conflict(format!(
            "host {host} is in aggregate {} already",
            aggregate.name
        )));
    }
    finish(cx, tx, number).await
}

/// Takes a host out of a group.
pub async fn aggregate_host_remove(cx: &Context, number: i64, host: &str) -> Result<Aggregate> {
    let mut tx = cx.db.begin().await?;
    let aggregate = lock_on_conn(&mut tx, number).await?;
    if !store::aggregate::host_remove(&mut tx, number, host).await? {
        return Err(Error::not_found(
            "host",
            format!("{host} in aggregate {}", aggregate.name),
        ));
    }
    let all = store::aggregate::list(&mut tx).await?;
    if aggregate
        .zone()
        .is_some_and(|zone| zone_of_host(&all, host) != zone)
    {
        check_unused_on_conn(&mut tx, host).await?;
    }
    finish(cx, tx, number).await
}

async fn finish(cx: &Context, mut tx: crate::db::Tx, number: i64) -> Result<Aggregate> {
    let aggregate = find_on_conn(&mut tx, number).await?;
    tx.commit().await?;
    tell(cx, &aggregate, Change::Updated);
    Ok(aggregate)
}

/// Succeeds if no other group puts this host into another zone.
pub(super) fn check_one_zone(all: &[Aggregate], number: i64, host: &str, zone: &str) -> Result<()> {
    let other = all.iter().find(|aggregate| {
        aggregate.number != number
            && aggregate.hosts.iter().any(|name| name == host)
            && aggregate.zone().is_some_and(|has| has != zone)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(Error::conflict(format!(
            "host {host} is in zone {} by aggregate {}, and a host is in one zone only; take it out of that one first",
            other.zone().unwrap_or_default(),
            other.name
        ))),
    }
}

/// Succeeds if the host has no servers.
pub(super) async fn check_unused_on_conn(conn: &mut Conn, host: &str) -> Result<()> {
    store::claim::lock(conn, host).await?;
    let servers = store::claim::of_host(conn, host).await?;
    match servers.first() {
        None => Ok(()),
        Some(claim) => Err(Error::conflict(format!(
            "host {host} has {} servers, {} for one, which would change their zone; move or delete them first",
            servers.len(),
            claim.server
        ))),
    }
}
