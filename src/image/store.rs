//! SQL of images.

mod list;
mod member;
mod upload;

pub(super) use list::list;
pub(super) use member::{member_delete, member_insert, member_list, member_show, member_update};
pub(super) use upload::{upload_delete, upload_put, upload_show};

use std::collections::{BTreeMap, HashMap};

use super::model::{Content, Image, ImageStatus};
use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{ImageId, ProjectId, Time};

/// Columns in the order in which [`read`] takes them.
const COLUMNS: &str = "id, name, status, visibility, owner_id, is_protected, is_hidden, container_format, disk_format, min_disk, min_ram, size_bytes, virtual_bytes, checksum, sha512, created_at, updated_at";

fn read(row: &mut Row) -> DbResult<Image> {
    Ok(Image {
        id: row.take()?,
        name: row.take()?,
        status: row.take_parsed()?,
        visibility: row.take_parsed()?,
        owner: row.take()?,
        protected: row.take()?,
        hidden: row.take()?,
        container_format: row.take()?,
        disk_format: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        min_disk: row.take()?,
        min_ram: row.take()?,
        size: row.take()?,
        virtual_size: row.take()?,
        checksum: row.take()?,
        sha512: row.take()?,
        tags: Vec::new(),
        properties: BTreeMap::new(),
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// One image that is not deleted.
pub(super) async fn show(conn: &mut Conn, id: ImageId) -> DbResult<Option<Image>> {
    let found = sql(format!(
        "SELECT {COLUMNS} FROM image WHERE id = $1 AND status <> 'deleted'"
    ))
    .bind(id)
    .optional(conn, read)
    .await?;
    let Some(image) = found else { return Ok(None) };
    let mut images = vec![image];
    fill(conn, &mut images).await?;
    Ok(images.pop())
}

/// Adds tags and properties.
async fn fill(conn: &mut Conn, images: &mut [Image]) -> DbResult<()> {
    if images.is_empty() {
        return Ok(());
    }
    let places: HashMap<ImageId, usize> = images
        .iter()
        .enumerate()
        .map(|(at, image)| (image.id, at))
        .collect();
    let ids = || places.keys().copied();
    let tags = sql("SELECT image_id, tag FROM image_tag WHERE image_id")
        .push_in(ids())
        .push(" ORDER BY tag")
        .all(conn, |row| Ok((row.take()?, row.take()?)));
    for (id, tag) in tags.await? {
        let id: ImageId = id;
        if let Some(image) = places.get(&id).and_then(|&at| images.get_mut(at)) {
            image.tags.push(tag);
        }
    }
    let properties = sql("SELECT image_id, name, value FROM image_property WHERE image_id")
        .push_in(ids())
        .all(conn, |row| Ok((row.take()?, row.take()?, row.take()?)));
    for (id, name, value) in properties.await? {
        let id: ImageId = id;
        if let Some(image) = places.get(&id).and_then(|&at| images.get_mut(at)) {
            image.properties.insert(name, value);
        }
    }
    Ok(())
}

/// Adds an image. A taken id is [`DbError::Duplicate`](crate::db::DbError::Duplicate).
pub(super) async fn insert(conn: &mut Conn, image: &Image) -> DbResult<()> {
    sql("INSERT INTO image (id, name, status, visibility, owner_id, is_protected, is_hidden, container_format, disk_format, min_disk, min_ram, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
        .bind(image.id)
        .bind(&image.name)
        .bind(image.status.name())
        .bind(image.visibility.name())
        .bind(image.owner)
        .bind(image.protected)
        .bind(image.hidden)
        .bind(image.container_format.as_ref())
        .bind(image.disk_format.map(|format| format.name()))
        .bind(image.min_disk)
        .bind(image.min_ram)
        .bind(image.created_at)
        .bind(image.updated_at)
        .execute(conn)
        .await?;
    insert_labels(conn, image).await
}

async fn insert_labels(conn: &mut Conn, image: &Image) -> DbResult<()> {
    for tag in &image.tags {
        tag_add(conn, image.id, tag).await?;
    }
    for (name, value) in &image.properties {
        property_set(conn, image.id, name, value).await?;
    }
    Ok(())
}

/// Stores what users may change: names, rights, needs, formats, tags, properties.
pub(super) async fn update(conn: &mut Conn, image: &Image) -> DbResult<bool> {
    let changed = sql("UPDATE image SET name = $1, visibility = $2, owner_id = $3, is_protected = $4, is_hidden = $5, container_format = $6, disk_format = $7, min_disk = $8, min_ram = $9, updated_at = $10 WHERE id = $11 AND status <> 'deleted'")
        .bind(&image.name)
        .bind(image.visibility.name())
        .bind(image.owner)
        .bind(image.protected)
        .bind(image.hidden)
        .bind(image.container_format.as_ref())
        .bind(image.disk_format.map(|format| format.name()))
        .bind(image.min_disk)
        .bind(image.min_ram)
        .bind(image.updated_at)
        .bind(image.id)
        .swapped(conn)
        .await?;
    if changed {
        delete_labels(conn, image.id).await?;
        insert_labels(conn, image).await?;
    }
    Ok(changed)
}

async fn delete_labels(conn: &mut Conn, id: ImageId) -> DbResult<()> {
    for table in ["image_tag", "image_property"] {
        sql(format!("DELETE FROM {table} WHERE image_id = $1"))
            .bind(id)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Adds a tag, if it is not there.
pub(super) async fn tag_add(conn: &mut Conn, id: ImageId, tag: &str) -> DbResult<()> {
    sql("INSERT INTO image_tag (image_id, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(tag)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a tag away; says whether it was there.
pub(super) async fn tag_remove(conn: &mut Conn, id: ImageId, tag: &str) -> DbResult<bool> {
    sql("DELETE FROM image_tag WHERE image_id = $1 AND tag = $2")
        .bind(id)
        .bind(tag)
        .swapped(conn)
        .await
}

/// Sets a property.
pub(super) async fn property_set(
    conn: &mut Conn,
    id: ImageId,
    name: &str,
    value: &str,
) -> DbResult<()> {
    sql("INSERT INTO image_property (image_id, name, value) VALUES ($1, $2, $3) ON CONFLICT (image_id, name) DO UPDATE SET value = excluded.value")
        .bind(id)
        .bind(name)
        .bind(value)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a property away, if it is there.
pub(super) async fn property_remove(conn: &mut Conn, id: ImageId, name: &str) -> DbResult<()> {
    sql("DELETE FROM image_property WHERE image_id = $1 AND name = $2")
        .bind(id)
        .bind(name)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the time of change.
pub(super) async fn touch(conn: &mut Conn, id: ImageId) -> DbResult<()> {
    sql("UPDATE image SET updated_at = $1 WHERE id = $2")
        .bind(Time::now())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Changes the status if it is still `from`.
pub(super) async fn swap_status(
    conn: &mut Conn,
    id: ImageId,
    from: ImageStatus,
    to: ImageStatus,
) -> DbResult<bool> {
    sql("UPDATE image SET status = $1, updated_at = $2 WHERE id = $3 AND status = $4")
        .bind(to.name())
        .bind(Time::now())
        .bind(id)
        .bind(from.name())
        .swapped(conn)
        .await
}

/// Makes an image active with its content, if its status is still `from`.
pub(super) async fn activate(
    conn: &mut Conn,
    id: ImageId,
    from: ImageStatus,
    content: &Content,
) -> DbResult<bool> {
    sql("UPDATE image SET status = 'active', disk_format = $1, size_bytes = $2, virtual_bytes = $3, checksum = $4, sha512 = $5, container_format = COALESCE(container_format, 'bare'), updated_at = $6 WHERE id = $7 AND status = $8")
        .bind(content.format.name())
        .bind(content.size)
        .bind(content.virtual_size)
        .bind(&content.md5)
        .bind(&content.sha512)
        .bind(Time::now())
        .bind(id)
        .bind(from.name())
        .swapped(conn)
        .await
}

/// Forgets an image.
pub(super) async fn delete(conn: &mut Conn, id: ImageId) -> DbResult<()> {
    delete_labels(conn, id).await?;
    upload_delete(conn, id).await?;
    for text in [
        "DELETE FROM image_member WHERE image_id = $1",
        "DELETE FROM image WHERE id = $1",
    ] {
        sql(text).bind(id).execute(conn).await?;
    }
    Ok(())
}

/// Ids and statuses of all images, deleted ones whose file still has to go among them.
pub(super) async fn statuses(conn: &mut Conn) -> DbResult<HashMap<ImageId, ImageStatus>> {
    let rows =
        sql("SELECT id, status FROM image").all(conn, |row| Ok((row.take()?, row.take_parsed()?)));
    Ok(rows.await?.into_iter().collect())
}

/// Bytes of a project's images.
pub(super) async fn bytes_of(conn: &mut Conn, owner: ProjectId) -> DbResult<u64> {
    let sum = conn.engine().sum("size_bytes");
    sql(format!("SELECT {sum} FROM image WHERE owner_id = $1"))
        .bind(owner)
        .scalar(conn)
        .await
}

/// Number of images by status that a project sees as its own; of all when `owner` is absent.
pub(super) async fn counts(
    conn: &mut Conn,
    owner: Option<ProjectId>,
) -> DbResult<Vec<(String, u64)>> {
    let mut statement = sql("SELECT status, COUNT(*) FROM image WHERE status <> 'deleted'");
    if let Some(owner) = owner {
        statement = statement.push_bind(" AND (owner_id = {} OR visibility = 'public')", owner);
    }
    statement
        .push(" GROUP BY status")
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}
