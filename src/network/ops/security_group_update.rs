//! Changing security groups: what they are called. Their rules are made and deleted one by one.

use super::check::{self, is_owner};
use super::security_group_create::security_group_announce;
use super::security_group_list::security_group_show_on_conn;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{SecurityGroupId, Time};
use crate::network::model::{DEFAULT_GROUP, SecurityGroup, SecurityGroupChanges};
use crate::network::{refusal, store};

/// Changes a security group of one's own. Nodes have nothing to do with it.
pub async fn security_group_update(
    cx: &Context,
    id: SecurityGroupId,
    changes: SecurityGroupChanges,
) -> Result<SecurityGroup> {
    let mut tx = cx.db.begin().await?;
    let before = security_group_show_on_conn(&mut tx, cx, id).await?;
    if !is_owner(cx, before.project) {
        return Err(refusal::not_group_owner(id));
    }
    let after = changed(&before, changes)?;
    if !store::security_group::update(&mut tx, &after).await? {
        return Err(Error::conflict(format!(
            "somebody else changed security group {id} at the same time; try again"
        )));
    }
    tx.commit().await?;
    security_group_announce(cx, &after, Change::Updated);
    Ok(after)
}

fn changed(before: &SecurityGroup, changes: SecurityGroupChanges) -> Result<SecurityGroup> {
    let mut after = before.clone();
    if let Some(name) = changes.name.filter(|name| *name != before.name) {
        check::text("name", &name)?;
        if before.is_default {
            return Err(refusal::default_group_renamed());
        }
        if name == DEFAULT_GROUP {
            return Err(refusal::default_group_exists());
        }
        after.name = name;
    }
    if let Some(description) = changes.description {
        check::text("description", &description)?;
        after.description = description;
    }
    if let Some(tags) = changes.tags {
        check::tags(&tags)?;
        after.tags = tags;
    }
    after.revision += 1;
    after.updated_at = Time::now();
    Ok(after)
}
