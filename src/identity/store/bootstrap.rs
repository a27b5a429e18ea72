//! Which parts of the first start are done.

use crate::db::{Conn, DbResult, sql};
use crate::ids::Time;

pub(in crate::identity) async fn is_done(conn: &mut Conn, part: &str) -> DbResult<bool> {
    let count = sql("SELECT COUNT(*) FROM identity_bootstrap WHERE name = $1")
        .bind(part)
        .scalar::<i64>(conn)
        .await?;
    Ok(count > 0)
}

/// `false` if somebody else was first.
pub(in crate::identity) async fn done(conn: &mut Conn, part: &str) -> DbResult<bool> {
    sql("INSERT INTO identity_bootstrap (name, at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(part)
        .bind(Time::now())
        .swapped(conn)
        .await
}
