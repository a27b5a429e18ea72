//! Forgets deleted servers.

use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;

/// Forgets servers that were deleted more than `days` ago; says how many.
pub async fn server_prune(cx: &Context, days: i64) -> Result<u64> {
    let mut tx = cx.db.begin().await?;
    let gone = store::server::prune(&mut tx, Time::now().plus_seconds(-days * 86_400)).await?;
    tx.commit().await?;
    Ok(gone)
}
