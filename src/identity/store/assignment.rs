//! Who has which role where.

use crate::db::{Conn, DbError, DbResult, Row, sql};
use crate::identity::model::{Assignment, AssignmentQuery, Holder, Target};
use crate::ids::{DomainId, ProjectId, RoleId, UserId};

const COLUMNS: &str = "target_kind, target_id, holder_kind, holder_id, role_id";

fn assignment(row: &mut Row) -> DbResult<Assignment> {
    let target = match row.take::<String>()?.as_str() {
        "project" => Target::Project(row.take()?),
        "domain" => Target::Domain(row.take()?),
        other => return Err(unknown(0, other)),
    };
    let holder = match row.take::<String>()?.as_str() {
        "user" => Holder::User(row.take()?),
        "group" => Holder::Group(row.take()?),
        other => return Err(unknown(2, other)),
    };
    Ok(Assignment {
        target,
        holder,
        role: row.take()?,
    })
}

fn unknown(column: usize, text: &str) -> DbError {
    DbError::Decode {
        column,
        reason: format!("{text:?} is not known"),
    }
}

/// `false` if it was so already.
pub(in crate::identity) async fn insert(
    conn: &mut Conn,
    assignment: &Assignment,
) -> DbResult<bool> {
    sql(format!(
        "INSERT INTO identity_assignment ({COLUMNS}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
    ))
    .bind(assignment.target.kind())
    .bind(assignment.target.id())
    .bind(assignment.holder.kind())
    .bind(assignment.holder.id())
    .bind(assignment.role)
    .swapped(conn)
    .await
}

/// `false` if it was not so.
pub(in crate::identity) async fn delete(
    conn: &mut Conn,
    assignment: &Assignment,
) -> DbResult<bool> {
    sql("DELETE FROM identity_assignment WHERE target_id = $1 AND holder_id = $2 AND role_id = $3")
        .bind(assignment.target.id())
        .bind(assignment.holder.id())
        .bind(assignment.role)
        .swapped(conn)
        .await
}

pub(in crate::identity) async fn delete_of_holder(conn: &mut Conn, holder: Holder) -> DbResult<()> {
    sql("DELETE FROM identity_assignment WHERE holder_id = $1")
        .bind(holder.id())
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_of_target(conn: &mut Conn, target: Target) -> DbResult<()> {
    sql("DELETE FROM identity_assignment WHERE target_id = $1")
        .bind(target.id())
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn list(
    conn: &mut Conn,
    query: &AssignmentQuery,
) -> DbResult<Vec<Assignment>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM identity_assignment WHERE 1 = 1"
    ));
    if let Some(holder) = query.holder {
        statement = statement.push_bind(" AND holder_id = {}", holder.id());
    }
    if let Some(target) = query.target {
        statement = statement.push_bind(" AND target_id = {}", target.id());
    }
    if let Some(role) = query.role {
        statement = statement.push_bind(" AND role_id = {}", role);
    }
    statement
        .push(" ORDER BY target_id, holder_id, role_id")
        .all(conn, assignment)
        .await
}

/// Roles that the user holds there directly or through a group; implied ones are not among them.
pub(in crate::identity) async fn roles_of(
    conn: &mut Conn,
    user: UserId,
    target: Target,
) -> DbResult<Vec<RoleId>> {
    sql("SELECT DISTINCT role_id FROM identity_assignment WHERE target_id = $2 AND \
         (holder_id = $1 OR holder_id IN (SELECT group_id FROM identity_membership WHERE user_id = $1))")
    .bind(user)
    .bind(target.id())
    .all(conn, Row::take)
    .await
}

/// Projects on which the user holds any role, directly or through a group.
pub(in crate::identity) async fn projects_of(
    conn: &mut Conn,
    user: UserId,
) -> DbResult<Vec<ProjectId>> {
    targets_of(user, "project").all(conn, Row::take).await
}

/// Domains on which the user holds any role, directly or through a group.
pub(in crate::identity) async fn domains_of(
    conn: &mut Conn,
    user: UserId,
) -> DbResult<Vec<DomainId>> {
    targets_of(user, "domain").all(conn, Row::take).await
}

fn targets_of(user: UserId, kind: &str) -> crate::db::Statement {
    sql("SELECT DISTINCT target_id FROM identity_assignment WHERE target_kind = $2 AND \
         (holder_id = $1 OR holder_id IN (SELECT group_id FROM identity_membership WHERE user_id = $1))")
    .bind(user)
    .bind(kind)
}

/// Whether any user who can log in has the role admin on a project that is enabled.
pub(in crate::identity) async fn somebody_administers(conn: &mut Conn) -> DbResult<bool> {
    let count = sql("SELECT COUNT(*) FROM identity_assignment a \
         JOIN identity_role r ON r.id = a.role_id AND r.name = 'admin' \
         JOIN identity_project p ON p.id = a.target_id AND p.enabled = 1 \
         JOIN identity_domain pd ON pd.id = p.domain_id AND pd.enabled = 1 \
         JOIN identity_user u ON u.enabled = 1 AND u.password_hash IS NOT NULL \
         JOIN identity_domain ud ON ud.id = u.domain_id AND ud.enabled = 1 \
         WHERE a.holder_id = u.id OR EXISTS \
         (SELECT 1 FROM identity_membership m WHERE m.group_id = a.holder_id AND m.user_id = u.id)")
    .scalar::<i64>(conn)
    .await?;
    Ok(count > 0)
}
