//! Invitations to nodes. Only the hashes of their tokens are stored, each is good once.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::Time;

/// Keeps an invitation; an earlier one for the same name is void, and those that have expired are forgotten.
pub async fn issue(conn: &mut Conn, hash: &str, host: &str, expires_at: Time) -> DbResult<()> {
    sql("DELETE FROM node_join WHERE host = $1 OR expires_at < $2")
        .bind(host)
        .bind(Time::now())
        .execute(conn)
        .await?;
    sql("INSERT INTO node_join (token, host, expires_at) VALUES ($1, $2, $3)")
        .bind(hash)
        .bind(host)
        .bind(expires_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The name that an invitation is for which is valid at `now`.
pub async fn show(conn: &mut Conn, hash: &str, now: Time) -> DbResult<Option<String>> {
    sql("SELECT host FROM node_join WHERE token = $1 AND expires_at >= $2")
        .bind(hash)
        .bind(now)
        .optional(conn, Row::take::<String>)
        .await
}

/// Takes it; `false` if somebody else did.
pub async fn take(conn: &mut Conn, hash: &str) -> DbResult<bool> {
    sql("DELETE FROM node_join WHERE token = $1")
        .bind(hash)
        .swapped(conn)
        .await
}
