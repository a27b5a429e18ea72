//! A router's way out.

use super::port_delete::port_delete_on_conn;
use super::router_list::{router_interfaces_on_conn, subnets_of_ports_on_conn};
use super::service_port::service_port_on_conn;
use crate::config::Engine;
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::network::ipam;
use crate::network::model::{
    AddressWish, Addresses, GATEWAY_OWNER, Gateway, GatewayWish, NetworkKind, Router, Subnet,
};
use crate::network::refusal;
use crate::network::store;

/// Gives a router another way out, or none. What goes through the old one must not be needed any more. The router itself is
/// written by the caller.
pub(super) async fn gateway_set_on_conn(
    conn: &mut Conn,
    cx: &Context,
    router: &mut Router,
    wish: Option<&GatewayWish>,
) -> Result<()> {
    if let Some(wish) = wish {
        check_rights(cx, wish)?;
        router.enable_snat = wish.enable_snat.unwrap_or(router.enable_snat);
        if let Some(gateway) = &router.gateway
            && gateway.network == wish.network
            && fits(gateway, wish.addresses.as_deref())
        {
            return Ok(());
        }
    }
    let stays = wish.map(|wish| wish.network) == router.gateway.as_ref().map(|way| way.network);
    if let Some(gateway) = router.gateway.take() {
        if !stays
            && !store::floating::of_routers(conn, &[router.id])
                .await?
                .is_empty()
        {
            return Err(refusal::gateway_in_use(router.id, gateway.network));
        }
        port_delete_on_conn(conn, gateway.port).await?;
    }
    let Some(wish) = wish else {
        return Ok(());
    };
    let network = super::network_show_on_conn(conn, cx, wish.network).await?;
    if !network.external {
        return Err(refusal::not_external(network.id));
    }
    if network.kind == NetworkKind::Local && cx.config.network.engine == Engine::Ovn {
        return Err(refusal::bad_request(format!(
            "network {} is local, and OVN's routers have no way to it: make an external network on a physical one (--provider-network-type flat)",
            network.id
        )));
    }
    let addresses = match &wish.addresses {
        Some(these) => Addresses::These(these.clone()),
        None => Addresses::Any,
    };
    let port = service_port_on_conn(
        conn,
        &network,
        network.project,
        GATEWAY_OWNER,
        router.id.to_string(),
        &addresses,
        router.host.as_deref(),
    )
    .await?;
    let outside = store::subnet::of_networks(conn, &[network.id]).await?;
    check_apart(conn, router, &outside).await?;
    router.gateway = Some(Gateway {
        port: port.id,
        network: network.id,
        addresses: port.addresses,
    });
    Ok(())
}

fn check_rights(cx: &Context, wish: &GatewayWish) -> Result<()> {
    if cx.actor.is_admin() {
        return Ok(());
    }
    for (field, set) in [
        (
            "external_gateway_info.enable_snat",
            wish.enable_snat.is_some(),
        ),
        (
            "external_gateway_info.external_fixed_ips",
            wish.addresses.is_some(),
        ),
    ] {
        if set {
            return Err(refusal::not_admin(field));
        }
    }
    Ok(())
}

/// Whether the addresses that are there are those wished for.
fn fits(gateway: &Gateway, wishes: Option<&[AddressWish]>) -> bool {
    let Some(wishes) = wishes else { return true };
    let has = |wish: &AddressWish| {
        gateway.addresses.iter().any(|at| {
            wish.subnet.is_none_or(|subnet| subnet == at.subnet)
                && wish.address.is_none_or(|address| address == at.address)
        })
    };
    wishes.len() == gateway.addresses.len() && wishes.iter().all(has)
}

/// A router can not have the same addresses on both sides.
async fn check_apart(conn: &mut Conn, router: &Router, outside: &[Subnet]) -> Result<()> {
    let ports = router_interfaces_on_conn(conn, router.id).await?;
    for inside in subnets_of_ports_on_conn(conn, &ports).await? {
        let common = outside
            .iter()
            .find(|outside| ipam::overlap(outside.cidr, inside.cidr));
        if let Some(outside) = common {
            return Err(refusal::router_overlap(router.id, outside, &inside));
        }
    }
    Ok(())
}
