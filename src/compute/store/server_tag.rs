//! Labels of servers.

use std::collections::HashMap;

use crate::db::{Conn, DbResult, LIST, Row, sql};
use crate::ids::ServerId;

/// A server's labels, sorted.
pub async fn list(conn: &mut Conn, server: ServerId) -> DbResult<Vec<String>> {
    sql("SELECT tag FROM server_tag WHERE server_id = $1 ORDER BY tag")
        .bind(server)
        .all(conn, Row::take)
        .await
}

/// Labels of all these servers, sorted, by server.
pub async fn of(conn: &mut Conn, servers: &[ServerId]) -> DbResult<HashMap<ServerId, Vec<String>>> {
    let mut found: HashMap<ServerId, Vec<String>> = HashMap::new();
    for part in servers.chunks(LIST) {
        let rows = sql("SELECT server_id, tag FROM server_tag WHERE server_id")
            .push_in(part.iter().copied())
            .push(" ORDER BY server_id, tag")
            .all(conn, |row| {
                Ok((row.take::<ServerId>()?, row.take::<String>()?))
            })
            .await?;
        for (server, tag) in rows {
            found.entry(server).or_default().push(tag);
        }
    }
    Ok(found)
}

/// Adds a label; `false` if it was there.
pub async fn add(conn: &mut Conn, server: ServerId, tag: &str) -> DbResult<bool> {
    sql("INSERT INTO server_tag (server_id, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(server)
        .bind(tag)
        .swapped(conn)
        .await
}

/// Takes a label away; `false` if there was none.
pub async fn remove(conn: &mut Conn, server: ServerId, tag: &str) -> DbResult<bool> {
    sql("DELETE FROM server_tag WHERE server_id = $1 AND tag = $2")
        .bind(server)
        .bind(tag)
        .swapped(conn)
        .await
}

/// Takes all labels away.
pub async fn clear(conn: &mut Conn, server: ServerId) -> DbResult<()> {
    sql("DELETE FROM server_tag WHERE server_id = $1")
        .bind(server)
        .execute(conn)
        .await?;
    Ok(())
}
