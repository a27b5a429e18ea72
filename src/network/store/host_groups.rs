//! Security groups as nodes need them: what a node is told, and which nodes are to be told again. One statement each.

use ipnet::IpNet;

use super::super::model::AddressPair;
use super::address::{NUMBERS, Numbers};
use crate::db::{Conn, DbResult, LIST, sql};
use crate::ids::{PortId, SecurityGroupId};

/// Addresses of the ports that have these groups, wherever they are, by group.
pub async fn members(
    conn: &mut Conn,
    groups: &[SecurityGroupId],
) -> DbResult<Vec<(SecurityGroupId, Vec<Numbers>)>> {
    let all = conn.engine().joined(NUMBERS);
    let mut found = Vec::new();
    for part in groups.chunks(LIST) {
        found.extend(
            sql(format!("SELECT m.group_id, {all} FROM port_security_group m JOIN address a ON a.port_id = m.port_id WHERE m.group_id"))
                .push_in(part.iter().copied())
                .push(" GROUP BY m.group_id")
                .all(conn, |row| Ok((row.take()?, row.take_joined()?)))
                .await?,
        );
    }
    Ok(found)
}

/// Further addresses of such ports, with the group.
pub async fn member_pairs(
    conn: &mut Conn,
    groups: &[SecurityGroupId],
) -> DbResult<Vec<(SecurityGroupId, IpNet)>> {
    let mut found = Vec::new();
    for part in groups.chunks(LIST) {
        let some: Vec<(SecurityGroupId, Vec<AddressPair>)> =
            sql("SELECT m.group_id, p.allowed_pairs FROM port_security_group m JOIN port p ON p.id = m.port_id \
                 WHERE p.has_pairs = 1 AND m.group_id")
            .push_in(part.iter().copied())
            .all(conn, |row| Ok((row.take()?, row.take_json()?)))
            .await?;
        let pairs = some.into_iter();
        found
            .extend(pairs.flat_map(|(group, pairs)| {
                pairs.into_iter().map(move |pair| (group, pair.prefix))
            }));
    }
    Ok(found)
}

/// Notes that what a group allows changed: for nodes with ports that have it.
pub async fn rules_changed(conn: &mut Conn, group: SecurityGroupId) -> DbResult<u64> {
    super::host::turn(conn).await?;
    let ports = "FROM port p JOIN port_security_group g ON g.port_id = p.id WHERE g.group_id = $1";
    sql(format!(
        "UPDATE network_host SET wanted = wanted + 1 WHERE host IN (SELECT p.host {ports} UNION SELECT p.migrating_to {ports})"
    ))
    .bind(group)
    .execute(conn)
    .await
}

/// Notes that a group is no more: for nodes with ports that have groups whose rules name it.
pub async fn named_changed(conn: &mut Conn, group: SecurityGroupId) -> DbResult<u64> {
    super::host::turn(conn).await?;
    let ports = "FROM port p JOIN port_security_group g ON g.port_id = p.id \
                 JOIN security_group_rule r ON r.group_id = g.group_id WHERE r.remote_group = $1";
    sql(format!(
        "UPDATE network_host SET wanted = wanted + 1 WHERE host IN (SELECT p.host {ports} UNION SELECT p.migrating_to {ports})"
    ))
    .bind(group)
    .execute(conn)
    .await
}

/// Notes that a port's groups or addresses change: for nodes with ports that have groups whose rules name one of the groups
/// that it has now.
pub async fn member_changed(conn: &mut Conn, port: PortId) -> DbResult<u64> {
    super::host::turn(conn).await?;
    let ports = "FROM port_security_group m JOIN security_group_rule r ON r.remote_group = m.group_id \
                 JOIN port_security_group g ON g.group_id = r.group_id JOIN port p ON p.id = g.port_id WHERE m.port_id = $1";
    sql(format!(
        "UPDATE network_host SET wanted = wanted + 1 WHERE host IN (SELECT p.host {ports} UNION SELECT p.migrating_to {ports})"
    ))
    .bind(port)
    .execute(conn)
    .await
}
