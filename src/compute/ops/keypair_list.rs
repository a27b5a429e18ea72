//! Key pairs: every user has their own; administrators see everybody's.

use crate::compute::model::Keypair;
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::UserId;

/// Entries of a page at most.
const PAGE: u64 = 1000;

/// Key pairs of a user (the actor when absent) after the one named `marker`, by name.
pub async fn keypair_list(
    cx: &Context,
    user: Option<UserId>,
    marker: Option<&str>,
    limit: Option<u64>,
) -> Result<Vec<Keypair>> {
    let user = user_or_own(cx, user)?;
    let mut conn = cx.db.read().await?;
    if let Some(marker) = marker
        && store::keypair::find(&mut conn, user, marker)
            .await?
            .is_none()
    {
        return Err(Error::BadRequest(format!(
            "marker {marker} could not be found"
        )));
    }
    let limit = i64::try_from(limit.unwrap_or(PAGE).min(PAGE)).unwrap_or(i64::MAX);
    Ok(store::keypair::list(&mut conn, user, marker.unwrap_or_default(), limit).await?)
}

/// The actor's key pair of this name.
pub async fn keypair_show(cx: &Context, name: &str) -> Result<Keypair> {
    keypair_show_of(cx, None, name).await
}

/// A user's (the actor's when absent) key pair of this name.
pub async fn keypair_show_of(cx: &Context, user: Option<UserId>, name: &str) -> Result<Keypair> {
    let user = user_or_own(cx, user)?;
    let mut conn = cx.db.read().await?;
    store::keypair::find(&mut conn, user, name)
        .await?
        .ok_or_else(|| Error::not_found("key pair", name))
}

/// How many key pairs the actor has.
pub async fn keypair_count(cx: &Context) -> Result<i64> {
    let Some(user) = cx.actor.user else {
        return Ok(0);
    };
    let mut conn = cx.db.read().await?;
    Ok(store::keypair::count(&mut conn, user).await?)
}

/// The user whose key pairs are meant, if the actor may see them.
pub(super) fn user_or_own(cx: &Context, user: Option<UserId>) -> Result<UserId> {
    match (user, cx.actor.user) {
        (Some(user), own) if Some(user) != own && !cx.actor.is_admin() => Err(Error::Forbidden(
            "only administrators see and change key pairs of others".into(),
        )),
        (Some(user), _) => Ok(user),
        (None, Some(own)) => Ok(own),
        (None, None) => Err(Error::BadRequest(
            "key pairs belong to users, and no user asks".into(),
        )),
    }
}
