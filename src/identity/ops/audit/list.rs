//! Listing the audit.

use crate::context::Context;
use crate::error::Result;
use crate::identity::model::{AuditEntry, AuditQuery};
use crate::identity::store;

/// Most entries of one answer.
const LONGEST_PAGE: u32 = 1000;

/// Entries, newest first; at most `query.limit`, and never more than a thousand.
pub async fn audit_list(cx: &Context, mut query: AuditQuery) -> Result<Vec<AuditEntry>> {
    query.limit = query.limit.clamp(1, LONGEST_PAGE);
    let mut conn = cx.db.read().await?;
    Ok(store::audit::list(&mut conn, &query).await?)
}
