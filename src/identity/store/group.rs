//! Groups and who is in them.

use crate::db::{Conn, DbResult, Row, sql};
use crate::identity::model::{Group, GroupQuery};
use crate::ids::{GroupId, UserId};

const COLUMNS: &str = "id, domain_id, name, description";

fn group(row: &mut Row) -> DbResult<Group> {
    Ok(Group {
        id: row.take()?,
        domain_id: row.take()?,
        name: row.take()?,
        description: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, group: &Group) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_group ({COLUMNS}) VALUES ($1, $2, $3, $4)"
    ))
    .bind(group.id)
    .bind(group.domain_id)
    .bind(&group.name)
    .bind(&group.description)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn update(conn: &mut Conn, group: &Group) -> DbResult<()> {
    sql("UPDATE identity_group SET name = $2, description = $3 WHERE id = $1")
        .bind(group.id)
        .bind(&group.name)
        .bind(&group.description)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: GroupId) -> DbResult<()> {
    for statement in [
        "DELETE FROM identity_membership WHERE group_id = $1",
        "DELETE FROM identity_group WHERE id = $1",
    ] {
        sql(statement).bind(id).execute(conn).await?;
    }
    Ok(())
}

pub(in crate::identity) async fn show(conn: &mut Conn, id: GroupId) -> DbResult<Option<Group>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_group WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, group)
    .await
}

pub(in crate::identity) async fn list(conn: &mut Conn, query: &GroupQuery) -> DbResult<Vec<Group>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM identity_group WHERE 1 = 1"));
    if let Some(domain) = query.domain_id {
        statement = statement.push_bind(" AND domain_id = {}", domain);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    if let Some(member) = query.member {
        statement = statement.push_bind(
            " AND id IN (SELECT group_id FROM identity_membership WHERE user_id = {})",
            member,
        );
    }
    statement.push(" ORDER BY name, id").all(conn, group).await
}

/// `false` if the user was a member already.
pub(in crate::identity) async fn add_member(
    conn: &mut Conn,
    group: GroupId,
    user: UserId,
) -> DbResult<bool> {
    sql("INSERT INTO identity_membership (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(group)
        .bind(user)
        .swapped(conn)
        .await
}

/// `false` if the user was no member.
pub(in crate::identity) async fn remove_member(
    conn: &mut Conn,
    group: GroupId,
    user: UserId,
) -> DbResult<bool> {
    sql("DELETE FROM identity_membership WHERE group_id = $1 AND user_id = $2")
        .bind(group)
        .bind(user)
        .swapped(conn)
        .await
}

/// All pairs of group and member of these groups.
pub(in crate::identity) async fn memberships(
    conn: &mut Conn,
    groups: &[GroupId],
) -> DbResult<Vec<(GroupId, UserId)>> {
    sql("SELECT group_id, user_id FROM identity_membership WHERE group_id")
        .push_in(groups.iter().copied())
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}
