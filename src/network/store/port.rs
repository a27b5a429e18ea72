//! Ports.

use super::super::model::{
    DHCP_OWNER, FLOATING_OWNER, GATEWAY_OWNER, Port, PortQuery, PortStatus, ServerPortAddress,
};
use super::address::{self, ADDRESS};
use super::{floating, security_group};
use crate::db::{Conn, DbResult, Engine, LIST, Row, Value, sql};
use crate::ids::{NetworkId, PortId, ProjectId, ServerId, Time};

const COLUMNS: &str = "id, network_id, project_id, name, description, mac, device_id, device_owner, host, status, admin_state_up, \
     port_security, hostname, tags, revision, created_at, updated_at, migrating_to, allowed_pairs";

/// What [`port`] reads: a port's row, its addresses, and its groups.
fn columns(engine: Engine) -> String {
    let addresses = address::of_port(engine, "port.id");
    let groups = security_group::of_port(engine, "port.id");
    format!("{COLUMNS}, {addresses}, {groups}")
}

fn port(row: &mut Row) -> DbResult<Port> {
    Ok(Port {
        id: row.take()?,
        network: row.take()?,
        project: row.take()?,
        name: row.take()?,
        description: row.take()?,
        mac: row.take()?,
        device_id: row.take()?,
        device_owner: row.take()?,
        host: row.take()?,
        status: row.take_parsed()?,
        admin_state_up: row.take()?,
        port_security: row.take()?,
        hostname: row.take()?,
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        migrating_to: row.take()?,
        pairs: row
            .take::<Option<String>>()?
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
        addresses: address::addresses(row)?,
        groups: security_group::groups(row)?,
    })
}

/// Nothing where there are none, so that those who have some are found.
fn pairs(port: &Port) -> Option<String> {
    (!port.pairs.is_empty()).then(|| serde_json::to_string(&port.pairs).unwrap_or_default())
}

/// Writes a new port without its addresses and groups; `false` if its Ethernet address is taken in the network.
pub async fn insert(conn: &mut Conn, new: &Port) -> DbResult<bool> {
    sql(format!(
        "INSERT INTO port ({COLUMNS}, has_pairs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
         ON CONFLICT DO NOTHING"
    ))
    .bind(new.id)
    .bind(new.network)
    .bind(new.project)
    .bind(&new.name)
    .bind(&new.description)
    .bind(&new.mac)
    .bind(&new.device_id)
    .bind(&new.device_owner)
    .bind(new.host.as_ref())
    .bind(new.status.name())
    .bind(new.admin_state_up)
    .bind(new.port_security)
    .bind(new.hostname.as_ref())
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .bind(new.migrating_to.as_ref())
    .bind(pairs(new))
    .bind(!new.pairs.is_empty())
    .swapped(conn)
    .await
}

/// Writes a port that was read with the revision before, without its addresses and groups; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &Port) -> DbResult<bool> {
    sql("UPDATE port SET name = $2, description = $3, mac = $4, device_id = $5, device_owner = $6, host = $7, status = $8, \
         admin_state_up = $9, port_security = $10, hostname = $11, tags = $12, revision = $13, updated_at = $14, migrating_to = $15, allowed_pairs = $16, has_pairs = $17 \
         WHERE id = $1 AND revision = $13 - 1")
    .bind(new.id)
    .bind(&new.name)
    .bind(&new.description)
    .bind(&new.mac)
    .bind(&new.device_id)
    .bind(&new.device_owner)
    .bind(new.host.as_ref())
    .bind(new.status.name())
    .bind(new.admin_state_up)
    .bind(new.port_security)
    .bind(new.hostname.as_ref())
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .bind(new.migrating_to.as_ref())
    .bind(pairs(new))
    .bind(!new.pairs.is_empty())
    .swapped(conn)
    .await
}

/// Ports that fit the query, oldest first, with their addresses and groups.
pub async fn list(conn: &mut Conn, query: &PortQuery) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    let mut statement = sql(format!("SELECT {columns} FROM port WHERE 1 = 1"));
    if let Some(project) = query.project {
        statement = statement.push_bind(" AND project_id = {}", project);
    }
    if let Some(id) = query.id {
        statement = statement.push_bind(" AND id = {}", id);
    }
    if let Some(network) = query.network {
        statement = statement.push_bind(" AND network_id = {}", network);
    }
    if let Some(device) = &query.device_id {
        statement = statement.push_bind(" AND device_id = {}", device);
    }
    if let Some(owner) = &query.device_owner {
        statement = statement.push_bind(" AND device_owner = {}", owner);
    }
    if let Some(mac) = &query.mac {
        statement = statement.push_bind(" AND mac = {}", mac);
    }
    if let Some(host) = &query.host {
        statement = statement.push_bind(" AND host = {}", host);
    }
    statement
        .push(" ORDER BY created_at, id")
        .all(conn, port)
        .await
}

/// Ports with these ids, oldest first.
pub async fn of_ids(conn: &mut Conn, ids: &[PortId]) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    let mut found = Vec::new();
    for part in ids.chunks(LIST) {
        found.extend(
            sql(format!("SELECT {columns} FROM port WHERE id"))
                .push_in(part.iter().copied())
                .push(" ORDER BY created_at, id")
                .all(conn, port)
                .await?,
        );
    }
    Ok(found)
}

/// Ports with this name, a few of them, by id.
pub async fn ids_named(conn: &mut Conn, name: &str) -> DbResult<Vec<(PortId, ProjectId)>> {
    sql("SELECT id, project_id FROM port WHERE name = $1 ORDER BY id LIMIT 10")
        .bind(name)
        .all(conn, |row| Ok((row.take()?, row.take()?)))
        .await
}

/// The port with this id.
pub async fn find(conn: &mut Conn, id: PortId) -> DbResult<Option<Port>> {
    let query = PortQuery {
        id: Some(id),
        ..PortQuery::default()
    };
    Ok(list(conn, &query).await?.pop())
}

/// Ports that are on a host or come to it, and carry frames, in order of id.
pub async fn of_host(conn: &mut Conn, host: &str) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    sql(format!(
        "SELECT {columns} FROM port WHERE admin_state_up = 1 AND (host = $1 OR migrating_to = $1) ORDER BY id"
    ))
    .bind(host)
    .all(conn, port)
    .await
}

/// Ports of these networks that are neither on this host nor come to it, and carry frames, in order of id. Without their groups.
pub async fn elsewhere(conn: &mut Conn, networks: &[NetworkId], host: &str) -> DbResult<Vec<Port>> {
    let addresses = address::of_port(conn.engine(), "port.id");
    sql(format!(
        "SELECT {COLUMNS}, {addresses}, '' FROM port WHERE admin_state_up = 1 AND (host IS NULL OR host <> $1) \
         AND (migrating_to IS NULL OR migrating_to <> $1) AND network_id"
    ))
    .bind(host)
    .push_in(networks.iter().copied())
    .push(" ORDER BY id")
    .all(conn, port)
    .await
}

/// Ports of a network, a few of them.
pub async fn ids_of_network(conn: &mut Conn, network: NetworkId) -> DbResult<Vec<PortId>> {
    sql("SELECT id FROM port WHERE network_id = $1 ORDER BY id LIMIT 100")
        .bind(network)
        .all(conn, Row::take)
        .await
}

/// Whether a network has ports of this kind.
pub async fn has_owner(conn: &mut Conn, network: NetworkId, owner: &str) -> DbResult<bool> {
    let found = sql("SELECT 1 FROM port WHERE network_id = $1 AND device_owner = $2 LIMIT 1")
        .bind(network)
        .bind(owner)
        .optional(conn, |row| row.take::<i64>())
        .await?;
    Ok(found.is_some())
}

/// A port on this network of another project than `owner`, and of none that it is shared with by name, if there is one.
pub async fn foreign(
    conn: &mut Conn,
    network: NetworkId,
    owner: ProjectId,
) -> DbResult<Option<Port>> {
    let columns = columns(conn.engine());
    sql(format!(
        "SELECT {columns} FROM port WHERE network_id = $1 AND project_id <> $2 AND project_id NOT IN \
         (SELECT target FROM rbac_policy WHERE kind = 'network' AND object_id = $1 AND action = 'access_as_shared') ORDER BY id LIMIT 1"
    ))
    .bind(network)
    .bind(owner)
    .optional(conn, port)
    .await
}

/// Hosts with ports of a network, or that will soon have one, by name.
pub async fn hosts_of_network(conn: &mut Conn, network: NetworkId) -> DbResult<Vec<String>> {
    sql("SELECT host FROM port WHERE network_id = $1 AND host IS NOT NULL \
         UNION SELECT migrating_to FROM port WHERE network_id = $1 AND migrating_to IS NOT NULL ORDER BY 1")
        .bind(network)
        .all(conn, Row::take)
        .await
}

/// Hosts that have a network of tunnels in common with this one, by name, and this one.
pub async fn hosts_beside(conn: &mut Conn, host: &str) -> DbResult<Vec<String>> {
    sql("SELECT p.host FROM port p JOIN network n ON n.id = p.network_id WHERE n.vni IS NOT NULL AND p.host IS NOT NULL \
         AND p.network_id IN (SELECT network_id FROM port WHERE host = $1 OR migrating_to = $1) \
         UNION SELECT p.migrating_to FROM port p JOIN network n ON n.id = p.network_id \
         WHERE n.vni IS NOT NULL AND p.migrating_to IS NOT NULL \
         AND p.network_id IN (SELECT network_id FROM port WHERE host = $1 OR migrating_to = $1) ORDER BY 1")
    .bind(host)
    .all(conn, Row::take)
    .await
}

/// Notes that a host has these ports; says which of them were waiting for it.
pub async fn activate(conn: &mut Conn, host: &str, ports: &[PortId]) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    let mut waiting = Vec::new();
    for part in ports.chunks(LIST) {
        waiting.extend(
            sql(format!(
                "SELECT {columns} FROM port WHERE host = $1 AND status = $2 AND id"
            ))
            .bind(host)
            .bind(PortStatus::Build.name())
            .push_in(part.iter().copied())
            .all(conn, port)
            .await?,
        );
    }
    let mut active = Vec::new();
    for mut port in waiting {
        if turn(conn, &mut port, PortStatus::Active).await? {
            active.push(port);
        }
    }
    Ok(active)
}

/// Those of these ports that work where they are, and do not move.
pub async fn working(conn: &mut Conn, ports: &[PortId]) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    let mut found = Vec::new();
    for part in ports.chunks(LIST) {
        found.extend(
            sql(format!("SELECT {columns} FROM port WHERE status = $1 AND host IS NOT NULL AND migrating_to IS NULL AND id"))
                .bind(PortStatus::Active.name())
                .push_in(part.iter().copied())
                .all(conn, port)
                .await?,
        );
    }
    Ok(found)
}

/// Ports that are bound, and down all the same: they worked, and were lost.
pub async fn lost(conn: &mut Conn) -> DbResult<Vec<Port>> {
    let columns = columns(conn.engine());
    sql(format!(
        "SELECT {columns} FROM port WHERE status = $1 AND host IS NOT NULL ORDER BY id"
    ))
    .bind(PortStatus::Down.name())
    .all(conn, port)
    .await
}

/// Gives a port that was read before another status, unless it has another one by now, or is elsewhere.
pub async fn turn(conn: &mut Conn, port: &mut Port, status: PortStatus) -> DbResult<bool> {
    let now = Time::now();
    let turned = sql("UPDATE port SET status = $2, revision = revision + 1, updated_at = $3 WHERE id = $1 AND host = $4 AND status = $5")
        .bind(port.id)
        .bind(status.name())
        .bind(now)
        .bind(port.host.clone())
        .bind(port.status.name())
        .swapped(conn)
        .await?;
    if turned {
        port.status = status;
        port.revision += 1;
        port.updated_at = now;
    }
    Ok(turned)
}

/// Removes a port and gives back its addresses; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: PortId) -> DbResult<bool> {
    address::delete_of_port(conn, id).await?;
    security_group::set_of_port(conn, id, &[]).await?;
    sql("DELETE FROM port WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has, without those that the cloud makes for itself.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM port WHERE project_id = $1 AND device_owner NOT IN ($2, $3, $4)")
        .bind(project)
        .bind(DHCP_OWNER)
        .bind(GATEWAY_OWNER)
        .bind(FLOATING_OWNER)
        .scalar(conn)
        .await
}

/// How many ports there are of all projects together.
pub async fn count_all(conn: &mut Conn) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM port WHERE device_owner NOT IN ($1, $2, $3)")
        .bind(DHCP_OWNER)
        .bind(GATEWAY_OWNER)
        .bind(FLOATING_OWNER)
        .scalar(conn)
        .await
}

/// Addresses of all ports that these servers use, oldest port first.
pub async fn addresses_of_servers(
    conn: &mut Conn,
    servers: &[ServerId],
) -> DbResult<Vec<ServerPortAddress>> {
    let mut found = Vec::new();
    for part in servers.chunks(LIST) {
        let some = sql(format!("SELECT p.device_id, p.id, n.name, p.mac, {ADDRESS} FROM port p JOIN address a ON a.port_id = p.id \
             JOIN network n ON n.id = p.network_id WHERE p.device_id"))
        .push_in(part.iter().copied())
        .push(" ORDER BY p.created_at, p.id, a.position")
        .all(conn, |row| {
            Ok(ServerPortAddress {
                server: row.take()?,
                port: row.take()?,
                network: row.take()?,
                mac: row.take()?,
                address: address::address(row)?,
                is_floating: false,
            })
        });
        found.extend(some.await?);
    }
    let mut ports: Vec<PortId> = found.iter().map(|at: &ServerPortAddress| at.port).collect();
    ports.dedup();
    for (port, fixed, address) in floating::of_targets(conn, &ports).await? {
        let inside =
            |at: &ServerPortAddress| at.port == port && at.address == std::net::IpAddr::V4(fixed);
        if let Some(at) = found.iter().position(inside) {
            let outside = ServerPortAddress {
                address: address.into(),
                is_floating: true,
                ..found[at].clone()
            };
            found.insert(at + 1, outside);
        }
    }
    Ok(found)
}

/// Where DHCP is answered: the network, its physical network if it is on one, and the host, by network.
pub async fn dhcp_places(
    conn: &mut Conn,
) -> DbResult<Vec<(NetworkId, Option<String>, Option<String>)>> {
    sql("SELECT p.network_id, n.physical_network, p.host FROM port p JOIN network n ON n.id = p.network_id \
         WHERE p.device_owner = $1 ORDER BY p.network_id")
    .bind(DHCP_OWNER)
    .all(conn, |row| Ok((row.take()?, row.take()?, row.take()?)))
    .await
}

/// Networks that guests are on and whose DHCP nobody answers, with the physical network of those that are on one.
pub async fn dhcp_missing(conn: &mut Conn) -> DbResult<Vec<(NetworkId, Option<String>)>> {
    sql("SELECT n.id, n.physical_network FROM network n WHERE (n.vni IS NOT NULL OR n.physical_network IS NOT NULL) \
         AND EXISTS (SELECT 1 FROM subnet s WHERE s.network_id = n.id AND s.dhcp = 1) \
         AND EXISTS (SELECT 1 FROM port g WHERE g.network_id = n.id AND g.host IS NOT NULL AND g.device_owner LIKE 'compute:%') \
         AND NOT EXISTS (SELECT 1 FROM port d WHERE d.network_id = n.id AND d.device_owner = $1) ORDER BY n.id")
    .bind(DHCP_OWNER)
    .all(conn, |row| Ok((row.take()?, row.take()?)))
    .await
}
