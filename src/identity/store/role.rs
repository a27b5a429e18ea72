//! Roles and which of them include which. There are few: they are read whole.

use crate::db::{Conn, DbResult, Row, sql};
use crate::identity::model::{Role, RoleGraph};
use crate::ids::RoleId;

const COLUMNS: &str = "id, name, description";

fn role(row: &mut Row) -> DbResult<Role> {
    Ok(Role {
        id: row.take()?,
        name: row.take()?,
        description: row.take()?,
    })
}

pub(in crate::identity) async fn insert(conn: &mut Conn, role: &Role) -> DbResult<()> {
    sql(format!(
        "INSERT INTO identity_role ({COLUMNS}) VALUES ($1, $2, $3)"
    ))
    .bind(role.id)
    .bind(&role.name)
    .bind(role.description.as_ref())
    .execute(conn)
    .await?;
    Ok(())
}

pub(in crate::identity) async fn update(conn: &mut Conn, role: &Role) -> DbResult<()> {
    sql("UPDATE identity_role SET name = $2, description = $3 WHERE id = $1")
        .bind(role.id)
        .bind(&role.name)
        .bind(role.description.as_ref())
        .execute(conn)
        .await?;
    Ok(())
}

pub(in crate::identity) async fn delete(conn: &mut Conn, id: RoleId) -> DbResult<()> {
    for statement in [
        "DELETE FROM identity_assignment WHERE role_id = $1",
        "DELETE FROM identity_implied_role WHERE prior_id = $1 OR implied_id = $1",
        "DELETE FROM identity_role WHERE id = $1",
    ] {
        sql(statement).bind(id).execute(conn).await?;
    }
    Ok(())
}

pub(in crate::identity) async fn show(conn: &mut Conn, id: RoleId) -> DbResult<Option<Role>> {
    sql(format!("SELECT {COLUMNS} FROM identity_role WHERE id = $1"))
        .bind(id)
        .optional(conn, role)
        .await
}

pub(in crate::identity) async fn list(conn: &mut Conn) -> DbResult<Vec<Role>> {
    sql(format!("SELECT {COLUMNS} FROM identity_role ORDER BY name"))
        .all(conn, role)
        .await
}

pub(in crate::identity) async fn graph(conn: &mut Conn) -> DbResult<RoleGraph> {
    let mut graph = RoleGraph::default();
    for role in list(conn).await? {
        graph.roles.insert(role.id, role);
    }
    let pairs = sql("SELECT prior_id, implied_id FROM identity_implied_role")
        .all(conn, |row| {
            Ok((row.take::<RoleId>()?, row.take::<RoleId>()?))
        })
        .await?;
    for (prior, implied) in pairs {
        graph.implied.entry(prior).or_default().insert(implied);
    }
    Ok(graph)
}

/// `false` if it was so already.
pub(in crate::identity) async fn imply(
    conn: &mut Conn,
    prior: RoleId,
    implied: RoleId,
) -> DbResult<bool> {
    sql("INSERT INTO identity_implied_role (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(prior)
        .bind(implied)
        .swapped(conn)
        .await
}

/// `false` if it was not so.
pub(in crate::identity) async fn imply_no_more(
    conn: &mut Conn,
    prior: RoleId,
    implied: RoleId,
) -> DbResult<bool> {
    sql("DELETE FROM identity_implied_role WHERE prior_id = $1 AND implied_id = $2")
        .bind(prior)
        .bind(implied)
        .swapped(conn)
        .await
}
