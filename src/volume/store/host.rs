//! SQL of nodes that keep volumes.

use std::collections::HashMap;

use crate::db::{Conn, DbResult, sql};
use crate::ids::VolumeId;
use crate::volume::model::VolumeHost;

/// Records what a node said of its room.
pub(in crate::volume) async fn host_put(conn: &mut Conn, host: &VolumeHost) -> DbResult<()> {
    sql("INSERT INTO volume_host (host, total_gb, free_gb, reported_at) VALUES ($1, $2, $3, $4) ON CONFLICT (host) DO UPDATE SET total_gb = excluded.total_gb, free_gb = excluded.free_gb, reported_at = excluded.reported_at")
        .bind(&host.host)
        .bind(host.total_gb)
        .bind(host.free_gb)
        .bind(host.reported_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// All nodes that ever reported, by name.
pub(in crate::volume) async fn host_list(conn: &mut Conn) -> DbResult<Vec<VolumeHost>> {
    sql("SELECT host, total_gb, free_gb, reported_at FROM volume_host ORDER BY host")
        .all(conn, |row| {
            Ok(VolumeHost {
                host: row.take()?,
                total_gb: row.take()?,
                free_gb: row.take()?,
                reported_at: row.take()?,
            })
        })
        .await
}

/// Id and name of volumes whose files a node has, by name; at most a hundred.
pub(in crate::volume) async fn host_volumes(
    conn: &mut Conn,
    host: &str,
) -> DbResult<Vec<(VolumeId, String)>> {
    sql("SELECT id, name FROM volume WHERE host = $1 AND deleted_at IS NULL ORDER BY name, id LIMIT 100")
        .bind(host)
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}

/// GiB of volumes on each node.
pub(in crate::volume) async fn host_promised(conn: &mut Conn) -> DbResult<HashMap<String, u64>> {
    let sum = conn.engine().sum("size_gb");
    let rows = sql(format!(
        "SELECT host, {sum} FROM volume WHERE host IS NOT NULL AND deleted_at IS NULL GROUP BY host"
    ))
    .all(conn, |row| Ok((row.take()?, row.take()?)));
    Ok(rows.await?.into_iter().collect())
}
