//! SQL of members.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{ImageId, ProjectId};
use crate::image::model::Member;

const COLUMNS: &str = "image_id, project_id, status, created_at, updated_at";

fn read(row: &mut Row) -> DbResult<Member> {
    Ok(Member {
        image: row.take()?,
        project: row.take()?,
        status: row.take_parsed()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

/// Adds a member. One that is there is a [`Duplicate`](crate::db::DbError::Duplicate).
pub(in crate::image) async fn member_insert(conn: &mut Conn, member: &Member) -> DbResult<()> {
    sql(format!(
        "INSERT INTO image_member ({COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
    ))
    .bind(member.image)
    .bind(member.project)
    .bind(member.status.name())
    .bind(member.created_at)
    .bind(member.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// One member.
pub(in crate::image) async fn member_show(
    conn: &mut Conn,
    image: ImageId,
    project: ProjectId,
) -> DbResult<Option<Member>> {
    sql(format!(
        "SELECT {COLUMNS} FROM image_member WHERE image_id = $1 AND project_id = $2"
    ))
    .bind(image)
    .bind(project)
    .optional(conn, read)
    .await
}

/// All members, oldest first.
pub(in crate::image) async fn member_list(
    conn: &mut Conn,
    image: ImageId,
) -> DbResult<Vec<Member>> {
    sql(format!(
        "SELECT {COLUMNS} FROM image_member WHERE image_id = $1 ORDER BY created_at, project_id"
    ))
    .bind(image)
    .all(conn, read)
    .await
}

/// Stores a member's answer.
pub(in crate::image) async fn member_update(conn: &mut Conn, member: &Member) -> DbResult<bool> {
    sql("UPDATE image_member SET status = $1, updated_at = $2 WHERE image_id = $3 AND project_id = $4")
        .bind(member.status.name())
        .bind(member.updated_at)
        .bind(member.image)
        .bind(member.project)
        .swapped(conn)
        .await
}

/// Removes a member; says whether there was one.
pub(in crate::image) async fn member_delete(
    conn: &mut Conn,
    image: ImageId,
    project: ProjectId,
) -> DbResult<bool> {
    sql("DELETE FROM image_member WHERE image_id = $1 AND project_id = $2")
        .bind(image)
        .bind(project)
        .swapped(conn)
        .await
}
