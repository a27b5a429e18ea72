//! Networks.

use std::collections::BTreeSet;

use super::super::model::{Network, NetworkKind, NetworkQuery};
use super::subnet;
use crate::db::{Conn, DbResult, Row, Value, sql};
use crate::ids::{NetworkId, ProjectId, ServerId};

const COLUMNS: &str = "id, project_id, name, description, admin_state_up, shared, external, nat, mtu, port_security, dns_domain, \
     tags, revision, created_at, updated_at, vni, physical_network";

fn network(row: &mut Row) -> DbResult<Network> {
    Ok(Network {
        id: row.take()?,
        project: row.take()?,
        name: row.take()?,
        description: row.take()?,
        admin_state_up: row.take()?,
        shared: row.take()?,
        external: row.take()?,
        nat: row.take()?,
        mtu: row.take()?,
        port_security: row.take()?,
        dns_domain: row.take()?,
        tags: row.take_json()?,
        revision: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        kind: kind(row.take()?, row.take()?),
        subnets: Vec::new(),
    })
}

fn kind(vni: Option<u32>, physical: Option<String>) -> NetworkKind {
    match (vni, physical) {
        (Some(vni), _) => NetworkKind::Vxlan { vni },
        (None, Some(physical)) => NetworkKind::Flat { physical },
        (None, None) => NetworkKind::Local,
    }
}

/// Writes a new network; `false` if another has its number or its physical network.
pub async fn insert(conn: &mut Conn, new: &Network) -> DbResult<bool> {
    sql(format!(
        "INSERT INTO network ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING"
    ))
    .bind(new.id)
    .bind(new.project)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.admin_state_up)
    .bind(new.shared)
    .bind(new.external)
    .bind(new.nat)
    .bind(new.mtu)
    .bind(new.port_security)
    .bind(&new.dns_domain)
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.created_at)
    .bind(new.updated_at)
    .bind(new.kind.vni())
    .bind(new.kind.physical())
    .swapped(conn)
    .await
}

/// Writes a network that was read with the revision before; `false` if somebody changed it meanwhile.
pub async fn update(conn: &mut Conn, new: &Network) -> DbResult<bool> {
    sql("UPDATE network SET name = $2, description = $3, admin_state_up = $4, shared = $5, external = $6, nat = $7, mtu = $8, \
         port_security = $9, dns_domain = $10, tags = $11, revision = $12, updated_at = $13 WHERE id = $1 AND revision = $12 - 1")
    .bind(new.id)
    .bind(&new.name)
    .bind(&new.description)
    .bind(new.admin_state_up)
    .bind(new.shared)
    .bind(new.external)
    .bind(new.nat)
    .bind(new.mtu)
    .bind(new.port_security)
    .bind(&new.dns_domain)
    .bind(Value::json(&new.tags))
    .bind(new.revision)
    .bind(new.updated_at)
    .swapped(conn)
    .await
}

/// Networks that fit the query, oldest first, with their subnets.
pub async fn list(conn: &mut Conn, query: &NetworkQuery) -> DbResult<Vec<Network>> {
    let mut statement = sql(format!("SELECT {COLUMNS} FROM network WHERE 1 = 1"));
    if let Some(project) = query.visible_to {
        statement = statement.push_bind(
            " AND (project_id = {} OR shared = 1 OR external = 1 OR id IN (SELECT object_id FROM rbac_policy WHERE kind = 'network' AND target = {}))",
            project,
        );
    }
    if let Some(project) = query.usable_by {
        statement = statement.push_bind(
            " AND (project_id = {} OR shared = 1 OR id IN (SELECT object_id FROM rbac_policy WHERE kind = 'network' AND target = {} AND action = 'access_as_shared'))",
            project,
        );
    }
    if let Some(id) = query.id {
        statement = statement.push_bind(" AND id = {}", id);
    }
    if let Some(name) = &query.name {
        statement = statement.push_bind(" AND name = {}", name);
    }
    let mut networks = statement
        .push(" ORDER BY created_at, id")
        .all(conn, network)
        .await?;
    with_subnets(conn, &mut networks).await?;
    Ok(networks)
}

/// The network with this id, with its subnets.
pub async fn find(conn: &mut Conn, id: NetworkId) -> DbResult<Option<Network>> {
    let query = NetworkQuery {
        id: Some(id),
        ..NetworkQuery::default()
    };
    Ok(list(conn, &query).await?.pop())
}

/// Networks with ports on this host that carry frames, with their subnets.
pub async fn of_host(conn: &mut Conn, host: &str) -> DbResult<Vec<Network>> {
    let mut networks = sql(format!(
        "SELECT {COLUMNS} FROM network WHERE admin_state_up = 1 AND id IN (SELECT network_id FROM port WHERE host = $1 OR migrating_to = $1) ORDER BY id"
    ))
    .bind(host)
    .all(conn, network)
    .await?;
    with_subnets(conn, &mut networks).await?;
    Ok(networks)
}

/// Physical networks that this server's ports are on, and those of these networks.
pub async fn physical(
    conn: &mut Conn,
    server: ServerId,
    networks: &[NetworkId],
) -> DbResult<BTreeSet<String>> {
    let found = sql(
        "SELECT DISTINCT physical_network FROM network WHERE physical_network IS NOT NULL \
         AND (id IN (SELECT network_id FROM port WHERE device_id = $1) OR id",
    )
    .bind(server)
    .push_in(networks.iter().copied())
    .push(")")
    .all(conn, |row| row.take());
    Ok(found.await?.into_iter().collect())
}

async fn with_subnets(conn: &mut Conn, networks: &mut [Network]) -> DbResult<()> {
    let ids: Vec<NetworkId> = networks.iter().map(|network| network.id).collect();
    for part in ids.chunks(500) {
        for found in subnet::of_networks(conn, part).await? {
            if let Some(network) = networks
                .iter_mut()
                .find(|network| network.id == found.network)
            {
                network.subnets.push(found.id);
            }
        }
    }
    Ok(())
}

/// Removes a network; `false` if there is none.
pub async fn delete(conn: &mut Conn, id: NetworkId) -> DbResult<bool> {
    sql("DELETE FROM network WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// How many a project has.
pub async fn count(conn: &mut Conn, project: ProjectId) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM network WHERE project_id = $1")
        .bind(project)
        .scalar(conn)
        .await
}

/// How many networks there are of all projects together.
pub async fn count_all(conn: &mut Conn) -> DbResult<i64> {
    sql("SELECT COUNT(*) FROM network").scalar(conn).await
}

/// Locks the network's row until the transaction ends, so that ports and subnets do not appear while it is deleted.
/// `false` if there is none.
pub async fn lock(conn: &mut Conn, id: NetworkId) -> DbResult<bool> {
    super::host::turn(conn).await?;
    sql("UPDATE network SET revision = revision + 0 WHERE id = $1")
        .bind(id)
        .swapped(conn)
        .await
}

/// Notes that a first start did something; `false` if an earlier one did.
pub async fn seed(conn: &mut Conn, name: &str) -> DbResult<bool> {
    sql("INSERT INTO network_seed (name) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(name)
        .swapped(conn)
        .await
}

/// The lowest number from `first` to `last` that no network's frames carry. The turn `network:vni` must be had.
pub async fn free_vni(conn: &mut Conn, first: u32, last: u32) -> DbResult<Option<u32>> {
    if !has_vni(conn, first).await? {
        return Ok(Some(first));
    }
    // The end of the run of taken numbers that begins at `first`.
    let end = sql(
        "SELECT MIN(a.vni) FROM network a WHERE a.vni >= $1 AND a.vni < $2 \
         AND NOT EXISTS (SELECT 1 FROM network b WHERE b.vni = a.vni + 1)",
    )
    .bind(first)
    .bind(last)
    .scalar::<Option<u32>>(conn)
    .await?;
    Ok(end.map(|end| end.saturating_add(1)))
}

/// Whether a network's frames carry this number.
async fn has_vni(conn: &mut Conn, vni: u32) -> DbResult<bool> {
    Ok(sql("SELECT 1 FROM network WHERE vni = $1")
        .bind(vni)
        .optional(conn, |row| row.take::<i64>())
        .await?
        .is_some())
}

/// Whether a network is a bridge of each node alone.
pub async fn is_local(conn: &mut Conn, id: NetworkId) -> DbResult<bool> {
    Ok(
        sql("SELECT 1 FROM network WHERE id = $1 AND vni IS NULL AND physical_network IS NULL")
            .bind(id)
            .optional(conn, |row| row.take::<i64>())
            .await?
            .is_some(),
    )
}
