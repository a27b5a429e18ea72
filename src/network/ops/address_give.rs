//! Giving addresses to ports.
//!
//! The subnet's row is locked first, so that two at once do not look for the same free address; the table's key would
//! refuse the second anyway. Addresses are given in turn, not lowest first: one that was just given back rests as long as
//! others are free, because neighbours remember whose it was.

use std::net::Ipv4Addr;

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, PortId};
use crate::network::ipam;
use crate::network::model::{AddressWish, Addresses, Pool, PortAddress, Subnet};
use crate::network::refusal;
use crate::network::store;

/// Addresses of one port at most.
const MOST: usize = 5;

/// Whether a port may have the address that its subnet tells guests as their gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gateways {
    /// Routers may.
    MayBeGiven,
    /// Guests may not.
    AreKept,
}

/// Gives a port what it wishes, in order. `kept` are addresses that it has and keeps; they count for positions only.
pub(super) async fn address_give_on_conn(
    conn: &mut Conn,
    network: NetworkId,
    port: PortId,
    wishes: &Addresses,
    kept: u32,
    gateways: Gateways,
) -> Result<Vec<PortAddress>> {
    let subnets = store::subnet::of_networks(conn, &[network]).await?;
    let wishes = match wishes {
        Addresses::Any if subnets.is_empty() => return Ok(Vec::new()),
        Addresses::Any => vec![AddressWish::default()],
        Addresses::These(wishes) => wishes.clone(),
    };
    if wishes.len() > MOST {
        return Err(Error::invalid(
            "fixed_ips",
            format!("at most {MOST} addresses are allowed"),
        ));
    }
    let mut given = Vec::new();
    for (wish, position) in wishes.iter().zip(kept..) {
        let candidates = candidates(network, &subnets, wish)?;
        let address = match wish.address {
            Some(address)
                if gateways == Gateways::AreKept && candidates[0].gateway == Some(address) =>
            {
                return Err(refusal::ip_in_use(network, address, None));
            }
            Some(address) => exact(conn, port, candidates[0], address, position).await?,
            None => any(conn, network, port, &candidates, position).await?,
        };
        given.push(address);
    }
    Ok(given)
}

/// The subnets that can fulfil a wish; never empty. For a certain address, the one that has it.
fn candidates<'a>(
    network: NetworkId,
    subnets: &'a [Subnet],
    wish: &AddressWish,
) -> Result<Vec<&'a Subnet>> {
    let named = match wish.subnet {
        Some(id) => {
            let found = subnets.iter().find(|subnet| subnet.id == id);
            vec![found.ok_or_else(|| refusal::subnet_not_of_network(id, network))?]
        }
        None => subnets.iter().collect(),
    };
    let Some(address) = wish.address else {
        if named.is_empty() {
            return Err(refusal::no_more_addresses(network, &[]));
        }
        return Ok(named);
    };
    match named
        .iter()
        .find(|subnet| ipam::is_usable(subnet.cidr, address))
    {
        Some(subnet) => Ok(vec![subnet]),
        None => match (wish.subnet, named.first()) {
            (Some(_), Some(subnet)) => Err(refusal::ip_not_of_subnet(address, subnet)),
            _ => Err(refusal::ip_not_of_network(address, network)),
        },
    }
}

async fn exact(
    conn: &mut Conn,
    port: PortId,
    subnet: &Subnet,
    address: Ipv4Addr,
    position: u32,
) -> Result<PortAddress> {
    locked(conn, subnet).await?;
    if !store::address::insert(conn, subnet.id, address, port, position).await? {
        let holder = store::address::holder(conn, subnet.id, address).await?;
        return Err(refusal::ip_in_use(subnet.network, address, holder));
    }
    Ok(PortAddress {
        subnet: subnet.id,
        address,
    })
}

async fn any(
    conn: &mut Conn,
    network: NetworkId,
    port: PortId,
    subnets: &[&Subnet],
    position: u32,
) -> Result<PortAddress> {
    for subnet in subnets {
        let last_given = locked(conn, subnet).await?;
        for pool in in_turn(&subnet.pools, last_given) {
            let found = store::address::first_free(conn, subnet.id, pool.start, pool.end).await?;
            if let Some(address) = found {
                store::address::insert(conn, subnet.id, address, port, position).await?;
                store::subnet::gave(conn, subnet.id, address).await?;
                return Ok(PortAddress {
                    subnet: subnet.id,
                    address,
                });
            }
        }
    }
    Err(refusal::no_more_addresses(network, subnets))
}

async fn locked(conn: &mut Conn, subnet: &Subnet) -> Result<Ipv4Addr> {
    store::subnet::lock(conn, subnet.id)
        .await?
        .ok_or_else(|| Error::not_found("subnet", subnet.id))
}

/// The pools from after the address that was given last, and around to it.
fn in_turn(pools: &[Pool], last_given: Ipv4Addr) -> Vec<Pool> {
    let next = Ipv4Addr::from(u32::from(last_given).saturating_add(1));
    let mut after = Vec::new();
    let mut before = Vec::new();
    for &pool in pools {
        if pool.end >= next {
            after.push(Pool {
                start: pool.start.max(next),
                end: pool.end,
            });
        }
        if pool.start < next {
            before.push(Pool {
                start: pool.start,
                end: pool.end.min(last_given),
            });
        }
    }
    after.extend(before);
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turn_goes_through_every_address_once() {
        let at = |last: u8| Ipv4Addr::new(10, 0, 0, last);
        let pools = [
            Pool {
                start: at(2),
                end: at(4),
            },
            Pool {
                start: at(8),
                end: at(9),
            },
        ];
        for (last_given, expected) in [
            (Ipv4Addr::UNSPECIFIED, vec![2, 3, 4, 8, 9]),
            (at(3), vec![4, 8, 9, 2, 3]),
            (at(6), vec![8, 9, 2, 3, 4]),
            (at(9), vec![2, 3, 4, 8, 9]),
        ] {
            let turn: Vec<u8> = in_turn(&pools, last_given)
                .into_iter()
                .flat_map(|pool| u32::from(pool.start)..=u32::from(pool.end))
                .map(|address| Ipv4Addr::from(address).octets()[3])
                .collect();
            assert_eq!(turn, expected, "{last_given}");
        }
    }
}
