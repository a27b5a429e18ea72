//! What administrators said of the services of networks on hosts.

use super::super::model::{AgentDecision, AgentKind};
use crate::db::{Conn, DbResult, Row, sql};

fn decision(row: &mut Row) -> DbResult<AgentDecision> {
    Ok(AgentDecision {
        host: row.take()?,
        kind: row.take_parsed()?,
        admin_state_up: row.take()?,
        description: row.take()?,
    })
}

/// All of them, by host.
pub async fn list(conn: &mut Conn) -> DbResult<Vec<AgentDecision>> {
    sql("SELECT host, kind, admin_state_up, description FROM network_agent ORDER BY host, kind")
        .all(conn, decision)
        .await
}

/// Whether services of this kind may be on the host.
pub async fn is_enabled(conn: &mut Conn, host: &str, kind: AgentKind) -> DbResult<bool> {
    let off =
        sql("SELECT 1 FROM network_agent WHERE host = $1 AND kind = $2 AND admin_state_up = 0")
            .bind(host)
            .bind(kind.name())
            .optional(conn, |row| row.take::<i64>())
            .await?;
    Ok(off.is_none())
}

/// Notes what was said.
pub async fn set(conn: &mut Conn, new: &AgentDecision) -> DbResult<()> {
    sql("INSERT INTO network_agent (host, kind, admin_state_up, description) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (host, kind) DO UPDATE SET admin_state_up = excluded.admin_state_up, description = excluded.description")
    .bind(&new.host)
    .bind(new.kind.name())
    .bind(new.admin_state_up)
    .bind(&new.description)
    .execute(conn)
    .await?;
    Ok(())
}
