//! SQL of what quotas bound: counted, never kept.

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
