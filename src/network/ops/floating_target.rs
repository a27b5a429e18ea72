//! Where a floating address leads: a fixed address of a port, through the router between.

use std::net::{IpAddr, Ipv4Addr};

use super::port_list::port_show_on_conn;
use crate::context::{Change, Context, Event};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, Time};
use crate::network::model::{FloatingIp, FloatingTarget, PortAddress, TargetWish};
use crate::network::refusal;
use crate::network::store;

/// What is wished for, once it is known that it can be. The caller writes it.
pub(super) async fn target_on_conn(
    conn: &mut Conn,
    cx: &Context,
    floating: &FloatingIp,
    wish: &TargetWish,
) -> Result<FloatingTarget> {
    let port = port_show_on_conn(conn, cx, wish.port).await?;
    if port.is_service() {
        return Err(refusal::service_port(&port));
    }
    let all: Vec<(PortAddress, Ipv4Addr)> = port.addresses.iter().filter_map(v4).collect();
    let (fixed, address) = match (wish.address, all.as_slice()) {
        (Some(address), all) => *all.iter().find(|(_, at)| *at == address).ok_or_else(|| {
            refusal::bad_request(format!("Port {} does not have fixed ip {address}", port.id))
        })?,
        (None, [only]) => *only,
        (None, []) => {
            return Err(refusal::bad_request(format!(
                "Cannot add floating IP to port {} that has no fixed IPv4 addresses",
                port.id
            )));
        }
        (None, _) => {
            return Err(refusal::bad_request(format!(
                "Port {} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP",
                port.id
            )));
        }
    };
    for other in store::floating::of_target(conn, port.id).await? {
        let taken = other.target.is_some_and(|to| to.address == address);
        if taken && other.id != floating.id {
            return Err(refusal::floating_taken(floating, &other, port.id, address));
        }
    }
    let gateway = store::subnet::of_networks(conn, &[port.network])
        .await?
        .into_iter()
        .find(|subnet| subnet.id == fixed.subnet)
        .and_then(|subnet| subnet.gateway);
    let router = store::router::between(conn, fixed.subnet, gateway, floating.network)
        .await?
        .ok_or_else(|| refusal::not_reachable(floating.network, fixed.subnet, port.id))?;
    // From here on the router keeps its way out and its interface.
    store::router::lock(conn, router).await?;
    Ok(FloatingTarget {
        port: port.id,
        address,
        router,
    })
}

/// An address that a floating one can lead to: those of IPv6 need none.
fn v4(at: &PortAddress) -> Option<(PortAddress, Ipv4Addr)> {
    match at.address {
        IpAddr::V4(address) => Some((*at, address)),
        IpAddr::V6(_) => None,
    }
}

/// Lets floating addresses lead nowhere: those of a port that goes, or of addresses that it loses. The nodes of their routers
/// are to be told.
pub(super) async fn targets_drop_on_conn(
    conn: &mut Conn,
    port: PortId,
    kept: &[PortAddress],
) -> Result<()> {
    for mut floating in store::floating::of_target(conn, port).await? {
        let stays = |to: FloatingTarget| kept.iter().filter_map(v4).any(|(_, at)| at == to.address);
        if floating.target.is_some_and(stays) {
            continue;
        }
        let before = floating.target.take();
        floating_write_on_conn(conn, &mut floating, before).await?;
    }
    Ok(())
}

/// Writes a floating address that was read before; the nodes of the routers that it leads and led through are to be told.
pub(super) async fn floating_write_on_conn(
    conn: &mut Conn,
    floating: &mut FloatingIp,
    before: Option<FloatingTarget>,
) -> Result<()> {
    floating.revision += 1;
    floating.updated_at = Time::now();
    if !store::floating::update(conn, floating).await? {
        return Err(Error::conflict(format!(
            "somebody else changed floating IP {} at the same time; try again",
            floating.id
        )));
    }
    through_changed_on_conn(conn, before).await?;
    if floating.target.map(|to| to.router) != before.map(|to| to.router) {
        through_changed_on_conn(conn, floating.target).await?;
    }
    Ok(())
}

/// Tells the node of the router that is between.
pub(super) async fn through_changed_on_conn(
    conn: &mut Conn,
    target: Option<FloatingTarget>,
) -> Result<()> {
    if let Some(target) = target
        && let Some(router) = store::router::find(conn, target.router).await?
    {
        super::router_place::router_changed_on_conn(conn, &router).await?;
    }
    Ok(())
}

/// Tells watchers, after the commit.
pub(super) fn floating_announce(cx: &Context, floating: &FloatingIp, change: Change) {
    let event = Event::new("floatingip", floating.id, Some(floating.project), change);
    cx.events
        .publish(event.named(&floating.address.to_string()));
}
