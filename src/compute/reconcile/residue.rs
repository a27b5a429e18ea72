//! Removes what nodes still have of servers that are gone from them.

use crate::compute::sagas::{Removal, remove as remove_guest};
use crate::compute::store;
use crate::context::Context;
use crate::error::Result;
use crate::ids::ServerId;
use crate::saga::turn_now;

/// Pays what a node owes, now that it answers.
pub async fn pay(cx: &Context, host: &str) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let owed = store::server_residue::on_host(&mut conn, host).await?;
    for id in owed {
        let back = store::server::show(&mut conn, id)
            .await?
            .is_some_and(|server| server.host.as_deref() == Some(host));
        if back {
            // It was placed here again: what is here is the server itself.
            forget(cx, host, id).await?;
        } else {
            remove(cx, host, id).await?;
        }
    }
    Ok(())
}

/// Removes one guest from a node; if the node does not do it, the next report is another chance.
pub async fn remove(cx: &Context, host: &str, id: ServerId) -> Result<()> {
    // Not in the turn of any operation: whatever begins after this may put the server here again.
    let turn = turn_now(cx, &id.to_string()).await?;
    match remove_guest(cx, &turn, id, host).await {
        Removal::Done => forget(cx, host, id).await,
        Removal::NoAnswer(reason) => {
            tracing::info!(%id, host, reason, "a guest could not be removed yet");
            Ok(())
        }
    }
}

async fn forget(cx: &Context, host: &str, id: ServerId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::server_residue::remove(&mut tx, host, id).await?;
    tx.commit().await?;
    Ok(())
}
