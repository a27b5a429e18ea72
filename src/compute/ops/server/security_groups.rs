//! Security groups of servers: those of their ports. What a server is said to have, its ports get.

use std::collections::HashMap;

use super::access::visible_on_conn;
use super::ports::NicPlan;
use crate::compute::model::Server;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{ProjectId, SecurityGroupId, ServerId};
use crate::network::model::{DEFAULT_GROUP, Port, PortChanges, SecurityGroup};
use crate::network::ops::{
    port_update, ports_of_server, security_group_of_ports, security_groups_named,
    server_group_names_on_conn,
};

/// The groups of ports that are made for new servers, and their names; `None`, whatever a port gets by itself, when none
/// or only the default one is asked for. A wrong word is a wrong field of the request.
pub async fn groups_plan(
    cx: &Context,
    words: &[String],
    nics: &[NicPlan],
) -> Result<Option<Vec<SecurityGroup>>> {
    if words.is_empty() || words.iter().all(|word| word == DEFAULT_GROUP) {
        return Ok(None);
    }
    let project = cx.project()?.id;
    let mut groups: Vec<SecurityGroup> = Vec::new();
    for (word, found) in words
        .iter()
        .zip(security_groups_named(cx, project, words).await?)
    {
        let group = found.ok_or_else(|| {
            Error::invalid(
                "security_groups",
                format!("Security group {word} not found for project {project}."),
            )
        })?;
        if !groups.iter().any(|known| known.id == group.id) {
            groups.push(group);
        }
    }
    if let Some(open) = nics.iter().find(|nic| nic.port.is_none() && !nic.secured) {
        return Err(Error::invalid(
            "security_groups",
            format!(
                "Network {} requires port_security_enabled and subnet associated in order to apply security groups.",
                open.network
            ),
        ));
    }
    Ok(Some(groups))
}

/// Names of the groups that these servers' ports have, by server.
pub async fn group_names_on_conn(
    conn: &mut Conn,
    servers: &[ServerId],
) -> Result<HashMap<ServerId, Vec<String>>> {
    let mut names: HashMap<ServerId, Vec<String>> = HashMap::new();
    for (server, name) in server_group_names_on_conn(conn, servers).await? {
        names.entry(server).or_default().push(name);
    }
    Ok(names)
}

/// The groups that a server's ports have, each once, with their rules.
pub async fn server_security_group_list(cx: &Context, id: ServerId) -> Result<Vec<SecurityGroup>> {
    visible(cx, id).await?;
    let ports = ports_of_server(cx, id).await?;
    security_group_of_ports(cx, &ports).await
}

/// Gives every port of a server that can have groups this one, by name or id. Those that have it keep it.
pub async fn server_security_group_add(cx: &Context, id: ServerId, word: &str) -> Result<()> {
    let server = visible(cx, id).await?;
    let group = named(cx, server.project, word).await?;
    let ports = ports_of_server(cx, id).await?;
    let able: Vec<Port> = ports
        .into_iter()
        .filter(|port| port.port_security)
        .collect();
    if able.is_empty() {
        return Err(Error::BadRequest(format!(
            "server {id} has no port with port security, and only such ports have security groups"
        )));
    }
    for port in able {
        if !port.groups.contains(&group) {
            let mut groups = port.groups.clone();
            groups.push(group);
            set(cx, &port, groups).await?;
        }
    }
    Ok(())
}

/// Takes a group, by name or id, from every port of a server.
pub async fn server_security_group_remove(cx: &Context, id: ServerId, word: &str) -> Result<()> {
    let server = visible(cx, id).await?;
    let group = named(cx, server.project, word).await?;
    let mut found = false;
    for port in ports_of_server(cx, id).await? {
        if port.groups.contains(&group) {
            found = true;
            let groups = port.groups.iter().copied();
            set(cx, &port, groups.filter(|kept| *kept != group).collect()).await?;
        }
    }
    if !found {
        return Err(Error::not_found("security group of the server", word));
    }
    Ok(())
}

async fn set(cx: &Context, port: &Port, groups: Vec<SecurityGroupId>) -> Result<()> {
    let changes = PortChanges {
        groups: Some(groups),
        ..PortChanges::default()
    };
    port_update(cx, port.id, changes).await?;
    Ok(())
}

async fn visible(cx: &Context, id: ServerId) -> Result<Server> {
    let mut conn = cx.db.read().await?;
    visible_on_conn(&mut conn, cx, id).await
}

async fn named(cx: &Context, project: ProjectId, word: &str) -> Result<SecurityGroupId> {
    let words = [word.to_owned()];
    let found = security_groups_named(cx, project, &words).await?.pop();
    let group = found.flatten();
    group
        .map(|group| group.id)
        .ok_or_else(|| Error::not_found("security group", word))
}
