//! Groups of servers. Members that are deleted stay written until their rows go, and are not read.

use std::collections::HashMap;

use crate::compute::model::ServerGroup;
use crate::db::{Conn, DbResult, LIST, Row, sql};
use crate::ids::{ProjectId, ServerGroupId, ServerId, UserId};

const COLUMNS: &str = "id, project_id, user_id, name, policy, max_per_host, created_at";

fn group(row: &mut Row) -> DbResult<ServerGroup> {
    Ok(ServerGroup {
        id: row.take()?,
        project: row.take()?,
        user: row.take()?,
        name: row.take()?,
        policy: row.take_parsed()?,
        max_per_host: row.take()?,
        created_at: row.take()?,
        members: Vec::new(),
    })
}

/// A page of them, with their members, oldest first; of all projects if none is given.
pub async fn list(
    conn: &mut Conn,
    project: Option<ProjectId>,
    offset: i64,
    limit: i64,
) -> DbResult<Vec<ServerGroup>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM server_group"));
    if let Some(project) = project {
        statement = statement.push_bind(" WHERE project_id = {}", project);
    }
    let groups = statement
        .push_bind(" ORDER BY id LIMIT {}", limit)
        .push_bind(" OFFSET {}", offset)
        .all(conn, group)
        .await?;
    with_members(conn, groups).await
}

/// The group with this id.
pub async fn show(conn: &mut Conn, id: ServerGroupId) -> DbResult<Option<ServerGroup>> {
    let found = sql(format!("SELECT {COLUMNS} FROM server_group WHERE id = $1"))
        .bind(id)
        .all(conn, group)
        .await?;
    Ok(with_members(conn, found).await?.pop())
}

async fn with_members(conn: &mut Conn, mut groups: Vec<ServerGroup>) -> DbResult<Vec<ServerGroup>> {
    let ids: Vec<ServerGroupId> = groups.iter().map(|group| group.id).collect();
    let mut members: HashMap<ServerGroupId, Vec<ServerId>> = HashMap::new();
    for part in ids.chunks(LIST) {
        let some = sql("SELECT m.group_id, m.server_id FROM server_group_member m JOIN server s ON s.id = m.server_id \
             WHERE s.deleted_at IS NULL AND m.group_id")
        .push_in(part.iter().copied())
        .push(" ORDER BY m.server_id")
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await?;
        for (group, server) in some {
            members.entry(group).or_default().push(server);
        }
    }
    for group in &mut groups {
        group.members = members.remove(&group.id).unwrap_or_default();
    }
    Ok(groups)
}

/// How many a user made in a project.
pub async fn count(conn: &mut Conn, project: ProjectId, user: UserId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM server_group WHERE project_id = $1 AND user_id = $2")
        .bind(project)
        .bind(user)
        .scalar(conn)
        .await
}

/// Writes a new one.
pub async fn insert(conn: &mut Conn, new: &ServerGroup) -> DbResult<()> {
    sql(format!(
        "INSERT INTO server_group ({COLUMNS}, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(new.user)
    .bind(&new.name)
    .bind(new.policy.name())
    .bind(new.max_per_host)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Waits for whoever else places a member of it; `false` if there is none. Whoever reads where its members are in order to
/// place another one does this first, in the same transaction.
pub async fn lock(conn: &mut Conn, id: ServerGroupId) -> DbResult<bool> {
    sql("UPDATE server_group SET revision = revision + 1 WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Removes it; its servers stay, and are in no group. `false` if there is none.
pub async fn delete(conn: &mut Conn, id: ServerGroupId) -> DbResult<bool> {
    sql("DELETE FROM server_group_member WHERE group_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    sql("DELETE FROM server_group WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Puts a new server into a group.
pub async fn member_add(conn: &mut Conn, id: ServerGroupId, server: ServerId) -> DbResult<()> {
    sql("INSERT INTO server_group_member (server_id, group_id) VALUES ($1, $2)")
        .bind(server)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The group of a server, if it is in one.
pub async fn of_server(conn: &mut Conn, server: ServerId) -> DbResult<Option<ServerGroupId>> {
    sql("SELECT group_id FROM server_group_member WHERE server_id = $1")
        .bind(server)
        .optional(conn, Row::take)
        .await
}
