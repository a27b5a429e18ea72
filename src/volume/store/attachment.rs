//! SQL of uses of volumes by servers.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{AttachmentId, ProjectId, ServerId, VolumeId};
use crate::volume::model::Attachment;

const COLUMNS: &str = "id, volume_id, server_id, status, host, device, created_at, attached_at";

fn read(row: &mut Row) -> DbResult<Attachment> {
    Ok(Attachment {
        id: row.take()?,
        volume: row.take()?,
        server: row.take()?,
        status: row.take_parsed()?,
        host: row.take()?,
        device: row.take()?,
        created_at: row.take()?,
        attached_at: row.take()?,
    })
}

/// Adds one.
pub(in crate::volume) async fn attachment_insert(
    conn: &mut Conn,
    attachment: &Attachment,
) -> DbResult<()> {
    sql(format!(
        "INSERT INTO volume_attachment ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    ))
    .bind(attachment.id)
    .bind(attachment.volume)
    .bind(attachment.server)
    .bind(attachment.status.name())
    .bind(attachment.host.as_ref())
    .bind(attachment.device.as_ref())
    .bind(attachment.created_at)
    .bind(attachment.attached_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores how far one has come.
pub(in crate::volume) async fn attachment_update(
    conn: &mut Conn,
    attachment: &Attachment,
) -> DbResult<()> {
    sql("UPDATE volume_attachment SET status = $1, host = $2, device = $3, attached_at = $4 WHERE id = $5")
        .bind(attachment.status.name())
        .bind(attachment.host.as_ref())
        .bind(attachment.device.as_ref())
        .bind(attachment.attached_at)
        .bind(attachment.id)
        .execute(conn)
        .await?;
    Ok(())
}

/// One by its id.
pub(in crate::volume) async fn attachment_show(
    conn: &mut Conn,
    id: AttachmentId,
) -> DbResult<Option<Attachment>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume_attachment WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, read)
    .await
}

/// The one of this volume and server.
pub(in crate::volume) async fn attachment_of(
    conn: &mut Conn,
    volume: VolumeId,
    server: ServerId,
) -> DbResult<Option<Attachment>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume_attachment WHERE volume_id = $1 AND server_id = $2"
    ))
    .bind(volume)
    .bind(server)
    .optional(conn, read)
    .await
}

/// Those of a server, in order of attachment.
pub(in crate::volume) async fn attachments_of_server(
    conn: &mut Conn,
    server: ServerId,
) -> DbResult<Vec<Attachment>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume_attachment WHERE server_id = $1 ORDER BY created_at, id"
    ))
    .bind(server)
    .all(conn, read)
    .await
}

/// Those of these volumes.
pub(in crate::volume) async fn attachments_of_volumes(
    conn: &mut Conn,
    volumes: impl IntoIterator<Item = VolumeId>,
) -> DbResult<Vec<Attachment>> {
    sql(format!(
        "SELECT {COLUMNS} FROM volume_attachment WHERE volume_id"
    ))
    .push_in(volumes)
    .push(" ORDER BY created_at, id")
    .all(conn, read)
    .await
}

/// Those of a project's volumes, or all.
pub(in crate::volume) async fn attachments_of_project(
    conn: &mut Conn,
    project: Option<ProjectId>,
) -> DbResult<Vec<Attachment>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM volume_attachment WHERE volume_id IN (SELECT id FROM volume WHERE deleted_at IS NULL"
    ));
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement
        .push(") ORDER BY created_at, id")
        .all(conn, read)
        .await
}

/// Removes one; success if it is gone.
pub(in crate::volume) async fn attachment_delete(
    conn: &mut Conn,
    id: AttachmentId,
) -> DbResult<()> {
    sql("DELETE FROM volume_attachment WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}
