//! Subnets.

use std::net::{IpAddr, Ipv4Addr};

use super::super::model::{Ipv6Mode, Subnet, SubnetQuery};
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{NetworkId, ProjectId, SubnetId};

const COLUMNS: &str = "id, network_id, project_id, name, description, cidr, gateway, dhcp, dns, pools, routes, tags, revision, \
     created_at, updated_at, ipv6_address_mode, ipv6_ra_mode";

fn subnet(row: &mut Row) -> DbResult<Subnet> {
    Ok(Subnet {
        id: row.take()?,
        network: row.take()?,
        project: row.take()?,
        name: row.take()?,
        description: row.take()?,
        cidr: row.take_parsed()?,
        gateway: row
            .take::<Option<String>>()?
            .and_then(|text| text.parse().ok()),
        dhcp: row.take()?,
        dns: row.take_json()?,
        pools: row.take_json()?,
        routes: row.take_json()?,
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        address_mode: mode(row.take()?),
        ra_mode: mode(row.take()?),
    })
}

fn mode(name: Option<String>) -> Option<Ipv6Mode> {
    name.and_then(|name| name.parse().ok())
}

/// Writes a new subnet.
pub async fn insert(conn: &mut Conn, new: &Subnet) -> DbResult<()> {
    sql(format!(
        "INSERT INTO subnet ({COLUMNS}, last_given) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0)"
    ))
    .bind(new.id)
    .bind(new.network)
    .bind(new.project)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.cidr.to_string())
    .bind(new.gateway.map(|address| address.to_string()))
    .bind(new.dhcp)
    .bind(Value::json(&new.dns))
    .bind(Value::json(&new.pools))
    .bind(Value::json(&new.routes))
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .bind(new.address_mode.map(Ipv6Mode::name))
    .bind(new.ra_mode.map(Ipv6Mode::name))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a subnet that was read with the revision before; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &Subnet) -> DbResult<bool> {
    sql("UPDATE subnet SET name = $2, description = $3, gateway = $4, dhcp = $5, dns = $6, pools = $7, routes = $8, tags = $9, \
         revision = $10, updated_at = $11 WHERE id = $1 AND revision = $10 - 1")
    .bind(new.id)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.gateway.map(|address| address.to_string()))
    .bind(new.dhcp)
    .bind(Value::json(&new.dns))
    .bind(Value::json(&new.pools))
    .bind(Value::json(&new.routes))
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Subnets that fit the query, oldest first.
pub async fn list(conn: &mut Conn, query: &SubnetQuery) -> DbResult<Vec<Subnet>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM subnet WHERE 1 = 1"));
    if let Some(project) = query.visible_to {
        statement = statement.push_bind(
            " AND network_id IN (SELECT id FROM network WHERE project_id = {} OR shared = 1 OR external = 1 \
             OR id IN (SELECT object_id FROM rbac_policy WHERE kind = 'network' AND target = {}))",
            project,
        );
    }
    if let Some(id) = query.id {
        statement = statement.push_bind(" AND id = {}", id);
    }
    if let Some(network) = query.network {
        statement = statement.push_bind(" AND network_id = {}", network);
    }
    statement
        .push(" ORDER BY created_at, id")
        .all(conn, subnet)
        .await
}

/// The subnets of these networks, oldest first.
pub async fn of_networks(conn: &mut Conn, networks: &[NetworkId]) -> DbResult<Vec<Subnet>> {
    sql(format!("SELECT {COLUMNS} FROM subnet WHERE network_id"))
        .push_in(networks.iter().copied())
        .push(" ORDER BY created_at, id")
        .all(conn, subnet)
        .await
}

/// The subnets of networks that each node has by itself, oldest first.
pub async fn of_local_networks(conn: &mut Conn) -> DbResult<Vec<Subnet>> {
    sql(format!(
        "SELECT {COLUMNS} FROM subnet WHERE network_id IN \
         (SELECT id FROM network WHERE vni IS NULL AND physical_network IS NULL) ORDER BY created_at, id"
    ))
    .all(conn, subnet)
    .await
}

/// Locks who gets which address of a subnet until the transaction ends, and says which one of IPv4 was given last. `None` if
/// there is no such subnet.
pub async fn lock(conn: &mut Conn, id: SubnetId) -> DbResult<Option<IpAddr>> {
    sql("UPDATE subnet SET last_given = last_given + 0 WHERE id = $1")
        .bind(id)
        .execute(conn)
        .await?;
    sql("SELECT last_given FROM subnet WHERE id = $1")
        .bind(id)
        .optional(conn, |row| Ok(Ipv4Addr::from(row.take::<u32>()?).into()))
        .await
}

/// Notes the address of IPv4 that was given last.
pub async fn gave(conn: &mut Conn, id: SubnetId, address: IpAddr) -> DbResult<()> {
    let IpAddr::V4(address) = address else {
        return Ok(());
    };
    sql("UPDATE subnet SET last_given = $2 WHERE id = $1")
        .bind(id)
        .bind(u32::from(address))
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes a subnet; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: SubnetId) -> DbResult<bool> {
    sql("DELETE FROM subnet WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM subnet WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}
