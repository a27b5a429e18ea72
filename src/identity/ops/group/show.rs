//! Looking at a group.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::Group;
use crate::identity::store;
use crate::ids::GroupId;

/// One group.
pub async fn group_show(cx: &Context, id: GroupId) -> Result<Group> {
    let mut conn = cx.db.read().await?;
    store::group::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("group", id))
}
