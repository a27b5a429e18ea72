//! Listing domains.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Domain;
use crate::identity::store;

/// All domains, by name.
pub async fn domain_list(cx: &Context) -> Result<Vec<Domain>> {
    let mut conn = cx.db.read().await?;
    Ok(store::domain::list(&mut conn).await?)
}

/// The enabled domains on which the caller holds a role: those that a token can be had for.
pub async fn domain_list_own(cx: &Context) -> Result<Vec<Domain>> {
    let user = cx.actor.user.ok_or_else(|| {
        Error::Unauthorized("The request you have made requires authentication.".into())
    })?;
    let mut conn = cx.db.read().await?;
    let own = store::assignment::domains_of(&mut conn, user).await?;
    let mut domains = store::domain::list(&mut conn).await?;
    domains.retain(|domain| domain.enabled && own.contains(&domain.id));
    Ok(domains)
}
