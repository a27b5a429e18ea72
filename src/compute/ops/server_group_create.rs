//! Making groups of servers.

use crate::compute::model::{Affinity, ServerGroup};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::{ServerGroupId, Time};

/// Longest name.
const LONGEST_NAME: usize = 255;

/// Makes a group without members in the actor's project. `max_per_host` is for anti-affinity only; 1 if not said.
pub async fn server_group_create(
    cx: &Context,
    name: &str,
    policy: Affinity,
    max_per_host: Option<u32>,
) -> Result<ServerGroup> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "server_group.name",
            format!("1 to {LONGEST_NAME} printable characters are needed"),
        ));
    }
    if max_per_host == Some(0) {
        return Err(Error::invalid(
            "server_group.rules.max_server_per_host",
            "at least 1 is needed",
        ));
    }
    if max_per_host.is_some() && policy != Affinity::Apart {
        return Err(Error::invalid(
            "server_group.rules",
            format!("only {} takes rules, {policy} does not", Affinity::Apart),
        ));
    }
    let scope = cx.project()?;
    let user = cx.actor.user.ok_or_else(|| {
        Error::BadRequest("server groups belong to users, and no user asks".into())
    })?;
    let group = ServerGroup {
        id: ServerGroupId::new(),
        project: scope.id,
        user,
        name: name.to_owned(),
        policy,
        max_per_host: max_per_host.unwrap_or(1),
        members: Vec::new(),
        created_at: Time::now(),
    };
    let mut tx = cx.db.begin().await?;
    let limit = quota_limit_on_conn(&mut tx, cx, scope.id, "server_groups").await?;
    let used = store::server_group::count(&mut tx, scope.id, user).await?;
    quota_check("server_groups", 1, used, limit)?;
    store::server_group::insert(&mut tx, &group).await?;
    tx.commit().await?;
    tell(cx, &group, Change::Created);
    Ok(group)
}

pub(super) fn tell(cx: &Context, group: &ServerGroup, change: Change) {
    cx.events
        .changed("server_group", group.id, Some(group.project), change);
}
