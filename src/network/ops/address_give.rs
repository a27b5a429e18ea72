//! Giving addresses to ports.
//!
//! The subnet's row is locked first, so that two at once do not look for the same free address; the table's key would
//! refuse the second anyway. Addresses of IPv4 are given in turn, not lowest first: one that was just given back rests as
//! long as others are free, because neighbours remember whose it was. Of IPv6 there are so many that the turn begins anywhere.
//!
//! Who is on a subnet whose guests make their addresses themselves has the one that it makes of its Ethernet address, whether
//! it was asked for or not: the guest will use it, so the cloud must know it.

use std::net::IpAddr;

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::network::ipam::{self, after};
use crate::network::model::{
    AddressWish, Addresses, DHCP_OWNER, FLOATING_OWNER, INTERFACE_OWNER, Pool, Port, PortAddress,
    Subnet,
};
use crate::network::refusal;
use crate::network::store;

/// Addresses of one port at most, but those that it makes itself.
const MOST: usize = 5;

/// Whether a port may have the address that its subnet tells guests as their gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gateways {
    /// Routers may.
    MayBeGiven,
    /// Guests may not.
    AreKept,
}

/// One address to give.
enum Wanted<'a> {
    /// Any of these subnets.
    Any(Vec<&'a Subnet>),
    /// This one.
    Exact(&'a Subnet, IpAddr),
}

/// Gives a port what it wishes, in order, and what it makes itself. `kept` are addresses that it has and keeps; positions are
/// counted from those that it had before.
pub(super) async fn address_give_on_conn(
    conn: &mut Conn,
    port: &Port,
    wishes: &Addresses,
    kept: &[PortAddress],
    gateways: Gateways,
) -> Result<Vec<PortAddress>> {
    // Several subnets may be locked.
    store::host::turn(conn).await?;
    let mut subnets = store::subnet::of_networks(conn, &[port.network]).await?;
    // Floating addresses are of IPv4.
    subnets.retain(|subnet| port.device_owner != FLOATING_OWNER || !subnet.is_v6());
    let wanted = wanted(port, &subnets, wishes, kept, gateways)?;
    let had = u32::try_from(port.addresses.len()).unwrap_or(u32::MAX);
    let mut given = Vec::new();
    for (wanted, position) in wanted.into_iter().zip(had..) {
        let address = match wanted {
            Wanted::Exact(subnet, address) => exact(conn, port, subnet, address, position).await?,
            Wanted::Any(subnets) => any(conn, port, &subnets, position).await?,
        };
        given.push(address);
    }
    Ok(given)
}

/// What is to be given, in order.
fn wanted<'a>(
    port: &Port,
    subnets: &'a [Subnet],
    wishes: &Addresses,
    kept: &[PortAddress],
    gateways: Gateways,
) -> Result<Vec<Wanted<'a>>> {
    let mut wanted = Vec::new();
    match wishes {
        Addresses::Any => {
            for v6 in [false, true] {
                let free = |subnet: &&Subnet| subnet.is_v6() == v6 && !subnet.is_auto();
                let of_family: Vec<&Subnet> = subnets.iter().filter(free).collect();
                if !of_family.is_empty() {
                    wanted.push(Wanted::Any(of_family));
                }
            }
        }
        Addresses::These(wishes) if wishes.len() > MOST => {
            return Err(Error::invalid(
                "fixed_ips",
                format!("at most {MOST} addresses are allowed"),
            ));
        }
        // Who wants none has none.
        Addresses::These(wishes) if wishes.is_empty() && kept.is_empty() => return Ok(wanted),
        Addresses::These(wishes) => {
            for wish in wishes {
                wanted.push(one(port, subnets, wish, gateways)?);
            }
        }
    }
    if [INTERFACE_OWNER, FLOATING_OWNER, DHCP_OWNER].contains(&port.device_owner.as_str()) {
        return Ok(wanted);
    }
    for subnet in subnets.iter().filter(|subnet| subnet.is_auto()) {
        let has = kept.iter().any(|at| at.subnet == subnet.id)
            || wanted
                .iter()
                .any(|have| matches!(have, Wanted::Exact(of, _) if of.id == subnet.id));
        if let Some(address) = ipam::eui64(subnet.cidr, &port.mac).filter(|_| !has) {
            wanted.push(Wanted::Exact(subnet, address));
        }
    }
    Ok(wanted)
}

/// One wish, with the subnets that can fulfil it.
fn one<'a>(
    port: &Port,
    subnets: &'a [Subnet],
    wish: &AddressWish,
    gateways: Gateways,
) -> Result<Wanted<'a>> {
    let network = port.network;
    let named = match wish.subnet {
        Some(id) => {
            let found = subnets.iter().find(|subnet| subnet.id == id);
            vec![found.ok_or_else(|| refusal::subnet_not_of_network(id, network))?]
        }
        None => subnets.iter().collect(),
    };
    let makes_own = |subnet: &Subnet| {
        let own = ipam::eui64(subnet.cidr, &port.mac).filter(|_| subnet.is_auto());
        own.filter(|_| port.device_owner != INTERFACE_OWNER)
    };
    let Some(address) = wish.address else {
        let free: Vec<&Subnet> = named
            .iter()
            .filter(|subnet| makes_own(subnet).is_none())
            .copied()
            .collect();
        let own = named
            .iter()
            .find_map(|subnet| Some((*subnet, makes_own(subnet)?)));
        return match own {
            Some((subnet, address)) if free.is_empty() => Ok(Wanted::Exact(subnet, address)),
            _ if free.is_empty() => Err(refusal::no_more_addresses(network, &[])),
            _ => Ok(Wanted::Any(free)),
        };
    };
    let found = named
        .iter()
        .find(|subnet| ipam::is_usable(subnet.cidr, address));
    let Some(subnet) = found else {
        return Err(match (wish.subnet, named.first()) {
            (Some(_), Some(subnet)) => refusal::ip_not_of_subnet(address, subnet),
            _ => refusal::ip_not_of_network(address, network),
        });
    };
    if makes_own(subnet).is_some_and(|own| own != address) {
        return Err(refusal::ip_on_auto(address, subnet));
    }
    if gateways == Gateways::AreKept && subnet.gateway == Some(address) {
        return Err(refusal::ip_in_use(network, address, None));
    }
    Ok(Wanted::Exact(subnet, address))
}

async fn exact(
    conn: &mut Conn,
    port: &Port,
    subnet: &Subnet,
    address: IpAddr,
    position: u32,
) -> Result<PortAddress> {
    locked(conn, subnet).await?;
    if !store::address::insert(conn, subnet.id, address, port.id, position).await? {
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
    port: &Port,
    subnets: &[&Subnet],
    position: u32,
) -> Result<PortAddress> {
    for subnet in subnets {
        let last_given = locked(conn, subnet).await?;
        let begin = if subnet.is_v6() {
            anywhere(&subnet.pools, rand::random())
        } else {
            Some(last_given)
        };
        let Some(begin) = begin else { continue };
        for pool in in_turn(&subnet.pools, begin) {
            let found = store::address::first_free(conn, subnet.id, pool.start, pool.end).await?;
            if let Some(address) = found {
                store::address::insert(conn, subnet.id, address, port.id, position).await?;
                store::subnet::gave(conn, subnet.id, address).await?;
                return Ok(PortAddress {
                    subnet: subnet.id,
                    address,
                });
            }
        }
    }
    Err(refusal::no_more_addresses(port.network, subnets))
}

async fn locked(conn: &mut Conn, subnet: &Subnet) -> Result<IpAddr> {
    store::subnet::lock(conn, subnet.id)
        .await?
        .ok_or_else(|| Error::not_found("subnet", subnet.id))
}

/// An address of some pool; none if there is none.
fn anywhere(pools: &[Pool], random: u128) -> Option<IpAddr> {
    let sizes: u128 = pools.iter().map(|pool| pool.size()).sum();
    let mut at = random.checked_rem(sizes)?;
    for pool in pools {
        if at < pool.size() {
            return Some(pool.pick(at));
        }
        at -= pool.size();
    }
    None
}

/// The pools from after an address, the one that was given last, and around to it.
fn in_turn(pools: &[Pool], last_given: IpAddr) -> Vec<Pool> {
    let next = after(last_given);
    let mut behind = Vec::new();
    let mut before = Vec::new();
    for &pool in pools {
        if pool.end >= next {
            behind.push(Pool {
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
    behind.extend(before);
    behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ipam::number;

    #[test]
    fn the_turn_goes_through_every_address_once() {
        let at = |last: u8| IpAddr::from([10, 0, 0, last]);
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
            (IpAddr::from([0, 0, 0, 0]), vec![2, 3, 4, 8, 9]),
            (at(3), vec![4, 8, 9, 2, 3]),
            (at(6), vec![8, 9, 2, 3, 4]),
            (at(9), vec![2, 3, 4, 8, 9]),
        ] {
            let turn: Vec<u128> = in_turn(&pools, last_given)
                .into_iter()
                .flat_map(|pool| number(pool.start)..=number(pool.end))
                .map(|address| address & 0xff)
                .collect();
            assert_eq!(turn, expected, "{last_given}");
        }
    }

    #[test]
    fn a_turn_of_ipv6_begins_in_some_pool() {
        let pool = |start: &str, end: &str| Pool {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        };
        let pools = [pool("fd00::2", "fd00::3"), pool("fd00::8", "fd00::8")];
        let begun: Vec<String> = (0..4)
            .filter_map(|random| Some(anywhere(&pools, random)?.to_string()))
            .collect();
        assert_eq!(begun, ["fd00::2", "fd00::3", "fd00::8", "fd00::2"]);
        assert_eq!(anywhere(&[], 7), None);
        let whole = [pool("fd00::2", "fd00::ffff:ffff:ffff:ffff")];
        let begin = anywhere(&whole, u128::MAX).unwrap();
        let turn = in_turn(&whole, begin);
        let size: u128 = turn.iter().map(|pool| pool.size()).sum();
        assert_eq!(size, whole[0].size());
    }
}
