//! Plugging routers into networks.
//!
//! Subnets of IPv4 have a port of the router each. Those of IPv6 of one network share one: what is announced there comes from
//! one station.

use std::net::IpAddr;

use super::address_give::{Gateways, address_give_on_conn};
use super::check::is_owner;
use super::port_delete::port_delete_on_conn;
use super::port_list::port_show_on_conn;
use super::router_create::router_announce;
use super::router_list::{
    router_interfaces_on_conn, router_ports_on_conn, router_take_on_conn, subnets_of_ports_on_conn,
};
use super::router_place::{router_move_on_conn, router_write_on_conn};
use super::service_port::{service_bind_on_conn, service_port_on_conn};
use super::subnet_list::subnet_show_on_conn;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{NetworkId, PortId, RouterId, SubnetId};
use crate::network::ipam;
use crate::network::model::{
    AddressWish, Addresses, INTERFACE_OWNER, InterfaceWish, NetworkKind, Port, PortAddress, Router,
    RouterInterface, Subnet,
};
use crate::network::refusal;
use crate::network::store;

/// Plugs a router into a subnet, as its gateway, or takes a port for it.
pub async fn router_interface_add(
    cx: &Context,
    id: RouterId,
    wish: InterfaceWish,
) -> Result<RouterInterface> {
    let mut tx = cx.db.begin().await?;
    let mut router = router_take_on_conn(&mut tx, cx, id).await?;
    let port = match wish {
        InterfaceWish::Subnet(subnet) => of_subnet(&mut tx, cx, &router, subnet).await?,
        InterfaceWish::Port(port) => of_port(&mut tx, cx, &router, port).await?,
    };
    router_write_on_conn(&mut tx, &mut router).await?;
    tx.commit().await?;
    router_announce(cx, &router, Change::Updated);
    Ok(told(&router, &port))
}

async fn of_subnet(conn: &mut Conn, cx: &Context, router: &Router, id: SubnetId) -> Result<Port> {
    let subnet = subnet_show_on_conn(conn, cx, id).await?;
    let network = super::network_show_on_conn(conn, cx, subnet.network).await?;
    if !is_owner(cx, network.project) {
        return Err(refusal::not_owner("subnet_id", network.id));
    }
    let gateway = subnet.gateway.ok_or_else(|| {
        refusal::bad_request("Subnet for router interface must have a gateway IP")
    })?;
    if network.kind == NetworkKind::Local {
        return Err(refusal::bad_request(format!(
            "network {} is local: each node is its gateway {gateway} itself. Use a port with another address, or a network of another kind",
            network.id
        )));
    }
    if subnet.ra_mode.is_none() && subnet.address_mode.is_some() {
        return Err(refusal::bad_request(format!(
            "IPv6 subnet {id} configured to receive RAs from an external router cannot be added to Neutron Router."
        )));
    }
    check_apart(conn, router, std::slice::from_ref(&subnet)).await?;
    let wishes = Addresses::These(vec![AddressWish {
        subnet: Some(id),
        address: Some(gateway),
    }]);
    if subnet.is_v6()
        && let Some(mut port) = shared_port(conn, router, network.id).await?
    {
        let given = address_give_on_conn(conn, &port, &wishes, &[], Gateways::MayBeGiven).await?;
        port.addresses.extend(given);
        return service_bind_on_conn(conn, port, router.host.as_deref()).await;
    }
    service_port_on_conn(
        conn,
        &network,
        router.project,
        INTERFACE_OWNER,
        router.id.to_string(),
        &wishes,
        router.host.as_deref(),
    )
    .await
}

/// The port that a router's subnets of IPv6 on a network share, if there is one already.
async fn shared_port(conn: &mut Conn, router: &Router, network: NetworkId) -> Result<Option<Port>> {
    let ports = router_interfaces_on_conn(conn, router.id).await?;
    Ok(ports.into_iter().find(|port| {
        let addresses = &port.addresses;
        port.network == network && addresses.iter().all(|at| at.address.is_ipv6())
    }))
}

async fn of_port(conn: &mut Conn, cx: &Context, router: &Router, id: PortId) -> Result<Port> {
    let mut port = port_show_on_conn(conn, cx, id).await?;
    if !port.device_id.is_empty() || !port.device_owner.is_empty() {
        return Err(refusal::port_in_use(&port));
    }
    if port.addresses.is_empty() {
        return Err(refusal::bad_request(
            "Router port must have at least one fixed IP",
        ));
    }
    let subnets = subnets_of_ports_on_conn(conn, std::slice::from_ref(&port)).await?;
    check_apart(conn, router, &subnets).await?;
    port.device_owner = INTERFACE_OWNER.to_owned();
    port.device_id = router.id.to_string();
    port.port_security = false;
    service_bind_on_conn(conn, port, router.host.as_deref()).await
}

/// A router can not have the same addresses twice.
async fn check_apart(conn: &mut Conn, router: &Router, more: &[Subnet]) -> Result<()> {
    let ports = router_ports_on_conn(conn, router.id).await?;
    for have in &subnets_of_ports_on_conn(conn, &ports).await? {
        for new in more {
            if have.id == new.id {
                return Err(refusal::bad_request(format!(
                    "Router already has a port on subnet {}",
                    new.id
                )));
            }
            if ipam::overlap(have.cidr, new.cidr) {
                return Err(refusal::router_overlap(router.id, new, have));
            }
        }
    }
    Ok(())
}

/// Takes a router from a subnet or a port, which is deleted. What still needs it is in the way.
pub async fn router_interface_remove(
    cx: &Context,
    id: RouterId,
    subnet: Option<SubnetId>,
    port: Option<PortId>,
) -> Result<RouterInterface> {
    let mut tx = cx.db.begin().await?;
    let mut router = router_take_on_conn(&mut tx, cx, id).await?;
    let interfaces = router_interfaces_on_conn(&mut tx, id).await?;
    let found = interfaces.iter().find(|have| {
        port.is_none_or(|port| port == have.id)
            && subnet.is_none_or(|id| have.addresses.iter().any(|at| at.subnet == id))
    });
    let port = match (found, port, subnet) {
        (_, None, None) => {
            return Err(refusal::bad_request(
                "Either subnet_id or port_id must be specified",
            ));
        }
        (Some(found), ..) => found,
        (None, Some(port), _) => return Err(refusal::no_interface(id, port)),
        (None, None, Some(subnet)) => return Err(refusal::no_interface_on(id, subnet)),
    };
    let subnets = subnets_of_ports_on_conn(&mut tx, std::slice::from_ref(port)).await?;
    let leaves = |have: &&Subnet| subnet.is_none_or(|id| id == have.id);
    for subnet in subnets.iter().filter(leaves) {
        check_unneeded(&mut tx, &router, subnet).await?;
    }
    let addresses = port.addresses.iter().copied();
    let (gone, kept): (Vec<_>, Vec<_>) = addresses.partition(|at| Some(at.subnet) == subnet);
    if subnet.is_some() && !kept.is_empty() {
        leave(&mut tx, port, &gone, kept, router.host.as_deref()).await?;
        router_write_on_conn(&mut tx, &mut router).await?;
        tx.commit().await?;
        router_announce(cx, &router, Change::Updated);
        return Ok(RouterInterface {
            subnets: gone.iter().map(|at| at.subnet).collect(),
            ..told(&router, port)
        });
    }
    port_delete_on_conn(&mut tx, port.id).await?;
    if interfaces.len() == 1 {
        // Nothing goes through it any more.
        router_move_on_conn(&mut tx, id, None).await?;
        router = router_take_on_conn(&mut tx, cx, id).await?;
    } else {
        router_write_on_conn(&mut tx, &mut router).await?;
    }
    tx.commit().await?;
    router_announce(cx, &router, Change::Updated);
    Ok(told(&router, port))
}

/// Takes a router's port from one of the subnets that share it.
async fn leave(
    conn: &mut Conn,
    port: &Port,
    gone: &[PortAddress],
    kept: Vec<PortAddress>,
    host: Option<&str>,
) -> Result<()> {
    for at in gone {
        store::address::delete(conn, port.id, at.subnet, at.address).await?;
    }
    let mut port = port.clone();
    port.addresses = kept;
    service_bind_on_conn(conn, port, host).await?;
    Ok(())
}

async fn check_unneeded(conn: &mut Conn, router: &Router, subnet: &Subnet) -> Result<()> {
    for floating in store::floating::of_routers(conn, &[router.id]).await? {
        if let Some(target) = floating.target
            && let Some(port) = store::port::find(conn, target.port).await?
            && port
                .addresses
                .iter()
                .any(|at| at.subnet == subnet.id && at.address == IpAddr::V4(target.address))
        {
            return Err(refusal::interface_floating(router.id, subnet.id, &floating));
        }
    }
    let through = |route: &&crate::network::model::Route| subnet.cidr.contains(&route.nexthop);
    if let Some(route) = router.routes.iter().find(through) {
        return Err(refusal::interface_routed(router.id, subnet.id, route));
    }
    Ok(())
}

fn told(router: &Router, port: &Port) -> RouterInterface {
    RouterInterface {
        router: router.id,
        project: router.project,
        port: port.id,
        network: port.network,
        subnets: port.addresses.iter().map(|at| at.subnet).collect(),
    }
}
