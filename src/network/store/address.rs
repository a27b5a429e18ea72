//! Which address belongs to which port. The table's key keeps an address from belonging to two.

use std::net::Ipv4Addr;

use super::super::model::PortAddress;
use crate::db::{Conn, DbResult, LIST, Row, sql};
use crate::ids::{NetworkId, PortId, SubnetId};

fn address(row: &mut Row) -> DbResult<Ipv4Addr> {
    Ok(Ipv4Addr::from(row.take::<u32>()?))
}

/// Gives an address to a port; `false` if another port has it.
pub async fn insert(
    conn: &mut Conn,
    subnet: SubnetId,
    address: Ipv4Addr,
    port: PortId,
    position: u32,
) -> DbResult<bool> {
    sql("INSERT INTO address (subnet_id, address, port_id, position) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(subnet)
        .bind(u32::from(address))
        .bind(port)
        .bind(position)
        .swapped(conn)
        .await
}

/// The lowest address from `first` to `last` that no port has. The subnet must be locked.
pub async fn first_free(
    conn: &mut Conn,
    subnet: SubnetId,
    first: Ipv4Addr,
    last: Ipv4Addr,
) -> DbResult<Option<Ipv4Addr>> {
    if first > last {
        return Ok(None);
    }
    if holder(conn, subnet, first).await?.is_none() {
        return Ok(Some(first));
    }
    // The end of the run of taken addresses that begins at or after `first`.
    let end = sql("SELECT MIN(a.address) FROM address a WHERE a.subnet_id = $1 AND a.address >= $2 AND a.address < $3 \
         AND NOT EXISTS (SELECT 1 FROM address b WHERE b.subnet_id = $1 AND b.address = a.address + 1)")
    .bind(subnet)
    .bind(u32::from(first))
    .bind(u32::from(last))
    .scalar::<Option<u32>>(conn)
    .await?;
    Ok(end.map(|end| Ipv4Addr::from(end.saturating_add(1))))
}

/// The port that has an address.
pub async fn holder(
    conn: &mut Conn,
    subnet: SubnetId,
    address: Ipv4Addr,
) -> DbResult<Option<PortId>> {
    sql("SELECT port_id FROM address WHERE subnet_id = $1 AND address = $2")
        .bind(subnet)
        .bind(u32::from(address))
        .optional(conn, Row::take)
        .await
}

/// The port that has an address on one of these networks.
pub async fn on_networks(
    conn: &mut Conn,
    networks: &[NetworkId],
    address: Ipv4Addr,
) -> DbResult<Option<PortId>> {
    sql("SELECT a.port_id FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.address = $1 AND s.network_id")
        .bind(u32::from(address))
        .push_in(networks.iter().copied())
        .push(" ORDER BY a.port_id LIMIT 1")
        .optional(conn, Row::take)
        .await
}

/// The ports that have these addresses, on whatever network, by id.
pub async fn holders(conn: &mut Conn, addresses: &[Ipv4Addr]) -> DbResult<Vec<PortId>> {
    let mut found = Vec::new();
    for part in addresses.chunks(LIST) {
        let some: Vec<PortId> = sql("SELECT DISTINCT port_id FROM address WHERE address")
            .push_in(part.iter().map(|address| u32::from(*address)))
            .push(" ORDER BY port_id")
            .all(conn, Row::take)
            .await?;
        found.extend(some);
    }
    Ok(found)
}

/// Addresses of these ports, in order of port and position.
pub async fn of_ports(conn: &mut Conn, ports: &[PortId]) -> DbResult<Vec<(PortId, PortAddress)>> {
    let mut found = Vec::new();
    // Long lists in parts: engines bound the number of arguments.
    for part in ports.chunks(LIST) {
        found.extend(
            sql("SELECT port_id, subnet_id, address FROM address WHERE port_id")
                .push_in(part.iter().copied())
                .push(" ORDER BY port_id, position")
                .all(conn, |row| {
                    Ok((
                        row.take()?,
                        PortAddress {
                            subnet: row.take()?,
                            address: address(row)?,
                        },
                    ))
                })
                .await?,
        );
    }
    Ok(found)
}

/// Gives back one address of a port.
pub async fn delete(
    conn: &mut Conn,
    port: PortId,
    subnet: SubnetId,
    address: Ipv4Addr,
) -> DbResult<bool> {
    sql("DELETE FROM address WHERE subnet_id = $1 AND address = $2 AND port_id = $3")
        .bind(subnet)
        .bind(u32::from(address))
        .bind(port)
        .swapped(conn)
        .await
}

/// Gives back all addresses of a port.
pub async fn delete_of_port(conn: &mut Conn, port: PortId) -> DbResult<u64> {
    sql("DELETE FROM address WHERE port_id = $1")
        .bind(port)
        .execute(conn)
        .await
}

/// Ports with addresses of a subnet, a few of them.
pub async fn ports_of_subnet(conn: &mut Conn, subnet: SubnetId) -> DbResult<Vec<PortId>> {
    sql("SELECT DISTINCT port_id FROM address WHERE subnet_id = $1 ORDER BY port_id LIMIT 100")
        .bind(subnet)
        .all(conn, Row::take)
        .await
}
