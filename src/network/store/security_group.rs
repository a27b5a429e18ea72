//! Security groups, and which ports have them.

use std::collections::HashMap;

use super::super::model::{SecurityGroup, SecurityGroupQuery, SecurityRule};
use super::security_rule;
use crate::db::{Conn, DbResult, Engine, LIST, Row, Value, sql};
use crate::ids::{PortId, ProjectId, SecurityGroupId, ServerId, Time};

const COLUMNS: &str =
    "id, project_id, name, description, default_of, tags, revision, created_at, updated_at";

/// Groups that are shared with the project in the placeholder.
const SHARED: &str = "SELECT object_id FROM rbac_policy WHERE kind = 'security_group' AND (target = {} OR target = '*')";

fn group(row: &mut Row) -> DbResult<SecurityGroup> {
    Ok(SecurityGroup {
        id: row.take()?,
        project: row.take()?,
        name: row.take()?,
        description: row.take()?,
        is_default: row.take::<Option<String>>()?.is_some(),
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        rules: Vec::new(),
    })
}

/// Writes a new group without its rules; `false` if it is a default one and the project has one.
pub async fn insert(conn: &mut Conn, new: &SecurityGroup) -> DbResult<bool> {
    sql(format!(
        "INSERT INTO security_group ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.is_default.then(|| new.project.to_string()))
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Writes a group that was read with the revision before; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &SecurityGroup) -> DbResult<bool> {
    sql("UPDATE security_group SET name = $2, description = $3, tags = $4, revision = $5, updated_at = $6 \
         WHERE id = $1 AND revision = $5 - 1")
    .bind(new.id)
    .bind(&new.name)
    .bind(&new.description)
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Notes that a group's rules changed, and locks its row until the transaction ends. `false` if there is none.
pub async fn touch(conn: &mut Conn, id: SecurityGroupId) -> DbResult<bool> {
    sql("UPDATE security_group SET revision = revision + 1, updated_at = $2 WHERE id = $1")
        .bind(id)
        .bind(Time::now())
        .swapped(conn)
        .await
}

/// Locks the groups' rows until the transaction ends, so that they are not deleted while ports get them; says how many
/// there are.
pub async fn lock(conn: &mut Conn, ids: &[SecurityGroupId]) -> DbResult<u64> {
    sql("UPDATE security_group SET revision = revision + 0 WHERE id")
        .push_in(ids.iter().copied())
        .execute(conn)
        .await
}

/// Groups that fit the query, oldest first, with their rules.
pub async fn list(conn: &mut Conn, query: &SecurityGroupQuery) -> DbResult<Vec<SecurityGroup>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM security_group WHERE 1 = 1"));
    if let Some(project) = query.visible_to {
        statement = statement.push_bind(
            &format!(" AND (project_id = {{}} OR id IN ({SHARED}))"),
            project,
        );
    }
    if let Some(id) = query.id {
        statement = statement.push_bind(" AND id = {}", id);
    }
    let mut groups = statement
        .push(" ORDER BY created_at, id")
        .all(conn, group)
        .await?;
    let ids: Vec<SecurityGroupId> = groups.iter().map(|group| group.id).collect();
    let mut rules: HashMap<SecurityGroupId, Vec<SecurityRule>> = HashMap::new();
    for rule in security_rule::of_groups(conn, &ids).await? {
        rules.entry(rule.group).or_default().push(rule);
    }
    for group in &mut groups {
        group.rules = rules.remove(&group.id).unwrap_or_default();
    }
    Ok(groups)
}

/// The default group of a project.
pub async fn default_of(conn: &mut Conn, project: ProjectId) -> DbResult<Option<SecurityGroupId>> {
    sql("SELECT id FROM security_group WHERE default_of = $1")
        .bind(project.to_string())
        .optional(conn, Row::take)
        .await
}

/// Which of these groups a project may give to its ports: its own, and those that are shared with it.
pub async fn usable(
    conn: &mut Conn,
    project: ProjectId,
    ids: &[SecurityGroupId],
) -> DbResult<Vec<SecurityGroupId>> {
    sql("SELECT id FROM security_group WHERE id")
        .push_in(ids.iter().copied())
        .push_bind(
            &format!(" AND (project_id = {{}} OR id IN ({SHARED}))"),
            project,
        )
        .all(conn, Row::take)
        .await
}

/// Removes a group that no port has, its rules, and others' rules that name it; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: SecurityGroupId) -> DbResult<bool> {
    security_rule::delete_of_group(conn, id).await?;
    sql("DELETE FROM security_group WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM security_group WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}

/// Ports that have a group, a few of them.
pub async fn ports(conn: &mut Conn, id: SecurityGroupId) -> DbResult<Vec<PortId>> {
    sql("SELECT port_id FROM port_security_group WHERE group_id = $1 ORDER BY port_id LIMIT 100")
        .bind(id)
        .all(conn, Row::take)
        .await
}

/// Gives a port these groups and no others.
pub async fn set_of_port(
    conn: &mut Conn,
    port: PortId,
    groups: &[SecurityGroupId],
) -> DbResult<()> {
    sql("DELETE FROM port_security_group WHERE port_id = $1")
        .bind(port)
        .execute(conn)
        .await?;
    for &group in groups {
        sql("INSERT INTO port_security_group (port_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(port)
            .bind(group)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// The SQL expression for the groups of the port with this id, which [`groups`] reads.
pub fn of_port(engine: Engine, id: &str) -> String {
    let all = engine.joined("g.group_id");
    format!("(SELECT {all} FROM port_security_group g WHERE g.port_id = {id})")
}

/// The groups of a port, in order of id.
pub fn groups(row: &mut Row) -> DbResult<Vec<SecurityGroupId>> {
    let mut all = row.take_joined()?;
    all.sort_unstable();
    Ok(all)
}

/// Names of the groups that the ports of these servers have, each once, by server.
pub async fn names_of_servers(
    conn: &mut Conn,
    servers: &[ServerId],
) -> DbResult<Vec<(ServerId, String)>> {
    let mut found = Vec::new();
    for part in servers.chunks(LIST) {
        found.extend(
            sql("SELECT DISTINCT p.device_id, s.name FROM port p JOIN port_security_group g ON g.port_id = p.id \
                 JOIN security_group s ON s.id = g.group_id WHERE p.device_id")
            .push_in(part.iter().copied())
            .push(" ORDER BY 1, 2")
            .all(conn, |row| Ok((row.take()?, row.take()?)))
            .await?,
        );
    }
    Ok(found)
}

/// Ports that should have a group and have none.
const WITHOUT: &str = "port_security = 1 AND device_owner NOT LIKE 'network:%' AND id NOT IN (SELECT port_id FROM port_security_group)";

/// Projects with such ports.
pub async fn projects_without(conn: &mut Conn) -> DbResult<Vec<ProjectId>> {
    sql(format!(
        "SELECT DISTINCT project_id FROM port WHERE {WITHOUT} ORDER BY project_id"
    ))
    .all(conn, Row::take)
    .await
}

/// Gives a group to all such ports of a project.
pub async fn give_to_ports_without(
    conn: &mut Conn,
    project: ProjectId,
    group: SecurityGroupId,
) -> DbResult<u64> {
    sql(format!(
        "INSERT INTO port_security_group (port_id, group_id) SELECT id, $2 FROM port WHERE project_id = $1 AND {WITHOUT}"
    ))
    .bind(project)
    .bind(group)
    .execute(conn)
    .await
}
