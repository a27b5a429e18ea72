//! Which roles include which.

use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::Role;
use crate::identity::ops::change::{self, Done};
use crate::identity::store;
use crate::ids::RoleId;

/// Whoever has `prior` shall have `implied` too. It is no error if it was so. Nothing can imply admin, as in Keystone:
/// who administers must be seen from the assignments alone.
pub async fn role_implied_add(cx: &Context, prior: RoleId, implied: RoleId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let (prior, implied) = both(&mut tx, prior, implied).await?;
    if implied.name == "admin" {
        return Err(Error::Forbidden(
            "the role admin can not be implied by another one".into(),
        ));
    }
    if prior.id == implied.id {
        return Err(Error::BadRequest("a role includes itself already".into()));
    }
    store::role::imply(&mut tx, prior.id, implied.id).await?;
    let done = Done::new(
        "role_implied_add",
        "role",
        prior.id,
        &prior.name,
        Change::Updated,
    );
    change::commit(cx, tx, done).await
}

/// Whoever has `prior` shall have `implied` no more because of it. The built-in roles keep including each other.
pub async fn role_implied_remove(cx: &Context, prior: RoleId, implied: RoleId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let (prior, implied) = both(&mut tx, prior, implied).await?;
    if prior.is_built_in() && implied.is_built_in() {
        return Err(Error::Forbidden(format!(
            "that {} includes {} is part of the cloud",
            prior.name, implied.name
        )));
    }
    if !store::role::imply_no_more(&mut tx, prior.id, implied.id).await? {
        return Err(not_implied(&prior, &implied));
    }
    let done = Done::new(
        "role_implied_remove",
        "role",
        prior.id,
        &prior.name,
        Change::Updated,
    );
    change::commit(cx, tx, done).await
}

/// Both roles, if `prior` directly implies `implied`.
pub async fn role_implied_check(
    cx: &Context,
    prior: RoleId,
    implied: RoleId,
) -> Result<(Role, Role)> {
    let mut conn = cx.db.read().await?;
    let (prior, implied) = both(&mut conn, prior, implied).await?;
    let graph = store::role::graph(&mut conn).await?;
    let holds = graph
        .implied
        .get(&prior.id)
        .is_some_and(|found| found.contains(&implied.id));
    if holds {
        Ok((prior, implied))
    } else {
        Err(not_implied(&prior, &implied))
    }
}

async fn both(conn: &mut Conn, prior: RoleId, implied: RoleId) -> Result<(Role, Role)> {
    let mut found = Vec::new();
    for id in [prior, implied] {
        let role = store::role::show(conn, id).await?;
        found.push(role.ok_or_else(|| Error::not_found("role", id))?);
    }
    match <[Role; 2]>::try_from(found) {
        Ok([prior, implied]) => Ok((prior, implied)),
        Err(_) => Err(Error::not_found("role", implied)),
    }
}

fn not_implied(prior: &Role, implied: &Role) -> Error {
    Error::not_found(
        "role",
        format!("{} implied by {}", implied.name, prior.name),
    )
}
