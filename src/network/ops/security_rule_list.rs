//! Rules of security groups as the actor may see them: those of their project, and of groups shared with it.

use super::security_group_default::security_group_default_ensure;
use super::security_group_list::security_group_show_on_conn;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::SecurityGroupRuleId;
use crate::network::model::{SecurityGroupQuery, SecurityRule};
use crate::network::{refusal, store};

/// Rules, oldest first.
pub async fn security_rule_list(cx: &Context) -> Result<Vec<SecurityRule>> {
    security_group_default_ensure(cx).await?;
    let mut conn = cx.db.read().await?;
    if cx.visible_project()?.is_none() {
        return Ok(store::security_rule::list(&mut conn, None).await?);
    }
    let query = SecurityGroupQuery {
        visible_to: cx.visible_project()?,
        id: None,
    };
    let groups = store::security_group::list(&mut conn, &query).await?;
    let mut rules: Vec<SecurityRule> = groups.into_iter().flat_map(|group| group.rules).collect();
    rules.sort_by_key(|rule| rule.created_at);
    Ok(rules)
}

/// One rule.
pub async fn security_rule_show(cx: &Context, id: SecurityGroupRuleId) -> Result<SecurityRule> {
    let mut conn = cx.db.read().await?;
    security_rule_show_on_conn(&mut conn, cx, id).await
}

pub(super) async fn security_rule_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: SecurityGroupRuleId,
) -> Result<SecurityRule> {
    let missing = || refusal::no_rule(id);
    let found = store::security_rule::list(conn, Some(id)).await?.pop();
    let rule = found.ok_or_else(missing)?;
    // Whoever sees the group sees its rules.
    security_group_show_on_conn(conn, cx, rule.group)
        .await
        .map_err(|_| missing())?;
    Ok(rule)
}
