//! Making subnets.
//!
//! A node is the gateway of every subnet of its local networks, so no two of these may have addresses in common: the node
//! could not tell which network a packet is for. Other networks are apart, and only each network's own subnets are.

use std::net::IpAddr;

use ipnet::IpNet;

use super::check::{self, is_owner};
use super::desired::network_changed_on_conn;
use super::dhcp_service::dhcp_fit_on_conn;
use super::quota::{Bounded, room_on_conn};
use super::subnet_modes::{check_modes, made_give_on_conn};
use crate::context::{Change, Context, Event};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{SubnetId, Time};
use crate::network::ipam;
use crate::network::model::{Network, NetworkKind, NewSubnet, Pool, Route, Subnet};
use crate::network::refusal;
use crate::network::store;

/// Smallest packet that IPv6 asks every network to carry (RFC 8200).
pub(super) const SMALLEST_IPV6: u32 = 1280;
/// Name servers, pools and routes of one subnet at most.
const MOST_DNS: usize = 5;
const MOST_POOLS: usize = 32;
const MOST_ROUTES: usize = 20;

/// Makes a subnet on a network of one's own.
pub async fn subnet_create(cx: &Context, new: NewSubnet) -> Result<Subnet> {
    let mut tx = cx.db.begin().await?;
    let network = super::network_show_on_conn(&mut tx, cx, new.network).await?;
    if !is_owner(cx, network.project) {
        return Err(refusal::not_owner("network_id", network.id));
    }
    let subnet = checked(&network, new)?;
    room_on_conn(&mut tx, cx, subnet.project, Bounded::Subnets).await?;
    insert_on_conn(&mut tx, &network, &subnet).await?;
    made_give_on_conn(&mut tx, &subnet).await?;
    dhcp_fit_on_conn(&mut tx, network.id, None).await?;
    network_changed_on_conn(&mut tx, network.id).await?;
    tx.commit().await?;
    let event = Event::new("subnet", subnet.id, Some(subnet.project), Change::Created);
    cx.events.publish(event.named(&subnet.name));
    Ok(subnet)
}

/// Writes a checked subnet, unless its range overlaps another's.
pub(super) async fn insert_on_conn(
    conn: &mut Conn,
    network: &Network,
    subnet: &Subnet,
) -> Result<()> {
    if !store::network::lock(conn, subnet.network).await? {
        return Err(Error::not_found("network", subnet.network));
    }
    let others = if network.kind == NetworkKind::Local {
        // No two ranges that overlap are made at a time.
        conn.take_turn("network:ranges").await?;
        store::subnet::of_local_networks(conn).await?
    } else {
        store::subnet::of_networks(conn, &[network.id]).await?
    };
    if let Some(other) = others
        .iter()
        .find(|other| ipam::overlap(other.cidr, subnet.cidr))
    {
        return Err(refusal::ranges_overlap(subnet.cidr, subnet.network, other));
    }
    Ok(store::subnet::insert(conn, subnet).await?)
}

/// The subnet as it will be; an error names what is wrong.
pub(super) fn checked(network: &Network, new: NewSubnet) -> Result<Subnet> {
    check::text("name", &new.name)?;
    check::text("description", &new.description)?;
    if new.cidr.trunc() != new.cidr {
        return Err(refusal::invalid_input(format!(
            "Invalid input for cidr. Reason: '{}' isn't a recognized IP subnet cidr, '{}' is recommended.",
            new.cidr,
            new.cidr.trunc()
        )));
    }
    ipam::check_cidr(new.cidr)?;
    if matches!(new.cidr, IpNet::V6(_)) && network.mtu < SMALLEST_IPV6 {
        return Err(refusal::mtu_too_small(
            network.id,
            network.mtu,
            SMALLEST_IPV6,
        ));
    }
    let gateway = new
        .gateway
        .unwrap_or_else(|| Some(ipam::usable(new.cidr).0));
    let pools = match new.pools {
        Some(pools) => sorted(pools)?,
        None => ipam::default_pools(new.cidr, gateway),
    };
    ipam::check_pools(new.cidr, gateway, &pools)?;
    check_dns(new.cidr, &new.dns)?;
    check_routes(new.cidr, &new.routes)?;
    let now = Time::now();
    let subnet = Subnet {
        id: SubnetId::new(),
        network: network.id,
        project: network.project,
        name: new.name,
        description: new.description,
        cidr: new.cidr,
        gateway,
        dhcp: new.dhcp,
        address_mode: new.address_mode,
        ra_mode: new.ra_mode,
        dns: new.dns,
        pools,
        routes: new.routes,
        tags: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    check_modes(&subnet)?;
    Ok(subnet)
}

/// Pools in the order of their addresses.
pub(super) fn sorted(mut pools: Vec<Pool>) -> Result<Vec<Pool>> {
    if pools.len() > MOST_POOLS {
        return Err(Error::invalid(
            "allocation_pools",
            format!("at most {MOST_POOLS} are allowed"),
        ));
    }
    pools.sort_unstable();
    Ok(pools)
}

pub(super) fn check_dns(cidr: IpNet, servers: &[IpAddr]) -> Result<()> {
    if servers.len() > MOST_DNS {
        return Err(Error::invalid(
            "dns_nameservers",
            format!("at most {MOST_DNS} are allowed"),
        ));
    }
    let odd = |address: &&IpAddr| address.is_unspecified() || address.is_multicast();
    if let Some(wrong) = servers.iter().find(odd) {
        return Err(Error::invalid(
            "dns_nameservers",
            format!("{wrong} is not the address of a server"),
        ));
    }
    for server in servers {
        ipam::check_family("dns_nameservers", *server, cidr)?;
    }
    Ok(())
}

pub(super) fn check_routes(cidr: IpNet, routes: &[Route]) -> Result<()> {
    if routes.len() > MOST_ROUTES {
        return Err(Error::invalid(
            "host_routes",
            format!("at most {MOST_ROUTES} are allowed"),
        ));
    }
    for route in routes {
        ipam::check_family("host_routes", route.nexthop, cidr)?;
        ipam::check_family("host_routes", route.destination.addr(), cidr)?;
    }
    let reachable = |hop: IpAddr| ipam::is_usable(cidr, hop);
    if let Some(wrong) = routes.iter().find(|route| !reachable(route.nexthop)) {
        return Err(Error::invalid(
            "host_routes",
            format!("next hop {} is not an address of {cidr}", wrong.nexthop),
        ));
    }
    Ok(())
}
