//! Key pairs of users.

use crate::compute::model::Keypair;
use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::UserId;

const COLUMNS: &str = "number, user_id, name, fingerprint, public_key, created_at";

fn keypair(row: &mut Row) -> DbResult<Keypair> {
    Ok(Keypair {
        number: row.take()?,
        user: row.take()?,
        name: row.take()?,
        fingerprint: row.take()?,
        public_key: row.take()?,
        created_at: row.take()?,
    })
}

/// Writes a key pair and gives it the next number, which is not read from `new`.
pub async fn insert(conn: &mut Conn, new: &Keypair) -> DbResult<()> {
    sql(format!(
        "INSERT INTO keypair ({COLUMNS}) SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5 FROM keypair"
    ))
    .bind(new.user)
    .bind(&new.name)
    .bind(&new.fingerprint)
    .bind(&new.public_key)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A user's key pair of this name.
pub async fn find(conn: &mut Conn, user: UserId, name: &str) -> DbResult<Option<Keypair>> {
    sql(format!(
        "SELECT {COLUMNS} FROM keypair WHERE user_id = $1 AND name = $2"
    ))
    .bind(user)
    .bind(name)
    .optional(conn, keypair)
    .await
}

/// A user's key pairs after `marker`, by name, at most `limit`.
pub async fn list(
    conn: &mut Conn,
    user: UserId,
    marker: &str,
    limit: i64,
) -> DbResult<Vec<Keypair>> {
    sql(format!(
        "SELECT {COLUMNS} FROM keypair WHERE user_id = $1 AND name > $2 ORDER BY name LIMIT $3"
    ))
    .bind(user)
    .bind(marker)
    .bind(limit)
    .all(conn, keypair)
    .await
}

/// How many a user has.
pub async fn count(conn: &mut Conn, user: UserId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM keypair WHERE user_id = $1")
        .bind(user)
        .scalar(conn)
        .await
}

/// Removes a user's key pair; `false` if there is none of this name.
pub async fn delete(conn: &mut Conn, user: UserId, name: &str) -> DbResult<bool> {
    sql("DELETE FROM keypair WHERE user_id = $1 AND name = $2")
        .bind(user)
        .bind(name)
        .swapped(conn)
        .await
}
