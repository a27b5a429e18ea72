//! Deleting rules of security groups.

use super::check::is_owner;
use super::security_group_create::security_group_announce;
use super::security_group_list::security_group_show_on_conn;
use super::security_rule_list::security_rule_show_on_conn;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::SecurityGroupRuleId;
use crate::network::{refusal, store};

/// Deletes a rule of a group of one's own. Nodes with ports that have the group follow.
pub async fn security_rule_delete(cx: &Context, id: SecurityGroupRuleId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let rule = security_rule_show_on_conn(&mut tx, cx, id).await?;
    let mut group = security_group_show_on_conn(&mut tx, cx, rule.group).await?;
    if !is_owner(cx, group.project) {
        return Err(refusal::not_group_owner(group.id));
    }
    store::security_group::touch(&mut tx, group.id).await?;
    if !store::security_rule::delete(&mut tx, id).await? {
        return Err(refusal::no_rule(id));
    }
    store::host_groups::rules_changed(&mut tx, group.id).await?;
    tx.commit().await?;
    group.rules.retain(|kept| kept.id != id);
    security_group_announce(cx, &group, Change::Updated);
    Ok(())
}
