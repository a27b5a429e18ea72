//! What each node shall have and has, in generations.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::Time;

/// What stands in a node's place for OVN's northbound database: no node has this name.
pub const NORTHBOUND: &str = "";

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNetwork {
    /// The node.
    pub host: String,
    /// Generation of what it shall have.
    pub wanted: i64,
    /// Generation it is known to have; lower than `wanted` while it has to be told.
    pub applied: i64,
    /// When it was told last, with success.
    pub applied_at: Time,
    /// Why the last attempt failed, or what the node left out.
    pub trouble: Option<String>,
}

const COLUMNS: &str = "host, wanted, applied, applied_at, trouble";

fn entry(row: &mut Row) -> DbResult<HostNetwork> {
    Ok(HostNetwork {
        host: row.take()?,
        wanted: row.take()?,
        applied: row.take()?,
        applied_at: row.take()?,
        trouble: row.take()?,
    })
}

/// Where a node stands; `None` if it never had a port.
pub async fn find(conn: &mut Conn, host: &str) -> DbResult<Option<HostNetwork>> {
    sql(format!(
        "SELECT {COLUMNS} FROM network_host WHERE host = $1"
    ))
    .bind(host)
    .optional(conn, entry)
    .await
}

/// Whether OVN's northbound database is among those that are told.
pub async fn has_northbound(conn: &mut Conn) -> DbResult<bool> {
    Ok(find(conn, NORTHBOUND).await?.is_some())
}

/// Says that it is, or is not.
pub async fn set_northbound(conn: &mut Conn, there: bool) -> DbResult<()> {
    turn(conn).await?;
    if there {
        return bump_one(conn, NORTHBOUND).await;
    }
    sql("DELETE FROM network_host WHERE host = $1")
        .bind(NORTHBOUND)
        .execute(conn)
        .await?;
    Ok(())
}

/// All nodes that ever had a port, by name.
pub async fn list(conn: &mut Conn) -> DbResult<Vec<HostNetwork>> {
    sql(format!(
        "SELECT {COLUMNS} FROM network_host WHERE host <> $1 ORDER BY host"
    ))
    .bind(NORTHBOUND)
    .all(conn, entry)
    .await
}

/// Nodes that have to be told something, by name; also those that were told nothing since `before`.
pub async fn due(conn: &mut Conn, before: Time) -> DbResult<Vec<HostNetwork>> {
    sql(format!(
        "SELECT {COLUMNS} FROM network_host WHERE applied < wanted OR applied_at < $1 ORDER BY host"
    ))
    .bind(before)
    .all(conn, entry)
    .await
}

/// What changes what nodes shall have does so alone. Everything about networks is locked after this turn is taken: two that
/// change several networks, ports and nodes in different orders would else wait for each other.
pub async fn turn(conn: &mut Conn) -> DbResult<()> {
    conn.take_turn("network:nodes").await?;
    // It shall have everything; where there is none, there is no row.
    sql("UPDATE network_host SET wanted = wanted + 1 WHERE host = $1")
        .bind(NORTHBOUND)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that what these nodes shall have changed.
pub async fn bump(conn: &mut Conn, hosts: &[String]) -> DbResult<()> {
    turn(conn).await?;
    for host in hosts {
        bump_one(conn, host).await?;
    }
    Ok(())
}

async fn bump_one(conn: &mut Conn, host: &str) -> DbResult<()> {
    let known = sql("UPDATE network_host SET wanted = wanted + 1 WHERE host = $1")
        .bind(host)
        .swapped(conn)
        .await?;
    if !known {
        sql("INSERT INTO network_host (host, wanted, applied, applied_at, trouble) VALUES ($1, 1, 0, 0, NULL) \
             ON CONFLICT (host) DO UPDATE SET wanted = network_host.wanted + 1")
        .bind(host)
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Notes what a node has now, and what it left out.
pub async fn applied(
    conn: &mut Conn,
    host: &str,
    generation: i64,
    trouble: Option<&str>,
) -> DbResult<()> {
    sql("UPDATE network_host SET applied = CASE WHEN applied < $2 THEN $2 ELSE applied END, applied_at = $3, trouble = $4 WHERE host = $1")
        .bind(host)
        .bind(generation)
        .bind(Time::now())
        .bind(trouble)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that a node has something newer than is wanted (a database that was restored): what is wanted overtakes it.
pub async fn overtake(conn: &mut Conn, host: &str, generation: i64) -> DbResult<()> {
    sql("UPDATE network_host SET wanted = $2 + 1, applied = 0 WHERE host = $1 AND wanted <= $2")
        .bind(host)
        .bind(generation)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes why a node could not be told.
pub async fn failed(conn: &mut Conn, host: &str, trouble: &str) -> DbResult<()> {
    sql("UPDATE network_host SET trouble = $2 WHERE host = $1")
        .bind(host)
        .bind(trouble)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets what a node is known to have, so that it is told again.
pub async fn forget(conn: &mut Conn, host: &str) -> DbResult<bool> {
    sql("UPDATE network_host SET applied = 0 WHERE host = $1 AND applied <> 0")
        .bind(host)
        .swapped(conn)
        .await
}
