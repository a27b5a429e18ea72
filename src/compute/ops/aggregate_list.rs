//! Groups of hosts, and the zones that some of them are.

use std::collections::BTreeMap;

use crate::compute::model::{Aggregate, DEFAULT_ZONE, Host, zone_of_host};
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};

/// The zone of control processes, in which no server can be.
pub const INTERNAL_ZONE: &str = "internal";

/// All groups of hosts, in the order in which they were made.
pub async fn aggregate_list(cx: &Context) -> Result<Vec<Aggregate>> {
    let mut conn = cx.db.read().await?;
    Ok(store::aggregate::list(&mut conn).await?)
}

/// The group that goes by this number.
pub async fn aggregate_show(cx: &Context, number: i64) -> Result<Aggregate> {
    let mut conn = cx.db.read().await?;
    find_on_conn(&mut conn, number).await
}

pub(super) async fn find_on_conn(conn: &mut Conn, number: i64) -> Result<Aggregate> {
    let all = store::aggregate::list(conn).await?;
    all.into_iter()
        .find(|aggregate| aggregate.number == number)
        .ok_or_else(|| Error::not_found("aggregate", number))
}

/// The same, after waiting for whoever else changes it.
pub(super) async fn lock_on_conn(conn: &mut Conn, number: i64) -> Result<Aggregate> {
    if !store::aggregate::lock(conn, number).await? {
        return Err(Error::not_found("aggregate", number));
    }
    find_on_conn(conn, number).await
}

/// Every zone that servers can be asked into, with its hosts. The default zone is there even without any.
pub async fn zone_list(cx: &Context) -> Result<BTreeMap<String, Vec<Host>>> {
    let mut conn = cx.db.read().await?;
    let aggregates = store::aggregate::list(&mut conn).await?;
    drop(conn);
    let mut zones = BTreeMap::from([(DEFAULT_ZONE.to_owned(), Vec::new())]);
    for host in super::host_list(cx).await? {
        let zone = zone_of_host(&aggregates, &host.name).to_owned();
        zones.entry(zone).or_default().push(host);
    }
    Ok(zones)
}

/// The zone of a host.
pub async fn host_zone(cx: &Context, host: &str) -> Result<String> {
    Ok(zone_of_host(&aggregate_list(cx).await?, host).to_owned())
}
