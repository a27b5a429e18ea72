//! Limits that differ from the configured ones.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::ProjectId;

pub(in crate::identity) async fn show(
    conn: &mut Conn,
    project: ProjectId,
    resource: &str,
) -> DbResult<Option<i64>> {
    sql("SELECT quota FROM identity_quota WHERE project_id = $1 AND resource = $2")
        .bind(project)
        .bind(resource)
        .optional(conn, Row::take)
        .await
}

pub(in crate::identity) async fn list(
    conn: &mut Conn,
    project: ProjectId,
) -> DbResult<Vec<(String, i64)>> {
    sql("SELECT resource, quota FROM identity_quota WHERE project_id = $1 ORDER BY resource")
        .bind(project)
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}

pub(in crate::identity) async fn set(
    conn: &mut Conn,
    project: ProjectId,
    resource: &str,
    limit: i64,
) -> DbResult<()> {
    sql(
        "INSERT INTO identity_quota (project_id, resource, quota) VALUES ($1, $2, $3) \
         ON CONFLICT (project_id, resource) DO UPDATE SET quota = excluded.quota",
    )
    .bind(project)
    .bind(resource)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn delete(
    conn: &mut Conn,
    project: ProjectId,
    resources: &[&str],
) -> DbResult<()> {
    sql("DELETE FROM identity_quota WHERE project_id = $1 AND resource")
        .bind(project)
        .push_in(resources.iter().copied())
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_of_project(
    conn: &mut Conn,
    project: ProjectId,
) -> DbResult<()> {
    sql("DELETE FROM identity_quota WHERE project_id = $1")
        .bind(project)
        .execute(conn)
        .await?;
    Ok(())
}
