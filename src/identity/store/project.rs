//! Projects.

use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::identity::model::{Project, ProjectQuery};
use crate::ids::{DomainId, ProjectId};

const COLUMNS: &str = "id, domain_id, parent_id, name, description, enabled, tags, generation";

fn project(row: &mut Row) -> DbResult<Project> {
    Ok(Project {
        id: row.take()?,
        domain_id: row.take()?,
        parent_id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        enabled: row.take()?,
        tags: row.take_json()?,
        generation: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, project: &Project) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_project ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    ))
    .bind(project.id)
    .bind(project.domain_id)
    .bind(project.parent_id)
    .bind(&project.name)
    .bind(&project.description)
    .bind(project.enabled)
    .bind(Value::json(&project.tags))
    .bind(project.generation)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what may change; domain and parent stay.
pub(in crate::identity) async fn update(conn: &mut Conn, project: &Project) -> DbResult<()> {
    sql("UPDATE identity_project SET name = $2, description = $3, enabled = $4, tags = $5, generation = $6 WHERE id = $1")
        .bind(project.id)
        .bind(&project.name)
        .bind(&project.description)
        .bind(project.enabled)
        .bind(Value::json(&project.tags))
        .bind(project.generation)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: ProjectId) -> DbResult<()> {
    sql("DELETE FROM identity_project WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    sql("UPDATE identity_user SET default_project_id = NULL WHERE default_project_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes void all tokens for projects of this domain.
pub(in crate::identity) async fn revoke_domain(conn: &mut Conn, id: DomainId) -> DbResult<()> {
    sql("UPDATE identity_project SET generation = generation + 1 WHERE domain_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn show(conn: &mut Conn, id: ProjectId) -> DbResult<Option<Project>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_project WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, project)
    .await
}

pub(in crate::identity) async fn find(
    conn: &mut Conn,
    domain: DomainId,
    name: &str,
) -> DbResult<Option<Project>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_project WHERE domain_id = $1 AND name = $2"
    ))
    .bind(domain)
    .bind(name)
    .optional(conn, project)
    .await
}

pub(in crate::identity) async fn list(
    conn: &mut Conn,
    query: &ProjectQuery,
) -> DbResult<Vec<Project>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS} FROM identity_project WHERE 1 = 1"
    ));
    if let Some(domain) = query.domain_id {
        statement = statement.push_bind(" AND domain_id = {}", domain);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    if let Some(enabled) = query.enabled {
        statement = statement.push_bind(" AND enabled = {}", enabled);
    }
    if let Some(ids) = &query.ids {
        statement = statement.push(" AND id").push_in(ids.iter().copied());
    }
    statement
        .push(" ORDER BY name, id")
        .all(conn, project)
        .await
}

/// Whether any project is directly below this one.
pub(in crate::identity) async fn has_children(conn: &mut Conn, id: ProjectId) -> DbResult<bool> {
    let count = sql("SELECT COUNT(*) FROM identity_project WHERE parent_id = $1")
        .bind(id)
        .scalar::<i64>(conn)
        .await?;
    Ok(count > 0)
}
