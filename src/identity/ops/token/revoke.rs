//! Revoking a token.

use super::{hash, token_show};
use crate::context::Context;
use crate::error::Result;
use crate::identity::store;

/// Revokes a token at once. Users may revoke their own, administrators all. Tokens that were made of it stay good, as in
/// Keystone.
pub async fn token_revoke(cx: &Context, subject: &str) -> Result<()> {
    token_show(cx, subject).await?;
    let mut tx = cx.db.begin().await?;
    store::token::delete(&mut tx, &hash(subject)).await?;
    tx.commit().await?;
    cx.identity.tokens.clear();
    Ok(())
}
