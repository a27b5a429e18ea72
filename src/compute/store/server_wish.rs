//! Where the owners of servers want them.

use crate::compute::model::PlaceWish;
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::ServerId;

/// Keeps what was asked for.
pub async fn insert(conn: &mut Conn, server: ServerId, wish: &PlaceWish) -> DbResult<()> {
    sql("INSERT INTO server_wish (server_id, wish) VALUES ($1, $2)")
        .bind(server)
        .bind(Value::json(wish))
        .execute(conn)
        .await?;
    Ok(())
}

/// What was asked for; nothing, if nothing was kept.
pub async fn show(conn: &mut Conn, server: ServerId) -> DbResult<PlaceWish> {
    let found = sql("SELECT wish FROM server_wish WHERE server_id = $1")
        .bind(server)
        .optional(conn, Row::take_json)
        .await?;
    Ok(found.unwrap_or_default())
}
