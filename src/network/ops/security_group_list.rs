//! Security groups as the actor may see them: those of their project, and those shared with it.

use std::collections::BTreeSet;

use super::security_group_default::{security_group_default_ensure, security_group_default_make};
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, SecurityGroupId, ServerId};
use crate::network::model::{Port, SecurityGroup, SecurityGroupQuery};
use crate::network::{refusal, store};

/// Security groups with their rules, oldest first. The project's default one is made if it was never needed before.
pub async fn security_group_list(cx: &Context) -> Result<Vec<SecurityGroup>> {
    security_group_default_ensure(cx).await?;
    let query = SecurityGroupQuery {
        visible_to: cx.visible_project()?,
        id: None,
    };
    let mut conn = cx.db.read().await?;
    Ok(store::security_group::list(&mut conn, &query).await?)
}

/// One security group with its rules.
pub async fn security_group_show(cx: &Context, id: SecurityGroupId) -> Result<SecurityGroup> {
    let mut conn = cx.db.read().await?;
    security_group_show_on_conn(&mut conn, cx, id).await
}

/// One security group, on a connection.
pub(super) async fn security_group_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: SecurityGroupId,
) -> Result<SecurityGroup> {
    let query = SecurityGroupQuery {
        visible_to: cx.visible_project()?,
        id: Some(id),
    };
    let found = store::security_group::list(conn, &query).await?.pop();
    found.ok_or_else(|| refusal::no_group(id))
}

/// The groups that these words name, each a name or an id, among those that a project may give to its servers.
/// `None` for a word that names nothing; a conflict for one that names several.
pub async fn security_groups_named(
    cx: &Context,
    project: ProjectId,
    words: &[String],
) -> Result<Vec<Option<SecurityGroup>>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    security_group_default_make(cx, project).await?;
    let query = SecurityGroupQuery {
        visible_to: Some(project),
        id: None,
    };
    let mut conn = cx.db.read().await?;
    let all = store::security_group::list(&mut conn, &query).await?;
    let named = |word: &String| {
        if let Some(found) = all.iter().find(|group| group.id.to_string() == *word) {
            return Ok(Some(found.clone()));
        }
        let mut same = all.iter().filter(|group| group.name == *word);
        match (same.next(), same.next()) {
            (Some(_), Some(_)) => Err(Error::conflict(format!(
                "Multiple security groups found matching '{word}'. Use an ID to be more specific."
            ))),
            (found, _) => Ok(found.cloned()),
        }
    };
    words.iter().map(named).collect()
}

/// The groups that these ports have, each once, with their rules. Whether the caller may see the ports is theirs to check.
pub async fn security_group_of_ports(cx: &Context, ports: &[Port]) -> Result<Vec<SecurityGroup>> {
    let has: BTreeSet<SecurityGroupId> = ports
        .iter()
        .flat_map(|port| port.groups.iter().copied())
        .collect();
    let mut conn = cx.db.read().await?;
    let mut groups = Vec::new();
    for id in has {
        let query = SecurityGroupQuery {
            visible_to: None,
            id: Some(id),
        };
        groups.extend(store::security_group::list(&mut conn, &query).await?);
    }
    Ok(groups)
}

/// Names of the groups that the ports of these servers have, each once, by server.
pub async fn server_group_names_on_conn(
    conn: &mut Conn,
    servers: &[ServerId],
) -> Result<Vec<(ServerId, String)>> {
    Ok(store::security_group::names_of_servers(conn, servers).await?)
}
