//! Locks a server against actions, and unlocks it.

use super::access::{legal_on_conn, tell};
use super::check::check_text;
use super::update::changed_meanwhile;
use crate::compute::model::{Action, Lock};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::ServerId;

/// Refuses actions of everyone but administrators from now on.
pub async fn server_lock(cx: &Context, id: ServerId, reason: Option<String>) -> Result<()> {
    if let Some(reason) = &reason {
        check_text("locked_reason", reason, 1, 255)?;
    }
    let mut tx = cx.db.begin().await?;
    let mut server = legal_on_conn(&mut tx, cx, id, Action::Lock).await?;
    let own = cx
        .actor
        .project
        .as_ref()
        .is_some_and(|scope| scope.id == server.project);
    server.locked = match server.locked {
        // An owner does not weaken an administrator's lock.
        Lock::Admin => Lock::Admin,
        _ if own => Lock::Owner,
        _ => Lock::Admin,
    };
    server.detail.locked_reason = reason;
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(changed_meanwhile(id));
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    Ok(())
}

/// Allows actions again. What an administrator locked, an administrator unlocks.
pub async fn server_unlock(cx: &Context, id: ServerId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let mut server = legal_on_conn(&mut tx, cx, id, Action::Unlock).await?;
    if server.locked == Lock::Admin && !cx.actor.is_admin() {
        return Err(Error::Forbidden(format!(
            "server {id} was locked by an administrator: ask one to unlock it"
        )));
    }
    server.locked = Lock::None;
    server.detail.locked_reason = None;
    if !store::server::write_fields(&mut tx, &server).await? {
        return Err(changed_meanwhile(id));
    }
    tx.commit().await?;
    tell(cx, &server, Change::Updated);
    Ok(())
}
