//! Making a group.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{Group, GroupNew};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::GroupId;

/// Makes a group without members.
pub async fn group_create(cx: &Context, new: GroupNew) -> Result<Group> {
    check::name("group.name", &new.name)?;
    check::text("group.description", &new.description)?;
    let own = cx.actor.project.as_ref().map(|scope| scope.domain_id);
    let group = Group {
        id: GroupId::new(),
        domain_id: new.domain_id.or(own).unwrap_or_default(),
        name: new.name,
        description: new.description,
    };
    let mut tx = cx.db.begin().await?;
    if store::domain::show(&mut tx, group.domain_id)
        .await?
        .is_none()
    {
        return Err(Error::not_found("domain", group.domain_id));
    }
    store::group::insert(&mut tx, &group)
        .await
        .map_err(|error| change::taken(error, "group", &group.name))?;
    let done = Done::new(
        "group_create",
        "group",
        group.id,
        &group.name,
        Change::Created,
    );
    change::commit(cx, tx, done).await?;
    Ok(group)
}
