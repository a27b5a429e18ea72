//! Users. The hash of the password is read by itself, so that it does not travel with every user.

use crate::db::{Conn, DbResult, Row, sql};
use crate::identity::model::{User, UserQuery};
use crate::ids::{DomainId, GroupId, UserId};

const COLUMNS: &str =
    "id, domain_id, name, enabled, default_project_id, description, email, generation";

fn user(row: &mut Row) -> DbResult<User> {
    Ok(User {
        id: row.take()?,
        domain_id: row.take()?,
        name: row.take()?,
        enabled: row.take()?,
        default_project_id: row.take()?,
        description: row.take()?,
        email: row.take()?,
        generation: row.take()?,
    })
}

pub(in crate::identity) async fn insert(
    conn: &mut Conn,
    user: &User,
    password_hash: Option<&str>,
) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_user ({COLUMNS}, password_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    ))
    .bind(user.id)
    .bind(user.domain_id)
    .bind(&user.name)
    .bind(user.enabled)
    .bind(user.default_project_id)
    .bind(user.description.as_ref())
    .bind(user.email.as_ref())
    .bind(user.generation)
    .bind(password_hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what may change but the password; the domain stays.
pub(in crate::identity) async fn update(conn: &mut Conn, user: &User) -> DbResult<()> {
    sql("UPDATE identity_user SET name = $2, enabled = $3, default_project_id = $4, description = $5, email = $6, generation = $7 WHERE id = $1")
        .bind(user.id)
        .bind(&user.name)
        .bind(user.enabled)
        .bind(user.default_project_id)
        .bind(user.description.as_ref())
        .bind(user.email.as_ref())
        .bind(user.generation)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets the password and makes all tokens void.
pub(in crate::identity) async fn set_password(
    conn: &mut Conn,
    id: UserId,
    password_hash: &str,
) -> DbResult<()> {
    sql("UPDATE identity_user SET password_hash = $2, generation = generation + 1 WHERE id = $1")
        .bind(id)
        .bind(password_hash)
        .execute(conn)
        .await?;
    Ok(())
}

/// The hash of the password, if there is one; also `None` where there is no such user.
pub(in crate::identity) async fn password_hash(
    conn: &mut Conn,
    id: UserId,
) -> DbResult<Option<String>> {
    sql("SELECT password_hash FROM identity_user WHERE id = $1")
        .bind(id)
        .optional(conn, Row::take::<Option<String>>)
        .await
        .map(Option::flatten)
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: UserId) -> DbResult<()> {
    for statement in [
        "DELETE FROM identity_membership WHERE user_id = $1",
        "DELETE FROM identity_app_credential WHERE user_id = $1",
        "DELETE FROM identity_token WHERE user_id = $1",
        "DELETE FROM identity_user WHERE id = $1",
    ] {
        sql(statement).bind(id).execute(conn).await?;
    }
    Ok(())
}

/// Makes void all tokens of users of this domain.
pub(in crate::identity) async fn revoke_domain(conn: &mut Conn, id: DomainId) -> DbResult<()> {
    sql("UPDATE identity_user SET generation = generation + 1 WHERE domain_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn show(conn: &mut Conn, id: UserId) -> DbResult<Option<User>> {
    sql(format!("SELECT {COLUMNS} FROM identity_user WHERE id = $1"))
        .bind(id)
        .optional(conn, user)
        .await
}

pub(in crate::identity) async fn find(
    conn: &mut Conn,
    domain: DomainId,
    name: &str,
) -> DbResult<Option<User>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_user WHERE domain_id = $1 AND name = $2"
    ))
    .bind(domain)
    .bind(name)
    .optional(conn, user)
    .await
}

pub(in crate::identity) async fn list(conn: &mut Conn, query: &UserQuery) -> DbResult<Vec<User>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM identity_user WHERE 1 = 1"));
    if let Some(domain) = query.domain_id {
        statement = statement.push_bind(" AND domain_id = {}", domain);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    if let Some(enabled) = query.enabled {
        statement = statement.push_bind(" AND enabled = {}", enabled);
    }
    statement.push(" ORDER BY name, id").all(conn, user).await
}

pub(in crate::identity) async fn members(conn: &mut Conn, group: GroupId) -> DbResult<Vec<User>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_user WHERE id IN (SELECT user_id FROM identity_membership WHERE group_id = $1) ORDER BY name, id"
    ))
    .bind(group)
    .all(conn, user)
    .await
}
