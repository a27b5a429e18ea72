//! Runs of many moves, and the homes of servers that one of them took away.

use crate::compute::model::MovesGoal;
use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{OperationId, ServerId, Time};

/// A run of moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The operation that does them.
    pub operation: OperationId,
    /// What for.
    pub goal: MovesGoal,
    /// The host it is about, if it is about one.
    pub host: Option<String>,
    /// Whether nothing new is begun.
    pub paused: bool,
    /// When it was asked for.
    pub created_at: Time,
}

fn run(row: &mut Row) -> DbResult<Run> {
    Ok(Run {
        operation: row.take()?,
        goal: row.take_parsed()?,
        host: row.take()?,
        paused: row.take()?,
        created_at: row.take()?,
    })
}

const COLUMNS: &str = "operation_id, goal, host, paused, created_at";

/// Adds a run.
pub async fn insert(conn: &mut Conn, new: &Run) -> DbResult<()> {
    sql(format!(
        "INSERT INTO server_moves ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
    ))
    .bind(new.operation)
    .bind(new.goal.name())
    .bind(new.host.as_ref())
    .bind(new.paused)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest runs.
pub async fn list(conn: &mut Conn, limit: i64) -> DbResult<Vec<Run>> {
    sql(format!(
        "SELECT {COLUMNS} FROM server_moves ORDER BY operation_id DESC LIMIT $1"
    ))
    .bind(limit)
    .all(conn, run)
    .await
}

/// The run that an operation is.
pub async fn show(conn: &mut Conn, id: OperationId) -> DbResult<Option<Run>> {
    sql(format!(
        "SELECT {COLUMNS} FROM server_moves WHERE operation_id = $1"
    ))
    .bind(id)
    .optional(conn, run)
    .await
}

/// Lets a run begin nothing new, or go on; `false` if there is none.
pub async fn pause(conn: &mut Conn, id: OperationId, paused: bool) -> DbResult<bool> {
    sql("UPDATE server_moves SET paused = $2 WHERE operation_id = $1")
        .bind(id)
        .bind(paused)
        .swapped(conn)
        .await
}

/// Forgets runs that were asked for before then.
pub async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM server_moves WHERE created_at < $1")
        .bind(before)
        .execute(conn)
        .await
}

/// Notes that a server was taken from its host. One that was taken from another before keeps that as its home.
pub async fn leave_home(conn: &mut Conn, server: ServerId, host: &str) -> DbResult<()> {
    sql("INSERT INTO server_home (server_id, host, left_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(server)
        .bind(host)
        .bind(Time::now())
        .execute(conn)
        .await?;
    Ok(())
}

/// Servers that were taken from a host and have not come back.
pub async fn away_from(conn: &mut Conn, host: &str) -> DbResult<Vec<ServerId>> {
    sql("SELECT server_id FROM server_home WHERE host = $1 ORDER BY server_id")
        .bind(host)
        .all(conn, Row::take)
        .await
}

/// A server is home again, or has none any more.
pub async fn forget_home(conn: &mut Conn, server: ServerId) -> DbResult<bool> {
    sql("DELETE FROM server_home WHERE server_id = $1")
        .bind(server)
        .swapped(conn)
        .await
}
