//! What is shared with certain projects.

use super::super::model::{RbacAction, RbacKind, RbacPolicy};
use crate::db::{Conn, DbResult, Row, sql};
use crate::ids::{NetworkId, PortId, ProjectId, RbacPolicyId, SecurityGroupId};

const COLUMNS: &str = "id, project_id, kind, object_id, action, target";

fn policy(row: &mut Row) -> DbResult<RbacPolicy> {
    Ok(RbacPolicy {
        id: row.take()?,
        project: row.take()?,
        kind: row.take_parsed()?,
        object: row.take()?,
        action: row.take_parsed()?,
        target: row.take_parsed()?,
    })
}

/// Writes a new policy; `false` if there is one for the same.
pub async fn insert(conn: &mut Conn, new: &RbacPolicy) -> DbResult<bool> {
    sql(format!(
        "INSERT INTO rbac_policy ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(new.kind.name())
    .bind(&new.object)
    .bind(new.action.name())
    .bind(new.target.to_string())
    .swapped(conn)
    .await
}

/// Policies in order of id; of a project, if one is named.
pub async fn list(conn: &mut Conn, project: Option<ProjectId>) -> DbResult<Vec<RbacPolicy>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM rbac_policy WHERE 1 = 1"));
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement.push(" ORDER BY id").all(conn, policy).await
}

/// Says with whom a policy shares.
pub async fn retarget(conn: &mut Conn, id: RbacPolicyId, target: &str) -> DbResult<bool> {
    sql("UPDATE rbac_policy SET target = $2 WHERE id = $1")
        .bind(id)
        .bind(target)
        .swapped(conn)
        .await
}

/// Removes a policy; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: RbacPolicyId) -> DbResult<bool> {
    sql("DELETE FROM rbac_policy WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Removes all policies about a thing.
pub async fn delete_of(conn: &mut Conn, kind: RbacKind, object: &str) -> DbResult<u64> {
    sql("DELETE FROM rbac_policy WHERE kind = $1 AND object_id = $2")
        .bind(kind.name())
        .bind(object)
        .execute(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM rbac_policy WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}

/// What policies let a project do with a network that is not its own.
pub async fn grants(
    conn: &mut Conn,
    network: NetworkId,
    project: ProjectId,
) -> DbResult<Vec<RbacAction>> {
    sql("SELECT action FROM rbac_policy WHERE kind = 'network' AND object_id = $1 AND target = $2")
        .bind(network)
        .bind(project)
        .all(conn, Row::take_parsed)
        .await
}

/// Ports of a project on a network, a few of them.
pub async fn ports_on_network(
    conn: &mut Conn,
    network: NetworkId,
    project: ProjectId,
) -> DbResult<Vec<PortId>> {
    sql("SELECT id FROM port WHERE network_id = $1 AND project_id = $2 ORDER BY id LIMIT 100")
        .bind(network)
        .bind(project)
        .all(conn, Row::take)
        .await
}

/// Ports of other projects than `owner` that have a group which no policy shares with them, a few of them.
pub async fn ports_with_group(
    conn: &mut Conn,
    group: SecurityGroupId,
    owner: ProjectId,
) -> DbResult<Vec<PortId>> {
    sql("SELECT p.id FROM port_security_group g JOIN port p ON p.id = g.port_id WHERE g.group_id = $1 AND p.project_id <> $2 \
         AND NOT EXISTS (SELECT 1 FROM rbac_policy r WHERE r.kind = 'security_group' AND r.object_id = $1 \
         AND (r.target = p.project_id OR r.target = '*')) ORDER BY p.id LIMIT 100")
    .bind(group)
    .bind(owner)
    .all(conn, Row::take)
    .await
}
