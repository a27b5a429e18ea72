//! Which address belongs to which port. The table's key keeps an address from belonging to two.
//!
//! An address of IPv4 is a number. One of IPv6 is two: `upper`, the first half, which all addresses of a subnet have in common,
//! and the second half, less 2^63: so the order of numbers is that of addresses, and one more is the next one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::ParseIntError;
use std::str::FromStr;

use super::super::ipam::{like, number};
use super::super::model::PortAddress;
use crate::db::{Conn, DbResult, Engine, LIST, Row, sql};
use crate::ids::{NetworkId, PortId, SubnetId};

/// The columns of an address, of the table named `a`, which [`address`] reads.
pub const ADDRESS: &str = "a.upper, a.address";
/// An address of the table named `a` as text, which is read as [`Numbers`].
pub const NUMBERS: &str = "COALESCE(a.upper || ' ', '') || a.address";
/// What is added to the second half of an address of IPv6 as it is stored.
const BIAS: u64 = 1 << 63;

/// An address of a row.
pub fn address(row: &mut Row) -> DbResult<IpAddr> {
    match row.take::<Option<i64>>()? {
        None => Ok(IpAddr::V4(row.take::<u32>()?.into())),
        Some(upper) => Ok(joined(upper, row.take()?)),
    }
}

/// An address of IPv6 from both columns.
fn joined(upper: i64, lower: i64) -> IpAddr {
    let lower = lower.cast_unsigned() ^ BIAS;
    Ipv6Addr::from(u128::from(upper.cast_unsigned()) << 64 | u128::from(lower)).into()
}

/// An address that was read as text, by [`NUMBERS`].
pub struct Numbers(pub IpAddr);

impl FromStr for Numbers {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.split_once(' ') {
            None => Ipv4Addr::from(text.parse::<u32>()?).into(),
            Some((upper, lower)) => joined(upper.parse()?, lower.parse()?),
        }))
    }
}

/// An address of a port that was read as text, by [`of_port`].
struct Placed(u32, PortAddress);

impl FromStr for Placed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or_else(|| text.to_owned());
        let wrong = |_| text.to_owned();
        let position = part()?.parse().map_err(wrong)?;
        let subnet = part()?.parse().map_err(|_| text.to_owned())?;
        let Numbers(address) = part()?.parse().map_err(wrong)?;
        Ok(Self(position, PortAddress { subnet, address }))
    }
}

/// The SQL expression for the addresses of the port with this id, which [`addresses`] reads.
pub fn of_port(engine: Engine, id: &str) -> String {
    let each = format!("a.position || ' ' || a.subnet_id || ' ' || {NUMBERS}");
    let all = engine.joined(&each);
    format!("(SELECT {all} FROM address a WHERE a.port_id = {id})")
}

/// The addresses of a port, in order of position.
pub fn addresses(row: &mut Row) -> DbResult<Vec<PortAddress>> {
    let mut all: Vec<Placed> = row.take_joined()?;
    all.sort_by_key(|placed| placed.0);
    Ok(all.into_iter().map(|placed| placed.1).collect())
}

/// Both columns of an address.
fn halves(address: IpAddr) -> (Option<i64>, i64) {
    match address {
        IpAddr::V4(address) => (None, u32::from(address).into()),
        IpAddr::V6(address) => {
            let [upper, lower] = [
                address.to_bits() >> 64,
                address.to_bits() & u128::from(u64::MAX),
            ]
            .map(|half| u64::try_from(half).unwrap_or_default());
            (Some(upper.cast_signed()), (lower ^ BIAS).cast_signed())
        }
    }
}

/// Gives an address to a port; `false` if another port has it.
pub async fn insert(
    conn: &mut Conn,
    subnet: SubnetId,
    address: IpAddr,
    port: PortId,
    position: u32,
) -> DbResult<bool> {
    sql("INSERT INTO address (subnet_id, upper, address, port_id, position) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
        .bind(subnet)
        .bind(halves(address).0)
        .bind(halves(address).1)
        .bind(port)
        .bind(position)
        .swapped(conn)
        .await
}

/// The lowest address from `first` to `last` that no port has. The subnet must be locked.
pub async fn first_free(
    conn: &mut Conn,
    subnet: SubnetId,
    first: IpAddr,
    last: IpAddr,
) -> DbResult<Option<IpAddr>> {
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
    .bind(halves(first).1)
    .bind(halves(last).1)
    .scalar::<Option<i64>>(conn)
    .await?;
    let skipped = |end: i64| u128::from(end.abs_diff(halves(first).1)) + 1;
    Ok(end.map(|end| like(first, number(first) + skipped(end))))
}

/// The port that has an address.
pub async fn holder(
    conn: &mut Conn,
    subnet: SubnetId,
    address: IpAddr,
) -> DbResult<Option<PortId>> {
    sql("SELECT port_id FROM address WHERE subnet_id = $1 AND address = $2")
        .bind(subnet)
        .bind(halves(address).1)
        .optional(conn, Row::take)
        .await
}

/// The port that has an address on one of these networks.
pub async fn on_networks(
    conn: &mut Conn,
    networks: &[NetworkId],
    address: IpAddr,
) -> DbResult<Option<PortId>> {
    sql("SELECT a.port_id FROM address a JOIN subnet s ON s.id = a.subnet_id WHERE a.address = $1 AND COALESCE(a.upper, 0) = $2 AND s.network_id")
        .bind(halves(address).1)
        .bind(halves(address).0.unwrap_or(0))
        .push_in(networks.iter().copied())
        .push(" ORDER BY a.port_id LIMIT 1")
        .optional(conn, Row::take)
        .await
}

/// The ports that have these addresses, on whatever network, by id.
pub async fn holders(conn: &mut Conn, addresses: &[IpAddr]) -> DbResult<Vec<PortId>> {
    let wanted: BTreeSet<IpAddr> = addresses.iter().copied().collect();
    let mut found = BTreeSet::new();
    for part in addresses.chunks(LIST) {
        let some = sql(format!(
            "SELECT a.port_id, {ADDRESS} FROM address a WHERE a.address"
        ))
        .push_in(part.iter().map(|address| halves(*address).1))
        .all(conn, |row| Ok((row.take::<PortId>()?, address(row)?)))
        .await?;
        // The second half alone may be another's.
        let holders = some.into_iter().filter(|(_, at)| wanted.contains(at));
        found.extend(holders.map(|(port, _)| port));
    }
    Ok(found.into_iter().collect())
}

/// Gives back one address of a port.
pub async fn delete(
    conn: &mut Conn,
    port: PortId,
    subnet: SubnetId,
    address: IpAddr,
) -> DbResult<bool> {
    sql("DELETE FROM address WHERE subnet_id = $1 AND address = $2 AND port_id = $3")
        .bind(subnet)
        .bind(halves(address).1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_addresses() {
        let at = |text: &str| halves(text.parse().unwrap());
        assert_eq!(at("10.0.0.1"), (None, 0x0a00_0001));
        let ordered = [
            "fd00::",
            "fd00::1",
            "fd00::7fff:ffff:ffff:ffff",
            "fd00::8000:0:0:0",
            "fd00::ffff:ffff:ffff:ffff",
        ];
        let numbers = ordered.map(at);
        assert!(numbers.is_sorted());
        assert_eq!(numbers[0].1, i64::MIN);
        assert_eq!(numbers[2].1 + 1, numbers[3].1);
        assert_eq!(numbers[4].1, i64::MAX);
        for text in ordered {
            let (upper, lower) = at(text);
            let Numbers(back) = format!("{} {lower}", upper.unwrap()).parse().unwrap();
            assert_eq!(back.to_string(), text);
        }
        let Numbers(back) = at("10.0.0.1").1.to_string().parse().unwrap();
        assert_eq!(back.to_string(), "10.0.0.1");
    }
}
