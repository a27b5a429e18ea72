//! SQL of volumes.

mod attachment;
mod host;
mod list;
mod quota;
mod snapshot;

pub(super) use attachment::{
    attachment_delete, attachment_insert, attachment_of, attachment_show, attachment_update,
    attachments_of_project, attachments_of_server, attachments_of_volumes,
};
pub(super) use host::{host_list, host_promised, host_put, host_volumes};
pub(super) use list::list;
pub(super) use quota::usage;
pub(super) use snapshot::{
    snapshot_count, snapshot_delete, snapshot_insert, snapshot_list, snapshot_show,
    snapshot_status, snapshot_update,
};

use super::model::{Volume, VolumeStatus};
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{ProjectId, Time, VolumeId};

/// Columns in the order in which [`read`] takes them.
const COLUMNS: &str = "id, name, description, status, size_gb, project_id, user_id, host, zone, path, format, is_bootable, is_readonly, source_image_id, source_volume_id, source_snapshot_id, image_metadata, metadata, error, created_at, updated_at";

fn read(row: &mut Row) -> DbResult<Volume> {
    Ok(Volume {
        id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        status: row.take_parsed()?,
        size_gb: row.take()?,
        project: row.take()?,
        user: row.take()?,
        host: row.take()?,
        zone: row.take()?,
        path: row.take()?,
        format: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        bootable: row.take()?,
        readonly: row.take()?,
        source_image: row.take()?,
        source_volume: row.take()?,
        source_snapshot: row.take()?,
        image_metadata: row.take_json()?,
        metadata: row.take_json()?,
        error: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// One volume that is not deleted.
pub(super) async fn show(conn: &mut Conn, id: VolumeId) -> DbResult<Option<Volume>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume WHERE id = $1 AND deleted_at IS NULL"
    ))
    .bind(id)
    .optional(conn, read)
    .await
}

/// Adds a volume. A taken id is [`DbError::Duplicate`](crate::db::DbError::Duplicate).
pub(super) async fn insert(conn: &mut Conn, volume: &Volume) -> DbResult<()> {
    sql(format!(
        "INSERT INTO volume ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"
    ))
    .bind(volume.id)
    .bind(&volume.name)
    .bind(volume.description.as_ref())
    .bind(volume.status.name())
    .bind(volume.size_gb)
    .bind(volume.project)
    .bind(volume.user)
    .bind(volume.host.as_ref())
    .bind(&volume.zone)
    .bind(volume.path.as_ref())
    .bind(volume.format.map(|format| format.name()))
    .bind(volume.bootable)
    .bind(volume.readonly)
    .bind(volume.source_image)
    .bind(volume.source_volume)
    .bind(volume.source_snapshot)
    .bind(Value::json(&volume.image_metadata))
    .bind(Value::json(&volume.metadata))
    .bind(volume.error.as_ref())
    .bind(volume.created_at)
    .bind(volume.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what can change of a volume, if its status is still `was`; sets its time of change.
pub(super) async fn update(
    conn: &mut Conn,
    volume: &mut Volume,
    was: VolumeStatus,
) -> DbResult<bool> {
    volume.updated_at = Time::now();
    let deleted = (volume.status == VolumeStatus::Deleted).then_some(volume.updated_at);
    sql("UPDATE volume SET name = $1, description = $2, status = $3, size_gb = $4, host = $5, path = $6, format = $7, is_bootable = $8, is_readonly = $9, image_metadata = $10, metadata = $11, error = $12, updated_at = $13, deleted_at = $14 WHERE id = $15 AND status = $16 AND deleted_at IS NULL")
        .bind(&volume.name)
        .bind(volume.description.as_ref())
        .bind(volume.status.name())
        .bind(volume.size_gb)
        .bind(volume.host.as_ref())
        .bind(volume.path.as_ref())
        .bind(volume.format.map(|format| format.name()))
        .bind(volume.bootable)
        .bind(volume.readonly)
        .bind(Value::json(&volume.image_metadata))
        .bind(Value::json(&volume.metadata))
        .bind(volume.error.as_ref())
        .bind(volume.updated_at)
        .bind(deleted)
        .bind(volume.id)
        .bind(was.name())
        .swapped(conn)
        .await
}

/// A row as a reconciler compares it with files: node, file and whether it is deleted.
pub(super) struct Place {
    /// The volume.
    pub id: VolumeId,
    /// Its project.
    pub project: ProjectId,
    /// Its status.
    pub status: VolumeStatus,
    /// Its node.
    pub host: Option<String>,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// Where all volumes are, deleted ones included.
pub(super) async fn places(conn: &mut Conn) -> DbResult<Vec<Place>> {
    sql("SELECT id, project_id, status, host, deleted_at FROM volume")
        .all(conn, |row| {
            Ok(Place {
                id: row.take()?,
                project: row.take()?,
                status: row.take_parsed()?,
                host: row.take()?,
                deleted: row.take::<Option<Time>>()?.is_some(),
            })
        })
        .await
}

/// Forgets volumes that were deleted before this time; says how many.
pub(super) async fn prune(conn: &mut Conn, before: Time) -> DbResult<u64> {
    sql("DELETE FROM volume WHERE deleted_at < $1")
        .bind(before)
        .execute(conn)
        .await
}

/// Number of volumes and their GiB, of one project or of all.
pub(super) async fn total(conn: &mut Conn, project: Option<ProjectId>) -> DbResult<(u64, u64)> {
    let sum = conn.engine().sum("size_gb");
    let mut statement = sql(format!(
        "SELECT COUNT(*), {sum} FROM volume WHERE deleted_at IS NULL"
    ));
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    let found = statement.optional(conn, |row| Ok((row.take()?, row.take()?)));
    found.await.map(Option::unwrap_or_default)
}

/// Number of volumes by status, of one project or of all.
pub(super) async fn counts(
    conn: &mut Conn,
    project: Option<ProjectId>,
) -> DbResult<Vec<(String, u64)>> {
    let mut statement = sql("SELECT status, COUNT(*) FROM volume WHERE deleted_at IS NULL");
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement
        .push(" GROUP BY status")
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}
