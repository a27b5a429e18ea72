//! Tickets to consoles. Only their hashes are stored, each lets in once.

use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{ServerId, Time};

/// Issues a ticket, and forgets those that have expired.
pub async fn issue(
    conn: &mut Conn,
    ticket_hash: &str,
    server: ServerId,
    expires_at: Time,
) -> DbResult<()> {
    sql("DELETE FROM server_console WHERE expires_at < $1")
        .bind(Time::now())
        .execute(conn)
        .await?;
    sql("INSERT INTO server_console (ticket, server_id, expires_at) VALUES ($1, $2, $3)")
        .bind(ticket_hash)
        .bind(server)
        .bind(expires_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a ticket that is valid at `now`: the server it is for. A second time there is none.
pub async fn redeem(conn: &mut Conn, ticket_hash: &str, now: Time) -> DbResult<Option<ServerId>> {
    let found = sql("SELECT server_id FROM server_console WHERE ticket = $1 AND expires_at >= $2")
        .bind(ticket_hash)
        .bind(now)
        .optional(conn, Row::take::<ServerId>)
        .await?;
    // Whoever deletes the row has the ticket.
    let taken = sql("DELETE FROM server_console WHERE ticket = $1")
        .bind(ticket_hash)
        .swapped(conn)
        .await?;
    Ok(found.filter(|_| taken))
}
