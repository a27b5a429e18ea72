//! Deleting key pairs.

use super::keypair_list::user_or_own;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::UserId;

/// Deletes a user's (the actor's when absent) key pair. Servers that let it in go on doing so.
pub async fn keypair_delete(cx: &Context, user: Option<UserId>, name: &str) -> Result<()> {
    let user = user_or_own(cx, user)?;
    let mut tx = cx.db.begin().await?;
    if !store::keypair::delete(&mut tx, user, name).await? {
        return Err(Error::not_found("key pair", name));
    }
    tx.commit().await?;
    let project = cx.actor.project.as_ref().map(|scope| scope.id);
    cx.events.changed("keypair", name, project, Change::Deleted);
    Ok(())
}
