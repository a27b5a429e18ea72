//! Placing DHCP and routers on hosts, again and again, by the pure [`placement`](crate::network::placement).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::dhcp_service::dhcp_move_on_conn;
use super::router_place::router_move_on_conn;
use crate::compute::ops::{host_sites_on_conn, hosts_are_heard};
use crate::config::Engine;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, RouterId};
use crate::network::model::AgentKind;
use crate::network::placement::{Service, Site, moves};
use crate::network::store;

/// Moves what has to move. What can not be moved now is tried again in the next round; the others do not wait for it.
pub async fn services_place(cx: &Context) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let dhcp = match cx.config.network.engine {
        Engine::Bridge => dhcp_services(&mut conn).await?,
        Engine::Ovn => Vec::new(),
    };
    let routers = router_services(&mut conn).await?;
    if dhcp.is_empty() && routers.is_empty() {
        return Ok(());
    }
    let deaf = !hosts_are_heard(cx);
    let dhcp_moves = moves(&sites(&mut conn, cx, AgentKind::Dhcp).await?, &dhcp, deaf);
    let router_moves = moves(
        &sites(&mut conn, cx, AgentKind::Router).await?,
        &routers,
        deaf,
    );
    drop(conn);
    for (id, host) in dhcp_moves {
        tell(
            move_to(cx, AgentKind::Dhcp, id, &host).await,
            "DHCP of network",
            id,
            &host,
        );
    }
    for (id, host) in router_moves {
        tell(
            move_to(cx, AgentKind::Router, id, &host).await,
            "router",
            id,
            &host,
        );
    }
    Ok(())
}

fn tell(outcome: Result<()>, what: &str, id: Uuid, host: &str) {
    match outcome {
        Ok(()) => tracing::info!(%id, host, "{what} has its place"),
        Err(error) => tracing::warn!(%id, host, %error, "{what} can not be placed now"),
    }
}

/// Moves one service to a host, whether it has to move or not.
pub(super) async fn move_to(cx: &Context, kind: AgentKind, id: Uuid, host: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    if kind == AgentKind::Router {
        router_move_on_conn(&mut tx, RouterId::from_uuid(id), Some(host)).await?;
    } else {
        dhcp_move_on_conn(&mut tx, NetworkId::from_uuid(id), host).await?;
    }
    tx.commit().await?;
    if kind == AgentKind::Router {
        cx.events.changed("router", id, None, Change::Updated);
    }
    Ok(())
}

/// Where a service would go if it could not stay where it is.
pub(super) async fn elsewhere(
    conn: &mut Conn,
    cx: &Context,
    kind: AgentKind,
    id: Uuid,
    host: &str,
) -> Result<String> {
    let services = services(conn, kind).await?;
    let mut sites = sites(conn, cx, kind).await?;
    for site in sites.iter_mut().filter(|site| site.host == host) {
        (site.usable, site.silent) = (false, false);
    }
    let found = moves(&sites, &services, false)
        .into_iter()
        .find(|(moved, _)| *moved == id);
    found.map(|(_, host)| host).ok_or_else(|| {
        Error::conflict(format!(
            "no other host can have {id}: none is up, enabled, and plugged into its physical networks"
        ))
    })
}

/// Succeeds if services of this kind may be on the host.
pub(super) async fn check_usable(
    conn: &mut Conn,
    cx: &Context,
    kind: AgentKind,
    id: Uuid,
    host: &str,
) -> Result<()> {
    let sites = sites(conn, cx, kind).await?;
    let services = services(conn, kind).await?;
    let needs = services.iter().find(|service| service.id == id);
    let site = sites.iter().find(|site| site.host == host && site.usable);
    let missing = match site {
        None => Some("it is down or disabled".to_owned()),
        Some(site) => needs
            .and_then(|service| service.needs.difference(&site.physical).next())
            .map(|name| format!("it is not plugged into {name}")),
    };
    match missing {
        None => Ok(()),
        Some(why) => Err(Error::conflict(format!(
            "the {} on {host} can not have {id}: {why}",
            kind.title()
        ))),
    }
}

async fn services(conn: &mut Conn, kind: AgentKind) -> Result<Vec<Service>> {
    match kind {
        AgentKind::Router => router_services(conn).await,
        _ => dhcp_services(conn).await,
    }
}

async fn dhcp_services(conn: &mut Conn) -> Result<Vec<Service>> {
    let there = store::port::dhcp_places(conn).await?;
    let missing = store::port::dhcp_missing(conn).await?;
    let missing = missing
        .into_iter()
        .map(|(network, physical)| (network, physical, None));
    Ok(there
        .into_iter()
        .chain(missing)
        .map(|(network, physical, host)| Service {
            id: network.uuid(),
            host,
            needs: physical.into_iter().collect(),
        })
        .collect())
}

async fn router_services(conn: &mut Conn) -> Result<Vec<Service>> {
    let places = store::router::places(conn).await?;
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let mut needs = router_needs(conn).await?;
    Ok(places
        .into_iter()
        .map(|(router, host)| Service {
            id: router.uuid(),
            host,
            needs: needs.remove(&router).unwrap_or_default(),
        })
        .collect())
}

/// Physical networks that routers are plugged into.
pub(super) async fn router_needs(conn: &mut Conn) -> Result<BTreeMap<RouterId, BTreeSet<String>>> {
    let mut needs: BTreeMap<RouterId, BTreeSet<String>> = BTreeMap::new();
    for (router, physical) in store::router::physical(conn).await? {
        needs.entry(router).or_default().insert(physical);
    }
    Ok(needs)
}

async fn sites(conn: &mut Conn, cx: &Context, kind: AgentKind) -> Result<Vec<Site>> {
    let off: BTreeSet<String> = store::agent::list(conn)
        .await?
        .into_iter()
        .filter(|said| said.kind == kind && !said.admin_state_up)
        .map(|said| said.host)
        .collect();
    Ok(host_sites_on_conn(conn, cx)
        .await?
        .into_iter()
        .map(|site| Site {
            usable: site.up && !off.contains(&site.name),
            silent: !site.up && !site.forced_down,
            host: site.name,
            physical: site.physical_networks.into_iter().collect(),
        })
        .collect())
}
