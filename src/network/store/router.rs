//! Routers, and what they are plugged into.

use std::collections::HashMap;

use super::super::model::{GATEWAY_OWNER, Gateway, INTERFACE_OWNER, Router};
use super::address::{self, ADDRESS};
use crate::db::{Conn, DbResult, LIST, Row, Value, sql};
use crate::ids::{NetworkId, ProjectId, RouterId, SubnetId};

const COLUMNS: &str = "id, project_id, name, description, admin_state_up, enable_snat, routes, host, tags, revision, \
     created_at, updated_at";

fn router(row: &mut Row) -> DbResult<Router> {
    Ok(Router {
        id: row.take()?,
        project: row.take()?,
        name: row.take()?,
        description: row.take()?,
        admin_state_up: row.take()?,
        enable_snat: row.take()?,
        routes: row.take_json()?,
        host: row.take()?,
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        gateway: None,
    })
}

/// Writes a new router without its ports.
pub async fn insert(conn: &mut Conn, new: &Router) -> DbResult<()> {
    sql(format!(
        "INSERT INTO router ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.admin_state_up)
    .bind(new.enable_snat)
    .bind(Value::json(&new.routes))
    .bind(new.host.as_ref())
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a router that was read with the revision before, without its ports; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &Router) -> DbResult<bool> {
    sql("UPDATE router SET name = $2, description = $3, admin_state_up = $4, enable_snat = $5, routes = $6, host = $7, \
         tags = $8, revision = $9, updated_at = $10 WHERE id = $1 AND revision = $9 - 1")
    .bind(new.id)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.admin_state_up)
    .bind(new.enable_snat)
    .bind(Value::json(&new.routes))
    .bind(new.host.as_ref())
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Routers, oldest first, with their ways out: of this project, or all.
pub async fn list(conn: &mut Conn, project: Option<ProjectId>) -> DbResult<Vec<Router>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM router WHERE 1 = 1"));
    if let Some(project) = project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    let routers = statement
        .push(" ORDER BY created_at, id")
        .all(conn, router)
        .await?;
    with_gateways(conn, routers).await
}

/// The router with this id, with its way out.
pub async fn find(conn: &mut Conn, id: RouterId) -> DbResult<Option<Router>> {
    let found = sql(format!("SELECT {COLUMNS} FROM router WHERE id = $1"))
        .bind(id)
        .all(conn, router)
        .await?;
    Ok(with_gateways(conn, found).await?.pop())
}

/// Routers on a host, in order of id, with their ways out.
pub async fn of_host(conn: &mut Conn, host: &str) -> DbResult<Vec<Router>> {
    let found = sql(format!(
        "SELECT {COLUMNS} FROM router WHERE host = $1 ORDER BY id"
    ))
    .bind(host)
    .all(conn, router)
    .await?;
    with_gateways(conn, found).await
}

async fn with_gateways(conn: &mut Conn, mut routers: Vec<Router>) -> DbResult<Vec<Router>> {
    let ids: Vec<RouterId> = routers.iter().map(|router| router.id).collect();
    let mut ways: HashMap<RouterId, Gateway> = HashMap::new();
    for part in ids.chunks(LIST) {
        let addresses = address::of_port(conn.engine(), "port.id");
        let found = sql(format!(
            "SELECT device_id, id, network_id, {addresses} FROM port WHERE device_owner = $1 AND device_id"
        ))
        .bind(GATEWAY_OWNER)
        .push_in(part.iter().copied())
        .all(conn, |row| {
            let router: RouterId = row.take()?;
            let gateway = Gateway {
                port: row.take()?,
                network: row.take()?,
                addresses: address::addresses(row)?,
            };
            Ok((router, gateway))
        })
        .await?;
        ways.extend(found);
    }
    for router in &mut routers {
        router.gateway = ways.remove(&router.id);
    }
    Ok(routers)
}

/// Locks a router's row until the transaction ends; `false` if there is none.
pub async fn lock(conn: &mut Conn, id: RouterId) -> DbResult<bool> {
    sql("UPDATE router SET revision = revision + 0 WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Removes a router; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: RouterId) -> DbResult<bool> {
    sql("DELETE FROM router WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM router WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}

/// Routers of which one port is on this subnet and another leads to this network outside, the one that is the subnet's
/// gateway first.
pub async fn between(
    conn: &mut Conn,
    subnet: SubnetId,
    gateway: Option<std::net::IpAddr>,
    outside: NetworkId,
) -> DbResult<Option<RouterId>> {
    let found: Vec<(RouterId, std::net::IpAddr)> = sql(format!(
        "SELECT p.device_id, {ADDRESS} FROM port p JOIN address a ON a.port_id = p.id WHERE p.device_owner = $1 AND a.subnet_id = $2 \
         AND EXISTS (SELECT 1 FROM port g WHERE g.device_owner = $3 AND g.device_id = p.device_id AND g.network_id = $4) \
         ORDER BY p.created_at, p.id",
    ))
    .bind(INTERFACE_OWNER)
    .bind(subnet)
    .bind(GATEWAY_OWNER)
    .bind(outside)
    .all(conn, |row| Ok((row.take()?, address::address(row)?)))
    .await?;
    let best = found.iter().find(|(_, address)| Some(*address) == gateway);
    Ok(best.or(found.first()).map(|(router, _)| *router))
}

/// Routers that have interfaces, with where they are, by id.
pub async fn places(conn: &mut Conn) -> DbResult<Vec<(RouterId, Option<String>)>> {
    sql("SELECT id, host FROM router WHERE EXISTS \
         (SELECT 1 FROM port WHERE device_id = router.id AND device_owner = $1) ORDER BY id")
    .bind(INTERFACE_OWNER)
    .all(conn, |row| Ok((row.take()?, row.take()?)))
    .await
}

/// Physical networks that routers are plugged into.
pub async fn physical(conn: &mut Conn) -> DbResult<Vec<(RouterId, String)>> {
    sql(
        "SELECT p.device_id, n.physical_network FROM port p JOIN network n ON n.id = p.network_id \
         WHERE p.device_owner IN ($1, $2) AND n.physical_network IS NOT NULL",
    )
    .bind(INTERFACE_OWNER)
    .bind(GATEWAY_OWNER)
    .all(conn, |row| Ok((row.take()?, row.take()?)))
    .await
}
