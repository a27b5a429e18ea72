//! Changing a domain.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{Domain, DomainChange};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::DomainId;

/// Changes a domain. Disabling it makes void all tokens of its users and for its projects.
pub async fn domain_update(cx: &Context, id: DomainId, wanted: DomainChange) -> Result<Domain> {
    let mut tx = cx.db.begin().await?;
    let mut domain = store::domain::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("domain", id))?;
    if let Some(name) = wanted.name {
        check::name("domain.name", &name)?;
        domain.name = name;
    }
    if let Some(description) = wanted.description {
        check::text("domain.description", &description)?;
        domain.description = description;
    }
    if let Some(enabled) = wanted.enabled {
        if domain.enabled && !enabled {
            store::user::revoke_domain(&mut tx, id).await?;
            store::project::revoke_domain(&mut tx, id).await?;
        }
        domain.enabled = enabled;
    }
    store::domain::update(&mut tx, &domain)
        .await
        .map_err(|error| change::taken(error, "domain", &domain.name))?;
    let done = Done::new("domain_update", "domain", id, &domain.name, Change::Updated);
    change::commit_safely(cx, tx, done).await?;
    Ok(domain)
}
