//! Looking at a domain.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Domain;
use crate::identity::store;
use crate::ids::DomainId;

/// One domain.
pub async fn domain_show(cx: &Context, id: DomainId) -> Result<Domain> {
    let mut conn = cx.db.read().await?;
    store::domain::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("domain", id))
}
