//! Changing a group.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{Group, GroupChange};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::check;
use crate::identity::store;
use crate::ids::GroupId;

/// Changes name or description of a group.
pub async fn group_update(cx: &Context, id: GroupId, wanted: GroupChange) -> Result<Group> {
    let mut tx = cx.db.begin().await?;
    let mut group = store::group::show(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("group", id))?;
    if let Some(name) = wanted.name {
        check::name("group.name", &name)?;
        group.name = name;
    }
    if let Some(description) = wanted.description {
        check::text("group.description", &description)?;
        group.description = description;
    }
    store::group::update(&mut tx, &group)
        .await
        .map_err(|error| change::taken(error, "group", &group.name))?;
    let done = Done::new("group_update", "group", id, &group.name, Change::Updated);
    change::commit(cx, tx, done).await?;
    Ok(group)
}
