//! SQL of bytes on their way in.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::ImageId;
use crate::image::model::Upload;

fn read(row: &mut Row) -> DbResult<Upload> {
    let (image, total) = (row.take()?, row.take()?);
    let origin: Option<String> = row.take()?;
    let validator: Option<String> = row.take()?;
    Ok(Upload {
        image,
        total,
        origin: origin.zip(validator),
        updated_at: row.take()?,
    })
}

/// Records or replaces.
pub(in crate::image) async fn upload_put(conn: &mut Conn, upload: &Upload) -> DbResult<()> {
    let (origin, validator) = upload.origin.clone().unzip();
    sql("INSERT INTO image_upload (image_id, total, origin, validator, updated_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (image_id) DO UPDATE SET total = excluded.total, origin = excluded.origin, validator = excluded.validator, updated_at = excluded.updated_at")
        .bind(upload.image)
        .bind(upload.total)
        .bind(origin)
        .bind(validator)
        .bind(upload.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Of one image.
pub(in crate::image) async fn upload_show(
    conn: &mut Conn,
    image: ImageId,
) -> DbResult<Option<Upload>> {
    sql("SELECT image_id, total, origin, validator, updated_at FROM image_upload WHERE image_id = $1")
        .bind(image)
        .optional(conn, read)
        .await
}

/// Forgets.
pub(in crate::image) async fn upload_delete(conn: &mut Conn, image: ImageId) -> DbResult<()> {
    sql("DELETE FROM image_upload WHERE image_id = $1")
        .bind(image)
        .execute(conn)
        .await?;
    Ok(())
}
