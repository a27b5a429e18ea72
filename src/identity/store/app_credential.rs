//! Application credentials.

use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::identity::model::AppCredential;
use crate::ids::{AppCredentialId, ProjectId, UserId};

const COLUMNS: &str = "id, user_id, project_id, name, description, secret_hash, unrestricted, roles, created_at, expires_at";

fn credential(row: &mut Row) -> DbResult<AppCredential> {
    Ok(AppCredential {
        id: row.take()?,
        user_id: row.take()?,
        project_id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        secret_hash: row.take()?,
        unrestricted: row.take()?,
        roles: row.take_json()?,
        created_at: row.take()?,
        expires_at: row.take()?,
    })
}

pub(in crate::identity) async fn insert(
    conn: &mut Conn,
    credential: &AppCredential,
) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_app_credential ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    ))
    .bind(credential.id)
    .bind(credential.user_id)
    .bind(credential.project_id)
    .bind(&credential.name)
    .bind(credential.description.as_ref())
    .bind(&credential.secret_hash)
    .bind(credential.unrestricted)
    .bind(Value::json(&credential.roles))
    .bind(credential.created_at)
    .bind(credential.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn show(
    conn: &mut Conn,
    id: AppCredentialId,
) -> DbResult<Option<AppCredential>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_app_credential WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, credential)
    .await
}

pub(in crate::identity) async fn find(
    conn: &mut Conn,
    user: UserId,
    name: &str,
) -> DbResult<Option<AppCredential>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_app_credential WHERE user_id = $1 AND name = $2"
    ))
    .bind(user)
    .bind(name)
    .optional(conn, credential)
    .await
}

pub(in crate::identity) async fn list(
    conn: &mut Conn,
    user: UserId,
) -> DbResult<Vec<AppCredential>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_app_credential WHERE user_id = $1 ORDER BY name"
    ))
    .bind(user)
    .all(conn, credential)
    .await
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: AppCredentialId) -> DbResult<()> {
    sql("DELETE FROM identity_app_credential WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_of_project(
    conn: &mut Conn,
    project: ProjectId,
) -> DbResult<()> {
    sql("DELETE FROM identity_app_credential WHERE project_id = $1")
        .bind(project)
        .execute(conn)
        .await?;
    Ok(())
}
