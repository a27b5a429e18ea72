//! Who is in a group.

use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::identity::model::{Group, User};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::{GroupId, UserId};

/// Adds a user. It is no error if it was a member.
pub async fn group_member_add(cx: &Context, group: GroupId, user: UserId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let found = both(&mut tx, group, user).await?;
    store::group::add_member(&mut tx, group, user).await?;
    let done = Done::new(
        "group_member_add",
        "group",
        group,
        &found.name,
        Change::Updated,
    );
    change::commit(cx, tx, done).await
}

/// Removes a user that is a member.
pub async fn group_member_remove(cx: &Context, group: GroupId, user: UserId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let found = both(&mut tx, group, user).await?;
    if !store::group::remove_member(&mut tx, group, user).await? {
        return Err(not_a_member(user));
    }
    let done = Done::new(
        "group_member_remove",
        "group",
        group,
        &found.name,
        Change::Updated,
    );
    change::commit_safely(cx, tx, done).await
}

/// Succeeds if the user is a member. Users may ask about themselves, administrators about all.
pub async fn group_member_check(cx: &Context, group: GroupId, user: UserId) -> Result<()> {
    check::self_or_admin(cx, user)?;
    let mut conn = cx.db.read().await?;
    both(&mut conn, group, user).await?;
    let members = store::group::memberships(&mut conn, &[group]).await?;
    if members.contains(&(group, user)) {
        Ok(())
    } else {
        Err(not_a_member(user))
    }
}

/// Members by name.
pub async fn group_member_list(cx: &Context, group: GroupId) -> Result<Vec<User>> {
    let mut conn = cx.db.read().await?;
    if store::group::show(&mut conn, group).await?.is_none() {
        return Err(Error::not_found("group", group));
    }
    Ok(store::user::members(&mut conn, group).await?)
}

async fn both(conn: &mut Conn, group: GroupId, user: UserId) -> Result<Group> {
    if store::user::show(conn, user).await?.is_none() {
        return Err(Error::not_found("user", user));
    }
    store::group::show(conn, group)
        .await?
        .ok_or_else(|| Error::not_found("group", group))
}

fn not_a_member(user: UserId) -> Error {
    Error::not_found("member of the group", user)
}
