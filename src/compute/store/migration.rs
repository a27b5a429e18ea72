//! Moves of servers between hosts.

use crate::compute::model::{
    Forecast, Migration, MigrationProgress, MigrationQuery, MigrationStatus, MigrationWish,
};
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{OperationId, Time};

const COLUMNS: &str = "id, uuid, server_id, operation_id, project_id, user_id, kind, status, source, destination, \
     old_flavor, new_flavor, wish, progress, forecast, message, created_at, updated_at";

fn migration(row: &mut Row) -> DbResult<Migration> {
    Ok(Migration {
        id: row.take()?,
        uuid: row.take()?,
        server: row.take()?,
        operation: row.take()?,
        project: row.take()?,
        user: row.take()?,
        kind: row.take_parsed()?,
        status: row.take_parsed()?,
        source: row.take()?,
        destination: row.take()?,
        old_flavor: row.take()?,
        new_flavor: row.take()?,
        wish: row
            .take::<Option<String>>()?
            .and_then(|name| name.parse().ok()),
        progress: row.take_json()?,
        forecast: row
            .take::<Option<String>>()?
            .and_then(|text| serde_json::from_str(&text).ok()),
        message: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds a move and gives it the next number, which is returned; that of `new` does not count.
pub async fn insert(conn: &mut Conn, new: &Migration) -> DbResult<i64> {
    conn.take_turn("server_migration").await?;
    let id = 1 + sql("SELECT COALESCE(MAX(id), 0) FROM server_migration")
        .scalar::<i64>(conn)
        .await?;
    sql(format!(
        "INSERT INTO server_migration ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
         $16, $17, $18)"
    ))
    .bind(id)
    .bind(new.uuid)
    .bind(new.server)
    .bind(new.operation)
    .bind(new.project)
    .bind(new.user)
    .bind(new.kind.name())
    .bind(new.status.name())
    .bind(&new.source)
    .bind(new.destination.as_ref())
    .bind(&new.old_flavor)
    .bind(&new.new_flavor)
    .bind(new.wish.map(MigrationWish::name))
    .bind(Value::json(&new.progress))
    .bind(optional(new.forecast.as_ref()))
    .bind(new.message.as_ref())
    .bind(new.created_at)
    .bind(new.updated_at)
    .execute(conn)
    .await?;
    Ok(id)
}

fn optional<T: serde::Serialize>(value: Option<&T>) -> Value {
    value.map_or(Value::Text(None), Value::json)
}

/// The move that an operation is.
pub async fn of_operation(conn: &mut Conn, id: OperationId) -> DbResult<Option<Migration>> {
    sql(format!(
        "SELECT {COLUMNS} FROM server_migration WHERE operation_id = $1"
    ))
    .bind(id)
    .optional(conn, migration)
    .await
}

/// The move with this number.
pub async fn show(conn: &mut Conn, id: i64) -> DbResult<Option<Migration>> {
    sql(format!(
        "SELECT {COLUMNS} FROM server_migration WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, migration)
    .await
}

/// Those that fit, newest first.
pub async fn list(conn: &mut Conn, query: &MigrationQuery) -> DbResult<Vec<Migration>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM server_migration WHERE 1 = 1"
    ));
    if let Some(uuid) = query.uuid {
        statement = statement.push_bind(" AND uuid = {}", uuid);
    }
    if let Some(server) = query.server {
        statement = statement.push_bind(" AND server_id = {}", server);
    }
    if let Some(host) = &query.host {
        statement = statement
            .push_bind(" AND (source = {}", host)
            .push_bind(" OR destination = {})", host);
    }
    if let Some(source) = &query.source {
        statement = statement.push_bind(" AND source = {}", source);
    }
    if let Some(status) = query.status {
        statement = statement.push_bind(" AND status = {}", status.name());
    }
    if let Some(kind) = query.kind {
        statement = statement.push_bind(" AND kind = {}", kind.name());
    }
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(user) = query.user {
        statement = statement.push_bind(" AND user_id = {}", user);
    }
    if let Some(since) = query.since {
        statement = statement.push_bind(" AND updated_at >= {}", since);
    }
    if let Some(before) = query.before {
        statement = statement.push_bind(" AND updated_at <= {}", before);
    }
    if let Some(marker) = query.marker {
        statement = statement.push_bind(
            " AND id < (SELECT m.id FROM server_migration m WHERE m.uuid = {})",
            marker,
        );
    }
    statement
        .push_bind(" ORDER BY id DESC LIMIT {}", query.limit)
        .all(conn, migration)
        .await
}

/// What to change of a move; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// How far it is.
    pub status: Option<MigrationStatus>,
    /// Where it goes.
    pub destination: Option<Option<String>>,
    /// What was expected.
    pub forecast: Option<Forecast>,
    /// How far the transfer is.
    pub progress: Option<MigrationProgress>,
    /// Why it did not succeed.
    pub message: Option<String>,
}

/// Changes the move that an operation is; `false` if there is none.
pub async fn change(conn: &mut Conn, operation: OperationId, change: &Change) -> DbResult<bool> {
    let mut statement = sql("UPDATE server_migration SET updated_at = $1").bind(Time::now());
    if let Some(status) = change.status {
        statement = statement.push_bind(", status = {}", status.name());
    }
    if let Some(destination) = &change.destination {
        statement = statement.push_bind(", destination = {}", destination.as_ref());
    }
    if let Some(forecast) = &change.forecast {
        statement = statement.push_bind(", forecast = {}", Value::json(forecast));
    }
    if let Some(progress) = &change.progress {
        statement = statement.push_bind(", progress = {}", Value::json(progress));
    }
    if let Some(message) = &change.message {
        statement = statement.push_bind(", message = {}", message);
    }
    statement
        .push_bind(" WHERE operation_id = {}", operation)
        .swapped(conn)
        .await
}

/// Notes what is wished of a move that is being sent; `false` if none is, with this number.
pub async fn wish(conn: &mut Conn, id: i64, wish: MigrationWish) -> DbResult<bool> {
    sql("UPDATE server_migration SET wish = $2, updated_at = $3 WHERE id = $1 AND status IN ('accepted', 'preparing', 'running')")
        .bind(id)
        .bind(wish.name())
        .bind(Time::now())
        .swapped(conn)
        .await
}

/// Forgets moves that ended before then.
pub async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM server_migration WHERE updated_at < $1 AND status NOT IN ('accepted', 'preparing', 'running', 'post-migrating', 'finished')")
        .bind(before)
        .execute(conn)
        .await
}
