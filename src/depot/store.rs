//! The key of tickets.

use crate::db::{Conn, DbResult, Row, sql};

/// Name of the key that tickets are signed with now.
const CURRENT: &str = "current";

/// The secret, if it was made.
pub async fn key(conn: &mut Conn) -> DbResult<Option<String>> {
    sql("SELECT secret FROM depot_key WHERE name = $1")
        .bind(CURRENT)
        .optional(conn, Row::take::<String>)
        .await
}

/// Keeps the secret.
pub async fn key_insert(conn: &mut Conn, secret: &str) -> DbResult<()> {
    sql("INSERT INTO depot_key (name, secret) VALUES ($1, $2)")
        .bind(CURRENT)
        .bind(secret)
        .execute(conn)
        .await?;
    Ok(())
}
