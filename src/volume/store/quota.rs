//! SQL of quotas: what is there is counted, only bounds are kept.

use std::collections::BTreeMap;

use crate::db::{Conn, DbResult, sql};
use crate::ids::ProjectId;
use crate::volume::model::Usage;

/// What a project has now.
pub(in crate::volume) async fn usage(conn: &mut Conn, project: ProjectId) -> DbResult<Usage> {
    let sum = conn.engine().sum("size_gb");
    let (mut count, mut gigabytes) = ([0_i64; 2], 0_i64);
    let tables = [
        ("volume", " AND deleted_at IS NULL"),
        ("volume_snapshot", ""),
    ];
    for (at, (table, more)) in tables.into_iter().enumerate() {
        let text = format!("SELECT COUNT(*), {sum} FROM {table} WHERE project_id = $1{more}");
        let found = sql(text)
            .bind(project)
            .optional(conn, |row| Ok((row.take::<i64>()?, row.take::<i64>()?)))
            .await?;
        let (number, size) = found.unwrap_or_default();
        count[at] = number;
        gigabytes += size;
    }
    Ok(Usage {
        volumes: count[0],
        gigabytes,
        snapshots: count[1],
    })
}

/// Bounds set for a project, by name.
pub(in crate::volume) async fn quota_list(
    conn: &mut Conn,
    project: ProjectId,
) -> DbResult<BTreeMap<String, i64>> {
    let rows = sql("SELECT resource, bound FROM volume_quota WHERE project_id = $1")
        .bind(project)
        .all(conn, |row| Ok((row.take()?, row.take()?)));
    Ok(rows.await?.into_iter().collect())
}

/// Sets a bound.
pub(in crate::volume) async fn quota_set(
    conn: &mut Conn,
    project: ProjectId,
    resource: &str,
    bound: i64,
) -> DbResult<()> {
    sql("INSERT INTO volume_quota (project_id, resource, bound) VALUES ($1, $2, $3) ON CONFLICT (project_id, resource) DO UPDATE SET bound = excluded.bound")
        .bind(project)
        .bind(resource)
        .bind(bound)
        .execute(conn)
        .await?;
    Ok(())
}

/// Back to the configured bounds.
pub(in crate::volume) async fn quota_delete(conn: &mut Conn, project: ProjectId) -> DbResult<()> {
    sql("DELETE FROM volume_quota WHERE project_id = $1")
        .bind(project)
        .execute(conn)
        .await?;
    Ok(())
}
