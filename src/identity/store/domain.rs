//! Domains.

use crate::db::{Conn, DbResult, Row, sql};
use crate::identity::model::Domain;
use crate::ids::DomainId;

const COLUMNS: &str = "id, name, description, enabled";

fn domain(row: &mut Row) -> DbResult<Domain> {
    Ok(Domain {
        id: row.take()?,
        name: row.take()?,
        description: row.take()?,
        enabled: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, domain: &Domain) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_domain ({COLUMNS}) VALUES ($1, $2, $3, $4)"
    ))
    .bind(domain.id)
    .bind(&domain.name)
    .bind(&domain.description)
    .bind(domain.enabled)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn update(conn: &mut Conn, domain: &Domain) -> DbResult<()> {
    sql("UPDATE identity_domain SET name = $2, description = $3, enabled = $4 WHERE id = $1")
        .bind(domain.id)
        .bind(&domain.name)
        .bind(&domain.description)
        .bind(domain.enabled)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: DomainId) -> DbResult<()> {
    sql("DELETE FROM identity_domain WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn show(conn: &mut Conn, id: DomainId) -> DbResult<Option<Domain>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_domain WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, domain)
    .await
}

pub(in crate::identity) async fn find(conn: &mut Conn, name: &str) -> DbResult<Option<Domain>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_domain WHERE name = $1"
    ))
    .bind(name)
    .optional(conn, domain)
    .await
}

pub(in crate::identity) async fn list(conn: &mut Conn) -> DbResult<Vec<Domain>> {
    sql(format!(
        "SELECT {COLUMNS} FROM identity_domain ORDER BY name"
    ))
    .all(conn, domain)
    .await
}
