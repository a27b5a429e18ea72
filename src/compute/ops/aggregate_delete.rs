//! Removing groups of hosts.

use super::aggregate_create::tell;
use super::aggregate_list::lock_on_conn;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};

/// Removes a group that has no hosts.
pub async fn aggregate_delete(cx: &Context, number: i64) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let aggregate = lock_on_conn(&mut tx, number).await?;
    if !aggregate.hosts.is_empty() {
        // Nova's status here.
        return Err(Error::BadRequest(format!(
            "aggregate {} has hosts ({}); take them out first",
            aggregate.name,
            aggregate.hosts.join(", ")
        )));
    }
    store::aggregate::delete(&mut tx, number).await?;
    tx.commit().await?;
    tell(cx, &aggregate, Change::Deleted);
    Ok(())
}
