//! The SQL of samples.

use super::chunk::{Chunk, Grain};
use crate::db::{Conn, DbResult, sql};
use crate::ids::Time;

pub(super) async fn read(
    conn: &mut Conn,
    resource: &str,
    grain: Grain,
    start: Time,
) -> DbResult<Option<Chunk>> {
    sql("SELECT data FROM sample WHERE resource = $1 AND grain = $2 AND start_at = $3")
        .bind(resource)
        .bind(grain.seconds())
        .bind(start)
        .optional(conn, |row| {
            Ok(Chunk::decode(grain, start, &row.take::<Vec<u8>>()?))
        })
        .await
}

pub(super) async fn write(conn: &mut Conn, resource: &str, chunk: &Chunk) -> DbResult<()> {
    sql(
        "INSERT INTO sample (resource, grain, start_at, data) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (resource, grain, start_at) DO UPDATE SET data = excluded.data",
    )
    .bind(resource)
    .bind(chunk.grain.seconds())
    .bind(chunk.start)
    .bind(chunk.encode())
    .execute(conn)
    .await?;
    Ok(())
}

/// Chunks of a resource that touch the stretch, oldest first.
pub(super) async fn range(
    conn: &mut Conn,
    resource: &str,
    grain: Grain,
    from: Time,
    to: Time,
) -> DbResult<Vec<Chunk>> {
    sql("SELECT start_at, data FROM sample WHERE resource = $1 AND grain = $2 AND start_at >= $3 AND start_at <= $4 ORDER BY start_at")
        .bind(resource)
        .bind(grain.seconds())
        .bind(grain.chunk_start(from))
        .bind(to)
        .all(conn, |row| {
            let start = row.take()?;
            Ok(Chunk::decode(grain, start, &row.take::<Vec<u8>>()?))
        })
        .await
}

/// Every chunk of a grain in the stretch, with its resource.
pub(super) async fn all(
    conn: &mut Conn,
    prefix: &str,
    grain: Grain,
    from: Time,
    to: Time,
) -> DbResult<Vec<(String, Chunk)>> {
    sql("SELECT resource, start_at, data FROM sample WHERE resource LIKE $1 AND grain = $2 AND start_at >= $3 AND start_at <= $4")
        .bind(format!("{prefix}%"))
        .bind(grain.seconds())
        .bind(grain.chunk_start(from))
        .bind(to)
        .all(conn, |row| {
            let (resource, start) = (row.take()?, row.take()?);
            Ok((resource, Chunk::decode(grain, start, &row.take::<Vec<u8>>()?)))
        })
        .await
}

pub(super) async fn prune(conn: &mut Conn, grain: Grain, before: Time) -> DbResult<u64> {
    sql("DELETE FROM sample WHERE grain = $1 AND start_at < $2")
        .bind(grain.seconds())
        .bind(before)
        .execute(conn)
        .await
}
