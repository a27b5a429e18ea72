//! Deleting a domain with everything in it.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{GroupQuery, ProjectQuery, Target, UserQuery};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::{group, project, user};
use crate::identity::store;
use crate::ids::DomainId;

/// Deletes a domain that was disabled before, with its users, groups and projects. What the projects own in other
/// services stays for an administrator to delete, as in Keystone.
pub async fn domain_delete(cx: &Context, id: DomainId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let domain = store::domain::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("domain", id))?;
    if id == DomainId::DEFAULT {
        return Err(Error::Forbidden(
            "the domain that the cloud began with can not be deleted".into(),
        ));
    }
    if domain.enabled {
        return Err(Error::Forbidden(format!(
            "the domain {} is enabled; disable it before deleting it with everything in it",
            domain.name
        )));
    }
    let users = UserQuery {
        domain_id: Some(id),
        ..UserQuery::default()
    };
    for found in store::user::list(&mut tx, &users).await? {
        user::delete_on_conn(&mut tx, found.id).await?;
    }
    let groups = GroupQuery {
        domain_id: Some(id),
        ..GroupQuery::default()
    };
    for found in store::group::list(&mut tx, &groups).await? {
        group::delete_on_conn(&mut tx, found.id).await?;
    }
    let projects = ProjectQuery {
        domain_id: Some(id),
        ..ProjectQuery::default()
    };
    for found in store::project::list(&mut tx, &projects).await? {
        project::delete_on_conn(&mut tx, found.id).await?;
    }
    store::assignment::delete_of_target(&mut tx, Target::Domain(id)).await?;
    store::domain::delete(&mut tx, id).await?;
    let done = Done::new("domain_delete", "domain", id, &domain.name, Change::Deleted);
    change::commit_safely(cx, tx, done).await
}
