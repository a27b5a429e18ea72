//! The SQL of operations. Every write of a running one is fenced by owner and generation.

use uuid::Uuid;

use super::model::{Operation, OperationEvent, OperationQuery, Progress, Status};
use super::ops::Target;
use crate::context::Context;
use crate::db::{Conn, Db, DbResult, Row, Value, sql};
use crate::ids::{OperationId, ProjectId, Time};

/// No lease and no rest lasts longer, in microseconds. What claims to is left of a clock that was set back.
pub(super) const FARTHEST_US: i64 = 120_000_000;

/// Whether an operation may be claimed now.
fn due(now: &str) -> String {
    format!(
        "status IN ('pending', 'running', 'unwinding') AND (lease_until <= {now} OR lease_until > {now} + {FARTHEST_US}) \
         AND (wake_at <= {now} OR wake_at > {now} + {FARTHEST_US})"
    )
}

const COLUMNS: &str = "id, kind, version, resource_type, resource_id, resource_name, host, project_id, user_id, actor, \
     request_id, state, step, step_name, step_count, restart_at, status, attempt, abort, progress, error, generation, created_at, updated_at, finished_at";

fn operation(row: &mut Row) -> DbResult<Operation> {
    Ok(Operation {
        id: row.take()?,
        kind: row.take()?,
        version: row.take()?,
        resource_type: row.take()?,
        resource_id: row.take()?,
        resource_name: row.take()?,
        host: row.take()?,
        project: row.take()?,
        user: row.take()?,
        actor: row.take()?,
        request_id: row.take()?,
        state: row.take()?,
        step: index(row.take()?),
        step_name: row.take()?,
        step_count: row.take()?,
        restart_at: row.take::<Option<i64>>()?.map(index),
        status: row.take_parsed()?,
        attempt: row.take()?,
        abort: row.take()?,
        progress: optional_json(row)?,
        error: optional_json(row)?,
        generation: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        finished_at: row.take()?,
    })
}

fn optional_json<T: serde::de::DeserializeOwned>(row: &mut Row) -> DbResult<Option<T>> {
    Ok(row
        .take::<Option<String>>()?
        .and_then(|text| serde_json::from_str(&text).ok()))
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// A saga as its row names it.
pub(super) struct Kind {
    pub name: &'static str,
    pub version: i64,
    pub steps: Vec<&'static str>,
}

pub(super) async fn insert(
    conn: &mut Conn,
    cx: &Context,
    id: OperationId,
    kind: &Kind,
    state: &str,
    target: &Target<'_>,
    status: Status,
) -> DbResult<()> {
    let now = Time::now();
    sql(format!(
        "INSERT INTO operation ({COLUMNS}, owner, lease_until, wake_at) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, NULL, $15, 0, 0, NULL, NULL, 0, $16, $16, NULL, NULL, 0, 0)"
    ))
    .bind(id)
    .bind(kind.name)
    .bind(kind.version)
    .bind(target.kind)
    .bind(target.id)
    .bind(target.name)
    .bind(target.host)
    .bind(target.project)
    .bind(cx.actor.user)
    .bind(Value::json(&*cx.actor))
    .bind(&*cx.request_id)
    .bind(state)
    .bind(kind.steps.first().copied().unwrap_or_default())
    .bind(number(kind.steps.len()))
    .bind(status.name())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the resource's lock; `false` if another operation has it.
pub(super) async fn lock(conn: &mut Conn, resource: &str, id: OperationId) -> DbResult<bool> {
    sql("INSERT INTO operation_lock (resource_id, operation_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(resource)
        .bind(id)
        .swapped(conn)
        .await
}

pub(super) async fn unlock(conn: &mut Conn, resource: &str, id: OperationId) -> DbResult<()> {
    sql("DELETE FROM operation_lock WHERE resource_id = $1 AND operation_id = $2")
        .bind(resource)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The operation that has the resource's lock.
pub(super) async fn holder(conn: &mut Conn, resource: &str) -> DbResult<Option<Operation>> {
    sql(format!(
        "SELECT {COLUMNS} FROM operation WHERE id = (SELECT operation_id FROM operation_lock WHERE resource_id = $1)"
    ))
    .bind(resource)
    .optional(conn, operation)
    .await
}

pub(super) async fn show(conn: &mut Conn, id: OperationId) -> DbResult<Option<Operation>> {
    sql(format!("SELECT {COLUMNS} FROM operation WHERE id = $1"))
        .bind(id)
        .optional(conn, operation)
        .await
}

/// Number of operations that are not finished by status, of one project or of all.
pub(super) async fn counts(
    conn: &mut Conn,
    project: Option<ProjectId>,
) -> DbResult<Vec<(Status, u64)>> {
    let mut statement = sql(
        "SELECT status, COUNT(*) FROM operation WHERE status IN ('pending', 'running', 'unwinding', 'stuck')",
    );
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement
        .push(" GROUP BY status")
        .all(conn, |row| Ok((row.take_parsed()?, row.take()?)))
        .await
}

pub(super) async fn list(conn: &mut Conn, query: &OperationQuery) -> DbResult<Vec<Operation>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM operation WHERE 1 = 1"));
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(resource) = &query.resource {
        statement = statement.push_bind(" AND resource_id = {}", resource);
    }
    if let Some(request) = &query.request_id {
        statement = statement.push_bind(" AND request_id = {}", request);
    }
    if let Some(kind) = &query.kind {
        statement = statement.push_bind(" AND kind = {}", kind);
    }
    if query.active {
        statement = statement.push(" AND status IN ('pending', 'running', 'unwinding', 'stuck')");
    }
    if let Some(before) = query.before {
        // Ids sort by creation.
        statement = statement.push_bind(" AND id < {}", before);
    }
    statement
        .push_bind(" ORDER BY id DESC LIMIT {}", query.limit)
        .all(conn, operation)
        .await
}

pub(super) async fn events(conn: &mut Conn, id: OperationId) -> DbResult<Vec<OperationEvent>> {
    sql("SELECT at, step, phase, outcome, message, duration_us FROM operation_event WHERE operation_id = $1 ORDER BY seq")
        .bind(id)
        .all(conn, |row| {
            Ok(OperationEvent {
                at: row.take()?,
                step: row.take()?,
                phase: row.take()?,
                outcome: row.take()?,
                message: row.take()?,
                duration_us: row.take()?,
            })
        })
        .await
}

pub(super) async fn event_add(
    conn: &mut Conn,
    id: OperationId,
    event: &OperationEvent,
) -> DbResult<()> {
    sql("INSERT INTO operation_event (operation_id, seq, at, step, phase, outcome, message, duration_us) \
         SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4, $5, $6, $7 FROM operation_event WHERE operation_id = $1")
    .bind(id)
    .bind(event.at)
    .bind(&event.step)
    .bind(&event.phase)
    .bind(&event.outcome)
    .bind(event.message.as_ref())
    .bind(event.duration_us)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes an operation that nobody holds and whose time has come. Its generation becomes greater than that of any operation
/// of the same resource; by the clock, so that this holds, too, when those are no longer kept.
pub(super) async fn claim(
    conn: &mut Conn,
    db: &Db,
    id: OperationId,
    owner: Uuid,
    lease_us: i64,
) -> DbResult<Option<Operation>> {
    let now = db.now_expr();
    let Some(resource) = sql("SELECT resource_id FROM operation WHERE id = $1")
        .bind(id)
        .optional(conn, Row::take::<String>)
        .await?
    else {
        return Ok(None);
    };
    let seen = last_generation(conn, &resource).await?;
    let claimed = sql(format!(
        "UPDATE operation SET owner = $2, generation = CASE WHEN {now} > $4 THEN {now} ELSE $4 + 1 END, lease_until = {now} + $3, wake_at = 0 \
         WHERE id = $1 AND {}",
        due(now)
    ))
    .bind(id)
    .bind(owner.to_string())
    .bind(lease_us)
    .bind(seen)
    .swapped(conn)
    .await?;
    if claimed {
        show(conn, id).await
    } else {
        Ok(None)
    }
}

/// The greatest generation that an operation of this resource has; 0 if there is none.
pub(super) async fn last_generation(conn: &mut Conn, resource: &str) -> DbResult<i64> {
    sql("SELECT COALESCE(MAX(generation), 0) FROM operation WHERE resource_id = $1")
        .bind(resource)
        .scalar(conn)
        .await
}

/// Operations that could be claimed now.
pub(super) async fn claimable(
    conn: &mut Conn,
    db: &Db,
    limit: usize,
) -> DbResult<Vec<OperationId>> {
    let now = db.now_expr();
    sql(format!(
        "SELECT id FROM operation WHERE {} ORDER BY wake_at, id LIMIT $1",
        due(now)
    ))
    .bind(number(limit))
    .all(conn, Row::take)
    .await
}

/// Operations that wait for this resource.
pub(super) async fn waiting(conn: &mut Conn, resource: &str) -> DbResult<Vec<OperationId>> {
    sql("SELECT id FROM operation WHERE resource_id = $1 AND status = 'pending' ORDER BY id")
        .bind(resource)
        .all(conn, Row::take)
        .await
}

/// What a step changed of its operation.
pub(super) struct Write<'a> {
    pub operation: &'a Operation,
    pub owner: Uuid,
    /// Whether the lease is given back.
    pub release: bool,
    /// When it may be claimed again, by the database's clock plus this many microseconds.
    pub wake_in_us: i64,
}

/// Writes the operation's progress through life and raises its generation by one; `false` if the claim was lost, and then nothing was written.
pub(super) async fn write(conn: &mut Conn, db: &Db, write: &Write<'_>) -> DbResult<bool> {
    let now = db.now_expr();
    let op = write.operation;
    let lease = if write.release { "0" } else { "lease_until" };
    sql(format!(
        "UPDATE operation SET state = $1, step = $2, restart_at = $3, status = $4, attempt = $5, error = $6, progress = NULL, \
         updated_at = $7, finished_at = $8, wake_at = CASE WHEN wake_at < 0 THEN 0 ELSE {now} + $9 END, lease_until = {lease}, step_name = $10, \
         generation = generation + 1 \
         WHERE id = $11 AND owner = $12 AND generation = $13"
    ))
    .bind(&op.state)
    .bind(number(op.step))
    .bind(op.restart_at.map(number))
    .bind(op.status.name())
    .bind(op.attempt)
    .bind(op.error.as_ref().map_or(Value::Text(None), Value::json))
    .bind(op.updated_at)
    .bind(op.finished_at)
    .bind(write.wake_in_us)
    .bind(&op.step_name)
    .bind(op.id)
    .bind(write.owner.to_string())
    .bind(op.generation)
    .swapped(conn)
    .await
}

pub(super) async fn renew(
    conn: &mut Conn,
    db: &Db,
    id: OperationId,
    owner: Uuid,
    lease_us: i64,
) -> DbResult<()> {
    let now = db.now_expr();
    sql(format!(
        "UPDATE operation SET lease_until = {now} + $3 \
         WHERE id = $1 AND owner = $2 AND lease_until > 0 AND status IN ('pending', 'running', 'unwinding')"
    ))
    .bind(id)
    .bind(owner.to_string())
    .bind(lease_us)
    .execute(conn)
    .await?;
    Ok(())
}

/// Frees everything that earlier processes held; only where there can be no other process.
pub(super) async fn release_all(conn: &mut Conn) -> DbResult<u64> {
    sql("UPDATE operation SET lease_until = 0, wake_at = 0 WHERE status IN ('pending', 'running', 'unwinding')").execute(conn).await
}

pub(super) async fn abort(conn: &mut Conn, id: OperationId) -> DbResult<bool> {
    sql("UPDATE operation SET abort = 1, wake_at = -1 WHERE id = $1 AND status IN ('pending', 'running')").bind(id).swapped(conn).await
}

/// Makes an operation that rests claimable now. One that runs may be about to rest: it is told not to by a time before
/// all times, which [`write`] respects and the next [`claim`] clears.
pub(super) async fn wake(conn: &mut Conn, id: OperationId) -> DbResult<()> {
    sql("UPDATE operation SET wake_at = -1 WHERE id = $1 AND status IN ('pending', 'running', 'unwinding')")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn is_aborted(conn: &mut Conn, id: OperationId) -> DbResult<bool> {
    Ok(sql("SELECT abort FROM operation WHERE id = $1")
        .bind(id)
        .optional(conn, Row::take::<bool>)
        .await?
        .unwrap_or(false))
}

/// Operations of this owner that were asked to stop and still run forward.
pub(super) async fn aborted(conn: &mut Conn, owner: Uuid) -> DbResult<Vec<OperationId>> {
    sql("SELECT id FROM operation WHERE owner = $1 AND abort = 1 AND status IN ('pending', 'running')")
        .bind(owner.to_string())
        .all(conn, Row::take)
        .await
}

/// From `stuck` to another status; `false` if it was not stuck.
pub(super) async fn unstick(
    conn: &mut Conn,
    id: OperationId,
    status: Status,
    finished: Option<Time>,
) -> DbResult<bool> {
    sql("UPDATE operation SET status = $2, attempt = 0, wake_at = 0, lease_until = 0, updated_at = $3, finished_at = $4 \
         WHERE id = $1 AND status = 'stuck'")
    .bind(id)
    .bind(status.name())
    .bind(Time::now())
    .bind(finished)
    .swapped(conn)
    .await
}

pub(super) async fn progress(
    conn: &mut Conn,
    id: OperationId,
    progress: &Progress,
) -> DbResult<()> {
    sql("UPDATE operation SET progress = $2 WHERE id = $1 AND status IN ('running', 'unwinding')")
        .bind(id)
        .bind(Value::json(progress))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets what finished before `before`.
pub(super) async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM operation_event WHERE operation_id IN (SELECT id FROM operation WHERE finished_at < $1)")
        .bind(before)
        .execute(conn)
        .await?;
    sql("DELETE FROM operation WHERE finished_at < $1")
        .bind(before)
        .execute(conn)
        .await
}
