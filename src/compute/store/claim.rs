//! The ledger: what of which host is promised to whom, and why the scheduler decided so.

use std::collections::HashMap;

use crate::compute::model::{Claim, Consumer, Resources};
use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{OperationId, ProjectId, ServerId, Time, UserId};

/// Locks the host's part of the ledger until the transaction ends and notes that it changes. `false` if there is no such
/// host. All engines hold the row of an UPDATE for its transaction, so whoever sums claims after this sees all of them.
pub async fn lock(conn: &mut Conn, host: &str) -> DbResult<bool> {
    sql("UPDATE host SET generation = generation + 1 WHERE name = $1")
        .bind(host)
        .swapped(conn)
        .await
}

/// What is claimed of a host, all claims together.
pub async fn used(conn: &mut Conn, host: &str) -> DbResult<Resources> {
    let engine = conn.engine();
    let found = sql(format!(
        "SELECT {}, {}, {} FROM claim WHERE host = $1",
        engine.sum("vcpus"),
        engine.sum("memory_mb"),
        engine.sum("disk_gb")
    ))
    .bind(host)
    .optional(conn, resources)
    .await?;
    Ok(found.unwrap_or_default())
}

/// What is claimed for the servers of a project, those of one user only if one is given.
pub async fn used_of_project(
    conn: &mut Conn,
    project: ProjectId,
    user: Option<UserId>,
) -> DbResult<Resources> {
    let engine = conn.engine();
    let mut statement = sql(format!(
        "SELECT {}, {}, {} FROM claim WHERE server_id IN (SELECT id FROM server WHERE project_id = $1",
        engine.sum("vcpus"),
        engine.sum("memory_mb"),
        engine.sum("disk_gb")
    ))
    .bind(project);
    if let Some(user) = user {
        statement = statement.push_bind(" AND user_id = {}", user);
    }
    let found = statement.push(")").optional(conn, resources).await?;
    Ok(found.unwrap_or_default())
}

/// What is claimed of each host that has claims, and for how many servers.
pub async fn used_by_host(conn: &mut Conn) -> DbResult<HashMap<String, (Resources, u32)>> {
    let engine = conn.engine();
    let rows = sql(format!(
        "SELECT host, {}, {}, {}, COUNT(DISTINCT server_id) FROM claim GROUP BY host",
        engine.sum("vcpus"),
        engine.sum("memory_mb"),
        engine.sum("disk_gb")
    ))
    .all(conn, |row| {
        Ok((row.take::<String>()?, (resources(row)?, row.take::<u32>()?)))
    })
    .await?;
    Ok(rows.into_iter().collect())
}

fn resources(row: &mut Row) -> DbResult<Resources> {
    Ok(Resources::new(row.take()?, row.take()?, row.take()?))
}

/// Writes a claim; `false` if the consumer has one already.
pub async fn insert(conn: &mut Conn, claim: &Claim) -> DbResult<bool> {
    sql("INSERT INTO claim (consumer, kind, server_id, host, vcpus, memory_mb, disk_gb, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING")
    .bind(claim.consumer.to_string())
    .bind(claim.consumer.kind())
    .bind(claim.server)
    .bind(&claim.host)
    .bind(claim.resources.vcpus)
    .bind(claim.resources.memory_mb)
    .bind(claim.resources.disk_gb)
    .bind(claim.created_at)
    .swapped(conn)
    .await
}

/// Removes a consumer's claim; `false` if it has none.
pub async fn delete(conn: &mut Conn, consumer: Consumer) -> DbResult<bool> {
    sql("DELETE FROM claim WHERE consumer = $1")
        .bind(consumer.to_string())
        .swapped(conn)
        .await
}

/// Removes every claim for a server.
pub async fn delete_of_server(conn: &mut Conn, server: ServerId) -> DbResult<u64> {
    sql("DELETE FROM claim WHERE server_id = $1")
        .bind(server)
        .execute(conn)
        .await
}

const COLUMNS: &str = "consumer, kind, server_id, host, vcpus, memory_mb, disk_gb, created_at";

fn claim(row: &mut Row) -> DbResult<Claim> {
    let id: ServerId = row.take()?;
    let kind: String = row.take()?;
    let consumer = if kind == "operation" {
        Consumer::Operation(OperationId::from_uuid(id.uuid()))
    } else {
        Consumer::Server(id)
    };
    Ok(Claim {
        consumer,
        server: row.take()?,
        host: row.take()?,
        resources: resources(row)?,
        created_at: row.take()?,
    })
}

/// A consumer's claim.
pub async fn find(conn: &mut Conn, consumer: Consumer) -> DbResult<Option<Claim>> {
    sql(format!("SELECT {COLUMNS} FROM claim WHERE consumer = $1"))
        .bind(consumer.to_string())
        .optional(conn, claim)
        .await
}

/// All claims for these servers.
pub async fn of_servers(conn: &mut Conn, servers: &[ServerId]) -> DbResult<Vec<Claim>> {
    sql(format!("SELECT {COLUMNS} FROM claim WHERE server_id"))
        .push_in(servers.iter().copied())
        .push(" ORDER BY created_at, consumer")
        .all(conn, claim)
        .await
}

/// All claims on a host.
pub async fn of_host(conn: &mut Conn, host: &str) -> DbResult<Vec<Claim>> {
    sql(format!(
        "SELECT {COLUMNS} FROM claim WHERE host = $1 ORDER BY created_at, consumer"
    ))
    .bind(host)
    .all(conn, claim)
    .await
}

/// Keeps a decision (`content` is JSON). Ids sort by time.
pub async fn decision_insert(
    conn: &mut Conn,
    server: ServerId,
    operation: Option<OperationId>,
    at: Time,
    content: String,
) -> DbResult<()> {
    sql("INSERT INTO decision (id, server_id, operation_id, at, content) VALUES ($1, $2, $3, $4, $5)")
        .bind(OperationId::new())
        .bind(server)
        .bind(operation)
        .bind(at)
        .bind(content)
        .execute(conn)
        .await?;
    Ok(())
}

/// The latest decisions about a server, newest first: operation, time, content.
pub async fn decisions(
    conn: &mut Conn,
    server: ServerId,
    limit: i64,
) -> DbResult<Vec<(Option<OperationId>, Time, String)>> {
    sql("SELECT operation_id, at, content FROM decision WHERE server_id = $1 ORDER BY id DESC LIMIT $2")
        .bind(server)
        .bind(limit)
        .all(conn, |row| Ok((row.take()?, row.take()?, row.take()?)))
        .await
}

/// Forgets decisions made before `before`; says how many.
pub async fn decisions_prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM decision WHERE at < $1")
        .bind(before)
        .execute(conn)
        .await
}
