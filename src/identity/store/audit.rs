//! The audit.

use crate::db::{Conn, DbResult, Row, sql};
use crate::identity::model::{AuditEntry, AuditQuery};
use crate::ids::Time;

const COLUMNS: &str = "id, at, user_id, user_name, project_id, action, resource_type, resource_id, resource_name, outcome, \
     reason, status, request_id, operation_id";

fn entry(row: &mut Row) -> DbResult<AuditEntry> {
    Ok(AuditEntry {
        id: row.take()?,
        at: row.take()?,
        user_id: row.take()?,
        user_name: row.take()?,
        project_id: row.take()?,
        action: row.take()?,
        resource_type: row.take()?,
        resource_id: row.take()?,
        resource_name: row.take()?,
        outcome: row.take_parsed()?,
        reason: row.take()?,
        status: u16::try_from(row.take::<i64>()?).unwrap_or_default(),
        request_id: row.take()?,
        operation_id: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, entry: &AuditEntry) -> DbResult<()> {
    sql(format!(
        "INSERT INTO audit ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    ))
    .bind(entry.id)
    .bind(entry.at)
    .bind(entry.user_id)
    .bind(&entry.user_name)
    .bind(entry.project_id)
    .bind(&entry.action)
    .bind(entry.resource_type.as_ref())
    .bind(entry.resource_id.as_ref())
    .bind(entry.resource_name.as_ref())
    .bind(entry.outcome.name())
    .bind(entry.reason.as_ref())
    .bind(i64::from(entry.status))
    .bind(&entry.request_id)
    .bind(entry.operation_id)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn list(
    conn: &mut Conn,
    query: &AuditQuery,
) -> DbResult<Vec<AuditEntry>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM audit WHERE 1 = 1"));
    if let Some(user) = query.user_id {
        statement = statement.push_bind(" AND user_id = {}", user);
    }
    if let Some(resource) = &query.resource_id {
        statement = statement.push_bind(" AND resource_id = {}", resource);
    }
    if let Some(outcome) = query.outcome {
        statement = statement.push_bind(" AND outcome = {}", outcome.name());
    }
    if let Some(since) = query.since {
        statement = statement.push_bind(" AND at >= {}", since);
    }
    if let Some(before) = query.before {
        // Ids sort by time.
        statement = statement.push_bind(" AND id < {}", before);
    }
    statement
        .push_bind(" ORDER BY id DESC LIMIT {}", query.limit)
        .all(conn, entry)
        .await
}

/// Forgets entries from before `before`.
pub(in crate::identity) async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM audit WHERE at < $1")
        .bind(before)
        .execute(conn)
        .await
}
