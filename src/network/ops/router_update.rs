//! Changing routers, and their further routes.

use super::check;
use super::router_create::router_announce;
use super::router_gateway::gateway_set_on_conn;
use super::router_list::{router_ports_on_conn, router_take_on_conn, subnets_of_ports_on_conn};
use super::router_place::router_write_on_conn;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::Result;
use crate::ids::RouterId;
use crate::network::ipam;
use crate::network::model::{Route, Router, RouterChanges};
use crate::network::refusal;

/// Further routes of one router at most.
const MOST_ROUTES: usize = 30;

/// Changes a router. Its node follows.
pub async fn router_update(cx: &Context, id: RouterId, changes: RouterChanges) -> Result<Router> {
    let mut tx = cx.db.begin().await?;
    let mut router = router_take_on_conn(&mut tx, cx, id).await?;
    if let Some(name) = changes.name {
        check::text("name", &name)?;
        router.name = name;
    }
    if let Some(description) = changes.description {
        check::text("description", &description)?;
        router.description = description;
    }
    if let Some(tags) = changes.tags {
        check::tags(&tags)?;
        router.tags = tags;
    }
    router.admin_state_up = changes.admin_state_up.unwrap_or(router.admin_state_up);
    if let Some(wish) = &changes.gateway {
        gateway_set_on_conn(&mut tx, cx, &mut router, wish.as_ref()).await?;
    }
    // Those that are there must still have their next hops after a way out went.
    let routes = changes.routes.unwrap_or_else(|| router.routes.clone());
    set_routes(&mut tx, &mut router, routes).await?;
    router_write_on_conn(&mut tx, &mut router).await?;
    tx.commit().await?;
    router_announce(cx, &router, Change::Updated);
    Ok(router)
}

/// Adds further routes; those that are there already stay. Others who do the same at the same time lose nothing.
pub async fn router_routes_add(cx: &Context, id: RouterId, more: Vec<Route>) -> Result<Router> {
    change_routes(cx, id, move |routes| {
        for route in more {
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
    })
    .await
}

/// Removes further routes; those that are not there are not missed.
pub async fn router_routes_remove(cx: &Context, id: RouterId, less: Vec<Route>) -> Result<Router> {
    change_routes(cx, id, move |routes| {
        routes.retain(|route| !less.contains(route));
    })
    .await
}

async fn change_routes(
    cx: &Context,
    id: RouterId,
    change: impl FnOnce(&mut Vec<Route>),
) -> Result<Router> {
    let mut tx = cx.db.begin().await?;
    let mut router = router_take_on_conn(&mut tx, cx, id).await?;
    let mut routes = router.routes.clone();
    change(&mut routes);
    set_routes(&mut tx, &mut router, routes).await?;
    router_write_on_conn(&mut tx, &mut router).await?;
    tx.commit().await?;
    router_announce(cx, &router, Change::Updated);
    Ok(router)
}

async fn set_routes(conn: &mut Conn, router: &mut Router, routes: Vec<Route>) -> Result<()> {
    if routes.len() > MOST_ROUTES {
        return Err(refusal::routes_exhausted(router.id, MOST_ROUTES));
    }
    if !routes.is_empty() {
        let ports = router_ports_on_conn(conn, router.id).await?;
        let subnets = subnets_of_ports_on_conn(conn, &ports).await?;
        for route in &routes {
            let own = ports
                .iter()
                .any(|port| port.addresses.iter().any(|at| at.address == route.nexthop));
            let connected = subnets
                .iter()
                .any(|subnet| ipam::is_usable(subnet.cidr, route.nexthop));
            if own || !connected {
                let why = if own {
                    "the nexthop is used by router"
                } else {
                    "the nexthop is not connected with router"
                };
                return Err(refusal::invalid_routes(route, why));
            }
        }
    }
    router.routes = routes;
    Ok(())
}
