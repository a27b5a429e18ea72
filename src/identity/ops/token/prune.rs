//! Forgetting tokens that ended.

use crate::context::Context;
use crate::error::Result;
use crate::identity::store;
use crate::ids::Time;

/// Forgets tokens that ended. They are void without it; this keeps the table small.
pub async fn token_prune(cx: &Context) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::token::prune(&mut tx, Time::now()).await?;
    Ok(tx.commit().await?)
}
