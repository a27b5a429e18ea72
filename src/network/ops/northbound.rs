//! Telling OVN's northbound database what it shall have, where OVN is the engine.
//!
//! It stands among the nodes under a name that no node has: whatever changes what nodes shall have raises its generation in
//! the same transaction. Level-triggered as they are: it is told everything, and what it has is compared with that.

use std::collections::BTreeMap;

use super::desired_groups::GroupRows;
use super::desired_rows::groups_of;
use super::host_network::REPEAT_SECONDS;
use super::port_list::port_announce;
use super::service_place::router_needs;
use crate::compute::ops::host_sites_on_conn;
use crate::config::Engine;
use crate::context::{Change, Context};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{PortId, RouterId, Time};
use crate::network::model::{AgentKind, NetworkQuery, PortQuery, Router, SubnetQuery};
use crate::network::ovn::{GatewayHost, Northbound, Outcome, Rows};
use crate::network::store;
use crate::network::store::host::NORTHBOUND;

/// Priority of a router's own host among those that may have its way out; the others follow.
const OWN_PRIORITY: i64 = 1000;
/// Hosts that may have one router's way out: each watches the others.
const MOST_HOSTS: usize = 5;

/// Returns once the northbound database has everything that was wanted of it when this was called; at once where there is
/// none.
///
/// # Errors
/// `Unavailable` if no server answers or it refuses; asking again is right.
pub async fn northbound_ensure(cx: &Context) -> Result<()> {
    let Some(northbound) = &cx.northbound else {
        return Ok(());
    };
    let needed = wanted(cx).await?.map_or(0, |(wanted, _)| wanted);
    let _turn = cx.turns.take("northbound").await;
    match wanted(cx).await? {
        Some((_, applied)) if applied < needed => tell(cx, northbound).await,
        _ => Ok(()),
    }
}

/// Where OVN is the engine, hosts are chassis from their first report on, also without a guest: a router's way out may come
/// there.
pub async fn northbound_chassis(cx: &Context) -> Result<()> {
    if cx.northbound.is_none() {
        return Ok(());
    }
    let mut conn = cx.db.read().await?;
    let known = store::host::list(&mut conn).await?;
    let mut sites = host_sites_on_conn(&mut conn, cx).await?;
    drop(conn);
    sites.retain(|site| site.up && !known.iter().any(|state| state.host == site.name));
    if sites.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = sites.into_iter().map(|site| site.name).collect();
    let mut tx = cx.db.begin().await?;
    store::host::bump(&mut tx, &names).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells it if that is needed, or if it was told nothing for long: mends what was changed by hand.
pub async fn northbound_repair(cx: &Context) -> Result<()> {
    let Some(northbound) = &cx.northbound else {
        return Ok(());
    };
    let mut conn = cx.db.read().await?;
    let before = Time::now().plus_seconds(-REPEAT_SECONDS);
    let due = store::host::due(&mut conn, before).await?;
    drop(conn);
    if !due.iter().any(|state| state.host == NORTHBOUND) {
        return Ok(());
    }
    let _turn = cx.turns.take("northbound").await;
    tell(cx, northbound).await
}

async fn wanted(cx: &Context) -> Result<Option<(i64, i64)>> {
    let mut conn = cx.db.read().await?;
    let state = store::host::find(&mut conn, NORTHBOUND).await?;
    Ok(state.map(|state| (state.wanted, state.applied)))
}

async fn tell(cx: &Context, northbound: &Northbound) -> Result<()> {
    // Read before the rows: what changes while these are read raises it, and all is told again.
    let generation = wanted(cx).await?.map_or(0, |(wanted, _)| wanted);
    let rows = northbound_rows(cx).await?;
    let told = northbound.make(generation, &rows.want()).await;
    let mut tx = cx.db.begin().await?;
    match told {
        Ok(Outcome::Newer(newer)) => {
            store::host::overtake(&mut tx, NORTHBOUND, newer).await?;
            tx.commit().await?;
            Ok(())
        }
        Ok(Outcome::Made(changes)) => {
            tracing::debug!(generation, changes, "northbound database");
            store::host::applied(&mut tx, NORTHBOUND, generation, None).await?;
            let mut active = Vec::new();
            for (host, ports) in router_ports(&rows) {
                active.extend(store::port::activate(&mut tx, host, &ports).await?);
            }
            tx.commit().await?;
            for port in &active {
                port_announce(cx, port, Change::Updated);
            }
            Ok(())
        }
        Err(error) => {
            let text = error.to_string();
            store::host::failed(&mut tx, NORTHBOUND, &text).await?;
            tx.commit().await?;
            Err(Error::Unavailable(format!(
                "OVN's northbound database is not told yet: {text}"
            )))
        }
    }
}

/// Why it could not be told lately, if so.
pub async fn northbound_trouble(cx: &Context) -> Result<Option<String>> {
    let mut conn = cx.db.read().await?;
    let state = store::host::find(&mut conn, NORTHBOUND).await?;
    Ok(state.and_then(|state| state.trouble))
}

/// Ports of routers, by the hosts that these are on: they work as soon as OVN knows them.
fn router_ports(rows: &Rows) -> BTreeMap<&str, Vec<PortId>> {
    let mut found: BTreeMap<&str, Vec<PortId>> = BTreeMap::new();
    for port in rows.ports.iter().filter(|port| port.is_service()) {
        if let Some(host) = &port.host {
            found.entry(host).or_default().push(port.id);
        }
    }
    found
}

/// Makes a place for the northbound database among the nodes, or takes it away, as the settings say. To be called at the start.
pub(super) async fn northbound_start_on_conn(conn: &mut Conn, cx: &Context) -> Result<()> {
    let there = cx.config.network.engine == Engine::Ovn;
    Ok(store::host::set_northbound(conn, there).await?)
}

/// Everything that OVN is to know.
pub async fn northbound_rows(cx: &Context) -> Result<Rows> {
    let mut conn = cx.db.read().await?;
    let networks = store::network::list(&mut conn, &NetworkQuery::default()).await?;
    let subnets = store::subnet::list(&mut conn, &SubnetQuery::default()).await?;
    let ports = store::port::list(&mut conn, &PortQuery::default()).await?;
    let routers = store::router::list(&mut conn, None).await?;
    let floating = store::floating::list(&mut conn, None).await?;
    let rules = store::security_rule::list(&mut conn, None).await?;
    let groups = GroupRows::new(rules, &ports).specs(&groups_of(ports.iter()));
    let gateways = gateways(&mut conn, cx, &routers).await?;
    Ok(Rows {
        groups,
        networks,
        subnets,
        ports,
        routers,
        floating,
        gateways,
        resolvers: cx.config.network.dns.clone(),
        domain: cx.config.network.dns_domain.clone(),
    })
}

/// Hosts that may have routers' ways out: plugged into the physical networks, and not closed to routers. The router's own
/// comes first.
async fn gateways(
    conn: &mut Conn,
    cx: &Context,
    routers: &[Router],
) -> Result<BTreeMap<RouterId, Vec<GatewayHost>>> {
    let said = store::agent::list(conn).await?;
    let is_open = |host: &str| {
        !said
            .iter()
            .any(|said| said.host == host && said.kind == AgentKind::Router && !said.admin_state_up)
    };
    let needs = router_needs(conn).await?;
    let mut sites = host_sites_on_conn(conn, cx).await?;
    sites.retain(|site| is_open(&site.name));
    sites.sort_by(|a, b| a.name.cmp(&b.name));
    let hosts = |router: &Router| {
        let needs = needs.get(&router.id);
        let fits = sites.iter().filter(|site| {
            needs.is_none_or(|needs| needs.iter().all(|one| site.physical_networks.contains(one)))
        });
        let mut names: Vec<&str> = fits.map(|site| site.name.as_str()).collect();
        names.sort_by_key(|name| router.host.as_deref() != Some(*name));
        let of = |(at, name): (usize, &&str)| GatewayHost {
            host: (*name).to_owned(),
            priority: OWN_PRIORITY - i64::try_from(at).unwrap_or(OWN_PRIORITY - 1),
        };
        names.iter().enumerate().map(of).take(MOST_HOSTS).collect()
    };
    Ok(routers
        .iter()
        .filter(|router| router.gateway.is_some())
        .map(|router| (router.id, hosts(router)))
        .collect())
}
