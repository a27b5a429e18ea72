//! Forgetting old entries of the audit.

use crate::context::Context;
use crate::error::Result;
use crate::identity::store;
use crate::ids::Time;

/// Forgets entries older than `days`; says how many.
pub async fn audit_prune(cx: &Context, days: i64) -> Result<u64> {
    let mut tx = cx.db.begin().await?;
    let before = Time::now().plus_seconds(days.saturating_mul(-86_400));
    let gone = store::audit::prune(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}
