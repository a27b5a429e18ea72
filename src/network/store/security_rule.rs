//! Rules of security groups.

use super::super::model::{Remote, SecurityRule};
use crate::db::{Conn, DbResult, LIST, Row, sql};
use crate::ids::{ProjectId, SecurityGroupId, SecurityGroupRuleId};

const COLUMNS: &str = "id, group_id, project_id, description, direction, ethertype, protocol, range_min, range_max, \
     remote_prefix, remote_group, created_at";

fn rule(row: &mut Row) -> DbResult<SecurityRule> {
    Ok(SecurityRule {
        id: row.take()?,
        group: row.take()?,
        project: row.take()?,
        description: row.take()?,
        direction: row.take_parsed()?,
        ethertype: row.take_parsed()?,
        protocol: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        min: port(row)?,
        max: port(row)?,
        remote: {
            let prefix = row.take::<Option<String>>()?;
            let group = row.take::<Option<SecurityGroupId>>()?;
            match (prefix.and_then(|text| text.parse().ok()), group) {
                (Some(prefix), _) => Remote::Prefix(prefix),
                (None, Some(group)) => Remote::Group(group),
                (None, None) => Remote::Any,
            }
        },
        created_at: row.take()?,
    })
}

fn port(row: &mut Row) -> DbResult<Option<u16>> {
    let number = row.take::<Option<i64>>()?;
    Ok(number.and_then(|number| u16::try_from(number).ok()))
}

/// Writes a new rule; `false` if the group has one that means the same.
pub async fn insert(conn: &mut Conn, new: &SecurityRule) -> DbResult<bool> {
    let (prefix, group) = match new.remote {
        Remote::Any => (None, None),
        Remote::Prefix(prefix) => (Some(prefix.to_string()), None),
        Remote::Group(group) => (None, Some(group.to_string())),
    };
    sql(format!(
        "INSERT INTO security_group_rule ({COLUMNS}, meaning) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT DO NOTHING"
    ))
    .bind(new.id)
    .bind(new.group)
    .bind(new.project)
    .bind(&new.description)
    .bind(new.direction.name())
    .bind(new.ethertype.name())
    .bind(new.protocol.as_ref().map(ToString::to_string))
    .bind(new.min.map(i64::from))
    .bind(new.max.map(i64::from))
    .bind(prefix)
    .bind(group)
    .bind(new.created_at)
    .bind(new.meaning())
    .swapped(conn)
    .await
}

/// The rule of a group that means this.
pub async fn of_meaning(
    conn: &mut Conn,
    group: SecurityGroupId,
    meaning: &str,
) -> DbResult<Option<SecurityGroupRuleId>> {
    sql("SELECT id FROM security_group_rule WHERE group_id = $1 AND meaning = $2")
        .bind(group)
        .bind(meaning)
        .optional(conn, Row::take)
        .await
}

/// Rules oldest first: all of them, or the one with this id.
pub async fn list(conn: &mut Conn, id: Option<SecurityGroupRuleId>) -> DbResult<Vec<SecurityRule>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM security_group_rule WHERE 1 = 1"
    ));
    if let Some(id) = id {
        statement = statement.push_bind(" AND id = {}", id);
    }
    statement
        .push(" ORDER BY created_at, id")
        .all(conn, rule)
        .await
}

/// The rules of these groups, oldest first.
pub async fn of_groups(conn: &mut Conn, groups: &[SecurityGroupId]) -> DbResult<Vec<SecurityRule>> {
    let mut found = Vec::new();
    for part in groups.chunks(LIST) {
        found.extend(
            sql(format!(
                "SELECT {COLUMNS} FROM security_group_rule WHERE group_id"
            ))
            .push_in(part.iter().copied())
            .push(" ORDER BY created_at, id")
            .all(conn, rule)
            .await?,
        );
    }
    Ok(found)
}

/// Removes a rule; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: SecurityGroupRuleId) -> DbResult<bool> {
    sql("DELETE FROM security_group_rule WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Removes the rules of a group, and those of others that name it.
pub(super) async fn delete_of_group(conn: &mut Conn, group: SecurityGroupId) -> DbResult<u64> {
    sql("DELETE FROM security_group_rule WHERE group_id = $1 OR remote_group = $1")
        .bind(group)
        .execute(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM security_group_rule WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}
