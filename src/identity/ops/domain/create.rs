//! Making a domain.

use crate::context::{Change, Context};
use crate::error::Result;
use crate::identity::model::{Domain, DomainNew};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::DomainId;

/// Makes a domain.
pub async fn domain_create(cx: &Context, new: DomainNew) -> Result<Domain> {
    check::name("domain.name", &new.name)?;
    check::text("domain.description", &new.description)?;
    let domain = Domain {
        id: DomainId::new(),
        name: new.name,
        description: new.description,
        enabled: new.enabled,
    };
    let mut tx = cx.db.begin().await?;
    store::domain::insert(&mut tx, &domain)
        .await
        .map_err(|error| change::taken(error, "domain", &domain.name))?;
    let done = Done::new(
        "domain_create",
        "domain",
        domain.id,
        &domain.name,
        Change::Created,
    );
    change::commit(cx, tx, done).await?;
    Ok(domain)
}
