//! Flavors and who may use the private ones.

use crate::compute::model::{Flavor, FlavorQuery, FlavorSort};
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::ProjectId;

const COLUMNS: &str = "id, name, vcpus, memory_mb, disk_gb, ephemeral_gb, swap_mb, rxtx_factor, is_public, description, \
     extra_specs, created_at";

fn flavor(row: &mut Row) -> DbResult<Flavor> {
    Ok(Flavor {
        id: row.take()?,
        name: row.take()?,
        vcpus: row.take()?,
        memory_mb: row.take()?,
        disk_gb: row.take()?,
        ephemeral_gb: row.take()?,
        swap_mb: row.take()?,
        rxtx_factor: row.take()?,
        is_public: row.take()?,
        description: row.take()?,
        extra_specs: row.take_json()?,
        created_at: row.take()?,
    })
}

/// Writes a new flavor; the error tells whether id or name is taken.
pub async fn insert(conn: &mut Conn, new: &Flavor) -> DbResult<()> {
    sql(format!(
        "INSERT INTO flavor ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    ))
    .bind(&new.id)
    .bind(&new.name)
    .bind(new.vcpus)
    .bind(new.memory_mb)
    .bind(new.disk_gb)
    .bind(new.ephemeral_gb)
    .bind(new.swap_mb)
    .bind(new.rxtx_factor)
    .bind(new.is_public)
    .bind(new.description.as_ref())
    .bind(Value::json(&new.extra_specs))
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The flavor with this id.
pub async fn find(conn: &mut Conn, id: &str) -> DbResult<Option<Flavor>> {
    sql(format!("SELECT {COLUMNS} FROM flavor WHERE id = $1"))
        .bind(id)
        .optional(conn, flavor)
        .await
}

/// The flavor with this name.
pub async fn find_by_name(conn: &mut Conn, name: &str) -> DbResult<Option<Flavor>> {
    sql(format!("SELECT {COLUMNS} FROM flavor WHERE name = $1"))
        .bind(name)
        .optional(conn, flavor)
        .await
}

/// Flavors that fit the query, in its order; its marker and limit are the operation's work.
pub async fn list(conn: &mut Conn, query: &FlavorQuery) -> DbResult<Vec<Flavor>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM flavor WHERE 1 = 1"));
    if let Some(public) = query.is_public {
        statement = statement.push_bind(" AND is_public = {}", public);
    }
    if let Some(project) = query.project {
        statement = statement.push_bind(
            " AND (is_public = 1 OR id IN (SELECT flavor_id FROM flavor_access WHERE project_id = {}))",
            project,
        );
    }
    if let Some(least) = query.min_memory_mb {
        statement = statement.push_bind(" AND memory_mb >= {}", least);
    }
    if let Some(least) = query.min_disk_gb {
        statement = statement.push_bind(" AND disk_gb >= {}", least);
    }
    let column = match query.sort {
        FlavorSort::Id => "id",
        FlavorSort::Name => "name",
        FlavorSort::Vcpus => "vcpus",
        FlavorSort::Memory => "memory_mb",
        FlavorSort::Disk => "disk_gb",
        FlavorSort::Created => "created_at",
    };
    let way = if query.descending { "DESC" } else { "ASC" };
    statement
        .push(&format!(" ORDER BY {column} {way}, id {way}"))
        .all(conn, flavor)
        .await
}

/// Whether a project has access to a private flavor.
pub async fn has_access(conn: &mut Conn, id: &str, project: ProjectId) -> DbResult<bool> {
    let count: i64 =
        sql("SELECT COUNT(*) FROM flavor_access WHERE flavor_id = $1 AND project_id = $2")
            .bind(id)
            .bind(project)
            .scalar(conn)
            .await?;
    Ok(count > 0)
}

/// Projects with access.
pub async fn access(conn: &mut Conn, id: &str) -> DbResult<Vec<ProjectId>> {
    sql("SELECT project_id FROM flavor_access WHERE flavor_id = $1 ORDER BY project_id")
        .bind(id)
        .all(conn, Row::take)
        .await
}

/// Gives access; `false` if the project has it.
pub async fn access_add(conn: &mut Conn, id: &str, project: ProjectId) -> DbResult<bool> {
    sql("INSERT INTO flavor_access (flavor_id, project_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(project)
        .swapped(conn)
        .await
}

/// Takes access away; `false` if the project does not have it.
pub async fn access_remove(conn: &mut Conn, id: &str, project: ProjectId) -> DbResult<bool> {
    sql("DELETE FROM flavor_access WHERE flavor_id = $1 AND project_id = $2")
        .bind(id)
        .bind(project)
        .swapped(conn)
        .await
}

/// Changes the description; `false` if there is no such flavor.
pub async fn describe(conn: &mut Conn, id: &str, description: Option<&str>) -> DbResult<bool> {
    sql("UPDATE flavor SET description = $2 WHERE id = $1")
        .bind(id)
        .bind(description)
        .swapped(conn)
        .await
}

/// Replaces the extra specs of a flavor that has `before`; `false` if somebody changed them meanwhile.
pub async fn extra_specs(conn: &mut Conn, before: &Flavor, after: &Flavor) -> DbResult<bool> {
    sql("UPDATE flavor SET extra_specs = $2 WHERE id = $1 AND extra_specs = $3")
        .bind(&before.id)
        .bind(Value::json(&after.extra_specs))
        .bind(Value::json(&before.extra_specs))
        .swapped(conn)
        .await
}

/// Removes a flavor and its access list; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: &str) -> DbResult<bool> {
    sql("DELETE FROM flavor_access WHERE flavor_id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    sql("DELETE FROM flavor WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Notes that a first start did something; `false` if an earlier one did.
pub async fn seed(conn: &mut Conn, name: &str) -> DbResult<bool> {
    sql("INSERT INTO compute_seed (name) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(name)
        .swapped(conn)
        .await
}
