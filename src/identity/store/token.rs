//! Tokens, by their hash.

use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::identity::model::TokenRecord;
use crate::ids::Time;

const COLUMNS: &str = "hash, user_id, user_generation, project_id, project_generation, domain_id, app_credential_id, methods, \
     audit_id, parent_audit_id, issued_at, expires_at";

fn record(row: &mut Row) -> DbResult<TokenRecord> {
    Ok(TokenRecord {
        hash: row.take()?,
        user_id: row.take()?,
        user_generation: row.take()?,
        project_id: row.take()?,
        project_generation: row.take()?,
        domain_id: row.take()?,
        app_credential_id: row.take()?,
        methods: row.take_json()?,
        audit_id: row.take()?,
        parent_audit_id: row.take()?,
        issued_at: row.take()?,
        expires_at: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, token: &TokenRecord) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_token ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    ))
    .bind(&token.hash)
    .bind(token.user_id)
    .bind(token.user_generation)
    .bind(token.project_id)
    .bind(token.project_generation)
    .bind(token.domain_id)
    .bind(token.app_credential_id)
    .bind(Value::json(&token.methods))
    .bind(&token.audit_id)
    .bind(token.parent_audit_id.as_ref())
    .bind(token.issued_at)
    .bind(token.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn show(
    conn: &mut Conn,
    hash: &str,
) -> DbResult<Option<TokenRecord>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_token WHERE hash = $1"
    ))
    .bind(hash)
    .optional(conn, record)
    .await
}

/// `false` if there was no such token.
pub(in crate::identity) async fn delete(conn: &mut Conn, hash: &str) -> DbResult<bool> {
    sql("DELETE FROM identity_token WHERE hash = $1")
        .bind(hash)
        .swapped(conn)
        .await
}

/// Forgets tokens that ended before `now`.
pub(in crate::identity) async fn prune(conn: &mut Conn, now: Time) -> DbResult<()> {
    sql("DELETE FROM identity_token WHERE expires_at < $1")
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}
