//! Making rules of security groups.

use super::check::{self, is_owner};
use super::quota::{Bounded, room_on_conn};
use super::security_group_create::security_group_announce;
use super::security_group_list::security_group_show_on_conn;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::network::model::{NewSecurityRule, SecurityRule};
use crate::network::{refusal, store};

/// Adds a rule to a group of one's own. Nodes with ports that have the group follow.
pub async fn security_rule_create(cx: &Context, new: NewSecurityRule) -> Result<SecurityRule> {
    check::text("description", &new.description)?;
    let mut tx = cx.db.begin().await?;
    let mut group = security_group_show_on_conn(&mut tx, cx, new.group).await?;
    if !is_owner(cx, group.project) {
        return Err(refusal::not_group_owner(group.id));
    }
    if let Some(remote) = new.remote_group.filter(|remote| *remote != group.id) {
        security_group_show_on_conn(&mut tx, cx, remote).await?;
    }
    let rule = SecurityRule::checked(new, group.project).map_err(refusal::rule)?;
    room_on_conn(&mut tx, cx, group.project, Bounded::SecurityGroupRules).await?;
    // Also locks the group: it is not deleted meanwhile, nor is the one that the rule names.
    if !store::security_group::touch(&mut tx, group.id).await? {
        return Err(refusal::no_group(group.id));
    }
    if let crate::network::model::Remote::Group(remote) = rule.remote
        && store::security_group::lock(&mut tx, &[remote]).await? == 0
    {
        return Err(refusal::no_group(remote));
    }
    if !store::security_rule::insert(&mut tx, &rule).await? {
        let same = store::security_rule::of_meaning(&mut tx, group.id, &rule.meaning()).await?;
        return Err(refusal::rule_exists(same));
    }
    store::host_groups::rules_changed(&mut tx, group.id).await?;
    tx.commit().await?;
    group.rules.push(rule.clone());
    security_group_announce(cx, &group, Change::Updated);
    Ok(rule)
}
