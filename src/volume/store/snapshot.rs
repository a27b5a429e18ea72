//! SQL of snapshots of volumes.

use crate::db::{Conn, DbResult, Row, SortBy, Value, push_after, push_order, sql};
use crate::ids::{Time, VolumeId, VolumeSnapshotId};
use crate::volume::model::{Snapshot, SnapshotQuery, SnapshotStatus};

const COLUMNS: &str = "id, volume_id, name, description, status, size_gb, project_id, user_id, metadata, error, created_at, updated_at";

fn read(row: &mut Row) -> DbResult<Snapshot> {
    Ok(Snapshot {
        id: row.take()?,
        volume: row.take()?,
        name: row.take()?,
        description: row.take()?,
        status: row.take_parsed()?,
        size_gb: row.take()?,
        project: row.take()?,
        user: row.take()?,
        metadata: row.take_json()?,
        error: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds one.
pub(in crate::volume) async fn snapshot_insert(
    conn: &mut Conn,
    snapshot: &Snapshot,
) -> DbResult<()> {
    sql(format!(
        "INSERT INTO volume_snapshot ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    ))
    .bind(snapshot.id)
    .bind(snapshot.volume)
    .bind(&snapshot.name)
    .bind(snapshot.description.as_ref())
    .bind(snapshot.status.name())
    .bind(snapshot.size_gb)
    .bind(snapshot.project)
    .bind(snapshot.user)
    .bind(Value::json(&snapshot.metadata))
    .bind(snapshot.error.as_ref())
    .bind(snapshot.created_at)
    .bind(snapshot.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// One.
pub(in crate::volume) async fn snapshot_show(
    conn: &mut Conn,
    id: VolumeSnapshotId,
) -> DbResult<Option<Snapshot>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume_snapshot WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, read)
    .await
}

/// Snapshots by query, newest first; `None` if its marker does not exist.
pub(in crate::volume) async fn snapshot_list(
    conn: &mut Conn,
    query: &SnapshotQuery,
) -> DbResult<Option<Vec<Snapshot>>> {
    let order = [
        SortBy {
            column: "created_at",
            descending: true,
        },
        SortBy {
            column: "id",
            descending: true,
        },
    ];
    let mut statement = sql(format!("SELECT {COLUMNS} FROM volume_snapshot WHERE 1 = 1"));
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    if let Some(status) = query.status {
        statement = statement.push_bind(" AND status = {}", status.name());
    }
    if let Some(volume) = query.volume {
        statement = statement.push_bind(" AND volume_id = {}", volume);
    }
    if let Some(marker) = query.marker {
        let Some(found) = snapshot_show(conn, marker).await? else {
            return Ok(None);
        };
        statement = push_after(
            statement,
            &order,
            &[found.created_at.into(), found.id.into()],
        );
    }
    push_order(statement, &order)
        .push_bind(" LIMIT {}", query.limit)
        .all(conn, read)
        .await
        .map(Some)
}

/// Number of snapshots of a volume.
pub(in crate::volume) async fn snapshot_count(conn: &mut Conn, volume: VolumeId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM volume_snapshot WHERE volume_id = $1")
        .bind(volume)
        .scalar(conn)
        .await
}

/// Stores what people say of one.
pub(in crate::volume) async fn snapshot_update(
    conn: &mut Conn,
    snapshot: &Snapshot,
) -> DbResult<bool> {
    sql("UPDATE volume_snapshot SET name = $1, description = $2, metadata = $3, updated_at = $4 WHERE id = $5")
        .bind(&snapshot.name)
        .bind(snapshot.description.as_ref())
        .bind(Value::json(&snapshot.metadata))
        .bind(Time::now())
        .bind(snapshot.id)
        .swapped(conn)
        .await
}

/// Changes the status if it is one of `from`.
pub(in crate::volume) async fn snapshot_status(
    conn: &mut Conn,
    id: VolumeSnapshotId,
    from: &[SnapshotStatus],
    to: SnapshotStatus,
    error: Option<&str>,
) -> DbResult<bool> {
    sql("UPDATE volume_snapshot SET status = $1, error = $2, updated_at = $3 WHERE id = $4 AND status")
        .bind(to.name())
        .bind(error)
        .bind(Time::now())
        .bind(id)
        .push_in(from.iter().map(|status| status.name()))
        .swapped(conn)
        .await
}

/// Forgets one; success if it is gone.
pub(in crate::volume) async fn snapshot_delete(
    conn: &mut Conn,
    id: VolumeSnapshotId,
) -> DbResult<()> {
    sql("DELETE FROM volume_snapshot WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}
