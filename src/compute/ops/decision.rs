//! Decisions of the scheduler, kept for whoever asks why.

use crate::compute::scheduler::Decision;
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{OperationId, ServerId, Time};

/// Decisions about one server that are shown.
const SHOWN: i64 = 20;

/// A decision as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRecord {
    /// The operation that asked.
    pub operation: Option<OperationId>,
    /// When.
    pub at: Time,
    /// The decision.
    pub decision: Decision,
}

/// Keeps a decision.
pub(super) async fn decision_record_on_conn(
    conn: &mut Conn,
    server: ServerId,
    operation: Option<OperationId>,
    decision: &Decision,
) -> Result<()> {
    let content = serde_json::to_string(decision)
        .map_err(|error| Error::Internal(format!("a decision can not be written: {error}")))?;
    store::claim::decision_insert(conn, server, operation, Time::now(), content).await?;
    Ok(())
}

/// The latest decisions about a server, newest first. Whether the caller may see the server is the caller's to check.
pub async fn decision_list(cx: &Context, server: ServerId) -> Result<Vec<DecisionRecord>> {
    let mut conn = cx.db.read().await?;
    let rows = store::claim::decisions(&mut conn, server, SHOWN).await?;
    // One that a later version wrote in a way that is not understood is left out.
    Ok(rows
        .into_iter()
        .filter_map(|(operation, at, content)| {
            Some(DecisionRecord {
                operation,
                at,
                decision: serde_json::from_str(&content).ok()?,
            })
        })
        .collect())
}

/// Forgets decisions older than `days`; says how many.
pub async fn decision_prune(cx: &Context, days: i64) -> Result<u64> {
    let mut tx = cx.db.begin().await?;
    let before = Time::now().plus_seconds(-days * 86_400);
    let gone = store::claim::decisions_prune(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}
