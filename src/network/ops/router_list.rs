//! Routers as the actor may see them: those of their project.

use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, RouterId, SubnetId};
use crate::network::model::{GATEWAY_OWNER, INTERFACE_OWNER, Port, PortQuery, Router, Subnet};
use crate::network::store;

/// Routers, oldest first.
pub async fn router_list(cx: &Context) -> Result<Vec<Router>> {
    let project = cx.visible_project()?;
    let mut conn = cx.db.read().await?;
    Ok(store::router::list(&mut conn, project).await?)
}

/// One router.
pub async fn router_show(cx: &Context, id: RouterId) -> Result<Router> {
    let mut conn = cx.db.read().await?;
    router_show_on_conn(&mut conn, cx, id).await
}

/// One router's interfaces inside, with their addresses.
pub async fn router_interfaces(cx: &Context, id: RouterId) -> Result<Vec<Port>> {
    let mut conn = cx.db.read().await?;
    router_show_on_conn(&mut conn, cx, id).await?;
    router_interfaces_on_conn(&mut conn, id).await
}

pub(super) async fn router_show_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: RouterId,
) -> Result<Router> {
    let router = store::router::find(conn, id)
        .await?
        .ok_or_else(|| Error::not_found("router", id))?;
    cx.check_owner(router.project, "router", id)?;
    Ok(router)
}

/// The same for whoever is about to change it: others wait until this transaction ends.
pub(super) async fn router_take_on_conn(
    conn: &mut Conn,
    cx: &Context,
    id: RouterId,
) -> Result<Router> {
    store::router::lock(conn, id).await?;
    router_show_on_conn(conn, cx, id).await
}

/// All ports of a router, oldest first.
pub(super) async fn router_ports_on_conn(conn: &mut Conn, id: RouterId) -> Result<Vec<Port>> {
    let query = PortQuery {
        device_id: Some(id.to_string()),
        ..PortQuery::default()
    };
    let ports = store::port::list(conn, &query).await?;
    Ok(ports
        .into_iter()
        .filter(|port| [INTERFACE_OWNER, GATEWAY_OWNER].contains(&port.device_owner.as_str()))
        .collect())
}

/// Subnets that these ports have addresses of, oldest first.
pub(super) async fn subnets_of_ports_on_conn(
    conn: &mut Conn,
    ports: &[Port],
) -> Result<Vec<Subnet>> {
    let networks: Vec<NetworkId> = ports.iter().map(|port| port.network).collect();
    let mut subnets = store::subnet::of_networks(conn, &networks).await?;
    let addresses = ports.iter().flat_map(|port| &port.addresses);
    let used: Vec<SubnetId> = addresses.map(|at| at.subnet).collect();
    subnets.retain(|subnet| used.contains(&subnet.id));
    Ok(subnets)
}

/// A router's ports inside, oldest first.
pub(super) async fn router_interfaces_on_conn(conn: &mut Conn, id: RouterId) -> Result<Vec<Port>> {
    let ports = router_ports_on_conn(conn, id).await?;
    Ok(ports
        .into_iter()
        .filter(|port| port.device_owner == INTERFACE_OWNER)
        .collect())
}
