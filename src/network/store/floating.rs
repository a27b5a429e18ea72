//! Floating addresses.

use std::net::Ipv4Addr;

use super::super::model::{FloatingIp, FloatingTarget};
use crate::db::{Conn, DbResult, LIST, Row, Value, sql};
use crate::ids::{FloatingIpId, NetworkId, PortId, ProjectId, RouterId};

const COLUMNS: &str = "id, project_id, description, network_id, port_id, address, fixed_port_id, fixed_address, router_id, \
     tags, revision, created_at, updated_at";
/// Whether the router it goes through is somewhere and carries packets.
const ACTIVE: &str = "(SELECT COUNT(*) FROM router r WHERE r.id = router_id AND r.host IS NOT NULL AND r.admin_state_up = 1)";

fn floating(row: &mut Row) -> DbResult<FloatingIp> {
    Ok(FloatingIp {
        id: row.take()?,
        project: row.take()?,
        description: row.take()?,
        network: row.take()?,
        port: row.take()?,
        address: row.take::<u32>()?.into(),
        target: target(row.take()?, row.take()?, row.take()?),
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        is_active: row.take::<i64>()? > 0,
    })
}

fn target(
    port: Option<PortId>,
    address: Option<u32>,
    router: Option<RouterId>,
) -> Option<FloatingTarget> {
    Some(FloatingTarget {
        port: port?,
        address: address?.into(),
        router: router?,
    })
}

/// Writes a new one.
pub async fn insert(conn: &mut Conn, new: &FloatingIp) -> DbResult<()> {
    sql(format!(
        "INSERT INTO floating_ip ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(&new.description)
    .bind(new.network)
    .bind(new.port)
    .bind(u32::from(new.address))
    .bind(new.target.map(|target| target.port))
    .bind(new.target.map(|target| u32::from(target.address)))
    .bind(new.target.map(|target| target.router))
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes one that was read with the revision before; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &FloatingIp) -> DbResult<bool> {
    sql("UPDATE floating_ip SET description = $2, fixed_port_id = $3, fixed_address = $4, router_id = $5, tags = $6, \
         revision = $7, updated_at = $8 WHERE id = $1 AND revision = $7 - 1")
    .bind(new.id)
    .bind(&new.description)
    .bind(new.target.map(|target| target.port))
    .bind(new.target.map(|target| u32::from(target.address)))
    .bind(new.target.map(|target| target.router))
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Those of a project, or all, oldest first.
pub async fn list(conn: &mut Conn, project: Option<ProjectId>) -> DbResult<Vec<FloatingIp>> {
    let mut statement = sql(format!(
        "SELECT {COLUMNS}, {ACTIVE} FROM floating_ip WHERE 1 = 1"
    ));
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    statement
        .push(" ORDER BY created_at, id")
        .all(conn, floating)
        .await
}

/// The one with this id.
pub async fn find(conn: &mut Conn, id: FloatingIpId) -> DbResult<Option<FloatingIp>> {
    sql(format!(
        "SELECT {COLUMNS}, {ACTIVE} FROM floating_ip WHERE id = $1"
    ))
    .bind(id)
    .optional(conn, floating)
    .await
}

/// Those that lead to a port.
pub async fn of_target(conn: &mut Conn, port: PortId) -> DbResult<Vec<FloatingIp>> {
    sql(format!(
        "SELECT {COLUMNS}, {ACTIVE} FROM floating_ip WHERE fixed_port_id = $1 ORDER BY id"
    ))
    .bind(port)
    .all(conn, floating)
    .await
}

/// Those that go through these routers, in order of address.
pub async fn of_routers(conn: &mut Conn, routers: &[RouterId]) -> DbResult<Vec<FloatingIp>> {
    let mut found = Vec::new();
    for part in routers.chunks(LIST) {
        found.extend(
            sql(format!(
                "SELECT {COLUMNS}, {ACTIVE} FROM floating_ip WHERE router_id"
            ))
            .push_in(part.iter().copied())
            .push(" ORDER BY address, id")
            .all(conn, floating)
            .await?,
        );
    }
    Ok(found)
}

/// Floating addresses that lead to these ports, with the port and its address.
pub async fn of_targets(
    conn: &mut Conn,
    ports: &[PortId],
) -> DbResult<Vec<(PortId, Ipv4Addr, Ipv4Addr)>> {
    let mut found = Vec::new();
    for part in ports.chunks(LIST) {
        let some = sql(
            "SELECT fixed_port_id, fixed_address, address FROM floating_ip WHERE fixed_port_id",
        )
        .push_in(part.iter().copied())
        .push(" ORDER BY address")
        .all(conn, |row| {
            Ok((
                row.take()?,
                row.take::<u32>()?.into(),
                row.take::<u32>()?.into(),
            ))
        });
        found.extend(some.await?);
    }
    Ok(found)
}

/// Whether a network has any.
pub async fn is_on_network(conn: &mut Conn, network: NetworkId) -> DbResult<bool> {
    let found = sql("SELECT 1 FROM floating_ip WHERE network_id = $1 LIMIT 1")
        .bind(network)
        .optional(conn, |row| row.take::<i64>())
        .await?;
    Ok(found.is_some())
}

/// Removes one; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: FloatingIpId) -> DbResult<bool> {
    sql("DELETE FROM floating_ip WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM floating_ip WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}
