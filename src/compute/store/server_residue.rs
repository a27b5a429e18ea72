//! What nodes still have to remove: guests whose node did not answer when it was asked to.
//!
//! A server can be deleted, or go elsewhere, without waiting for a node that may never come back. The debt is kept here
//! and paid when the node reports.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{ServerId, Time};

/// Notes that `host` may still have something of `server`.
pub async fn add(conn: &mut Conn, host: &str, server: ServerId) -> DbResult<()> {
    sql("INSERT INTO server_residue (host, server_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(host)
        .bind(server)
        .bind(Time::now())
        .execute(conn)
        .await?;
    Ok(())
}

/// Servers of which `host` may still have something.
pub async fn on_host(conn: &mut Conn, host: &str) -> DbResult<Vec<ServerId>> {
    sql("SELECT server_id FROM server_residue WHERE host = $1 ORDER BY server_id")
        .bind(host)
        .all(conn, Row::take)
        .await
}

/// Hosts that may still have something of `server`.
pub async fn hosts_of(conn: &mut Conn, server: ServerId) -> DbResult<Vec<String>> {
    sql("SELECT host FROM server_residue WHERE server_id = $1 ORDER BY host")
        .bind(server)
        .all(conn, Row::take)
        .await
}

/// The node has nothing of the server any more.
pub async fn remove(conn: &mut Conn, host: &str, server: ServerId) -> DbResult<bool> {
    sql("DELETE FROM server_residue WHERE host = $1 AND server_id = $2")
        .bind(host)
        .bind(server)
        .swapped(conn)
        .await
}
