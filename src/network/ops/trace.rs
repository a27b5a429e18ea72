//! How a packet goes from one end to another, and where it would be dropped, by [`trace`](crate::network::trace) over
//! rows; on request with what hosts counted of it.
//!
//! Ends are said in words: a server or a port by id or name, an address, or `outside`. Read only.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use uuid::Uuid;

use super::desired_groups::group_specs_on_conn;
use super::trace_probe::{Counts, count};
use crate::compute::ops::{host_addresses_on_conn, host_sites_on_conn, server_owners, server_show};
use crate::config::Engine;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{NetworkId, PortId, ProjectId, SecurityGroupId, ServerId};
use crate::network::model::{
    AgentKind, DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER, NetworkQuery, Port, PortQuery,
    SecurityGroupQuery, SubnetQuery,
};
use crate::network::store;
use crate::network::trace::{End, GroupRow, HostRow, Path, Question, Rows, Transport, trace};

/// The word for the world.
const OUTSIDE: &str = "outside";
/// Things that are named where a word means several.
const NAMED: usize = 5;

/// What is asked, in words.
#[derive(Clone, Debug)]
pub struct TraceWish {
    /// Who sends.
    pub from: String,
    /// Who shall get it.
    pub to: String,
    /// The sender's address, if not its port's own.
    pub source: Option<IpAddr>,
    /// What is sent.
    pub transport: Transport,
    /// Destination port; none with ICMP.
    pub port: Option<u16>,
    /// Whether hosts count the packets, and under which id.
    pub probe: Option<Uuid>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The way.
    pub path: Path,
    /// What was counted, a line for each step; all unknown without a probe.
    pub counts: Vec<Counts>,
}

/// Traces a packet.
pub async fn network_trace(cx: &Context, wish: TraceWish) -> Result<Traced> {
    let from = end(cx, "from", &wish.from).await?;
    let to = end(cx, "to", &wish.to).await?;
    let question = Question {
        from,
        to,
        source: wish.source,
        transport: wish.transport,
        port: wish.port,
    };
    let mut conn = cx.db.read().await?;
    let rows = rows(&mut conn, cx, &question).await?;
    drop(conn);
    check_single(&rows, &question)?;
    let path = trace(&rows, &question);
    let counts = match wish.probe {
        Some(id) => count(cx, id, &path.steps).await,
        None => vec![Counts::default(); path.steps.len()],
    };
    Ok(Traced { path, counts })
}

/// What a word means.
async fn end(cx: &Context, field: &'static str, text: &str) -> Result<End> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(OUTSIDE) {
        return Ok(End::Outside);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(End::Address(address));
    }
    match text.parse::<Uuid>() {
        Ok(id) => by_id(cx, id).await,
        Err(_) => by_name(cx, field, text).await,
    }
}

async fn by_id(cx: &Context, id: Uuid) -> Result<End> {
    let mut conn = cx.db.read().await?;
    if let Some(port) = store::port::find(&mut conn, PortId::from_uuid(id)).await? {
        cx.check_owner(port.project, "port", port.id)?;
        return Ok(End::Ports(vec![port.id]));
    }
    drop(conn);
    let missing = |error| match error {
        Error::NotFound { .. } => Error::not_found("server or port", id),
        other => other,
    };
    let found = server_show(cx, ServerId::from_uuid(id)).await;
    let server = found.map_err(missing)?.server;
    of_server(cx, server.id, &server.name).await
}

async fn by_name(cx: &Context, field: &'static str, name: &str) -> Result<End> {
    let own = cx.visible_project()?;
    let sees = |project: &ProjectId| own.is_none_or(|own| own == *project);
    let mut servers = server_owners(cx).await?;
    servers.retain(|(_, project, known)| known == name && sees(project));
    let mut conn = cx.db.read().await?;
    let mut ports = store::port::ids_named(&mut conn, name).await?;
    drop(conn);
    ports.retain(|(_, project)| sees(project));
    match (servers.as_slice(), ports.as_slice()) {
        ([(server, ..)], []) => of_server(cx, *server, name).await,
        ([], [(port, _)]) => Ok(End::Ports(vec![*port])),
        ([], []) => Err(Error::not_found("server or port", name)),
        _ => {
            let servers = servers.iter().map(|(id, ..)| format!("server {id}"));
            let all = servers.chain(ports.iter().map(|(id, _)| format!("port {id}")));
            let all: Vec<String> = all.take(NAMED).collect();
            Err(Error::invalid(
                field,
                format!(
                    "{name:?} names several; say the id of one: {}",
                    all.join(", ")
                ),
            ))
        }
    }
}

async fn of_server(cx: &Context, server: ServerId, name: &str) -> Result<End> {
    let ports = super::port_list::ports_of_server(cx, server).await?;
    if ports.is_empty() {
        return Err(Error::conflict(format!(
            "server {name} has no port: nothing can reach it; plug it into a network first"
        )));
    }
    Ok(End::Ports(ports.iter().map(|port| port.id).collect()))
}

/// Several tenants may have the same address; who sends has to be one of them, and for whom something comes from outside too.
fn check_single(rows: &Rows, question: &Question) -> Result<()> {
    let single = |field: &'static str, end: &End, is_floating_fine: bool| {
        let End::Address(address) = end else {
            return Ok(0);
        };
        if is_floating_fine && rows.floating.iter().any(|one| one.address == *address) {
            return Ok(1);
        }
        let has = |port: &&Port| port.addresses.iter().any(|at| at.address == *address);
        let found: Vec<&Port> = rows.ports.iter().filter(has).collect();
        if found.len() < 2 {
            return Ok(found.len());
        }
        let all = found.iter().take(NAMED);
        let all: Vec<String> = all
            .map(|port| format!("port {} on network {}", port.id, port.network))
            .collect();
        let reason = format!(
            "several have {address}; say the port instead: {}",
            all.join(", ")
        );
        Err(Error::invalid(field, reason))
    };
    let is_inside = match &question.from {
        End::Ports(_) => true,
        End::Outside => false,
        address => single("from", address, true)? > 0,
    };
    if !is_inside {
        single("to", &question.to, true)?;
    }
    Ok(())
}

/// Everything that the question may touch.
async fn rows(conn: &mut Conn, cx: &Context, question: &Question) -> Result<Rows> {
    let networks = store::network::list(conn, &NetworkQuery::default()).await?;
    let subnets = store::subnet::list(conn, &SubnetQuery::default()).await?;
    let routers = store::router::list(conn, None).await?;
    let floating = store::floating::list(conn, None).await?;

    let mut addresses: BTreeSet<IpAddr> = subnets.iter().filter_map(|one| one.gateway).collect();
    let hops = subnets.iter().flat_map(|subnet| &subnet.routes);
    let hops = hops.chain(routers.iter().flat_map(|router| &router.routes));
    addresses.extend(hops.map(|route| route.nexthop));
    let mut ids: BTreeSet<PortId> = BTreeSet::new();
    for end in [&question.from, &question.to] {
        match end {
            End::Ports(ports) => ids.extend(ports),
            End::Address(address) => {
                addresses.insert(*address);
                let leads = floating.iter().filter(|one| one.address == *address);
                ids.extend(leads.filter_map(|one| Some(one.target?.port)));
            }
            End::Outside => {}
        }
    }
    let asked: Vec<IpAddr> = addresses.into_iter().collect();
    ids.extend(store::address::holders(conn, &asked).await?);
    let ids: Vec<PortId> = ids.into_iter().collect();
    let mut ports = store::port::of_ids(conn, &ids).await?;
    for owner in [INTERFACE_OWNER, GATEWAY_OWNER, DHCP_OWNER] {
        let query = PortQuery {
            device_owner: Some(owner.to_owned()),
            ..PortQuery::default()
        };
        ports.extend(store::port::list(conn, &query).await?);
    }
    ports.sort_by_key(|port| (port.created_at, port.id));
    ports.dedup_by_key(|port| port.id);
    // The place of a floating address is nobody's; the floating address itself says whose it is.
    ports.retain(|port| port.device_owner != crate::network::model::FLOATING_OWNER);

    let groups = groups(conn, &ports).await?;
    let hosts = hosts(conn, cx).await?;
    let networks: HashMap<NetworkId, _> = networks.into_iter().map(|one| (one.id, one)).collect();
    Ok(Rows {
        networks,
        subnets,
        ports,
        routers,
        floating,
        groups,
        hosts,
        ovn: cx.config.network.engine == Engine::Ovn,
    })
}

/// The groups of these ports, and what nodes are told of them.
async fn groups(conn: &mut Conn, ports: &[Port]) -> Result<HashMap<SecurityGroupId, GroupRow>> {
    let has: BTreeSet<SecurityGroupId> = ports
        .iter()
        .flat_map(|port| port.groups.iter().copied())
        .collect();
    let has: Vec<SecurityGroupId> = has.into_iter().collect();
    let mut rows = HashMap::new();
    for spec in group_specs_on_conn(conn, &has).await? {
        let mut row = GroupRow {
            name: spec.id.to_string(),
            is_default: false,
            spec,
        };
        // Those that are only named by rules have members, and nobody asks for their names.
        if has.contains(&row.spec.id) {
            let query = SecurityGroupQuery {
                visible_to: None,
                id: Some(row.spec.id),
            };
            if let Some(group) = store::security_group::list(conn, &query).await?.pop() {
                (row.name, row.is_default) = (group.name, group.is_default);
            }
        }
        rows.insert(row.spec.id, row);
    }
    Ok(rows)
}

async fn hosts(conn: &mut Conn, cx: &Context) -> Result<HashMap<String, HostRow>> {
    let sites = host_sites_on_conn(conn, cx).await?;
    let names: Vec<&str> = sites.iter().map(|site| site.name.as_str()).collect();
    let addresses = host_addresses_on_conn(conn, &names).await?;
    let states = store::host::list(conn).await?;
    let said = store::agent::list(conn).await?;
    let row = |site: &crate::compute::model::HostSite| {
        let state = states.iter().find(|state| state.host == site.name);
        let trouble = state.and_then(|state| state.trouble.clone());
        let is_behind = state.is_some_and(|state| state.applied < state.wanted);
        let told = "it is being told".to_owned();
        let off = said.iter().any(|said| {
            said.host == site.name && said.kind == AgentKind::Router && !said.admin_state_up
        });
        HostRow {
            up: site.up,
            address: addresses.get(&site.name).copied(),
            physical: site.physical_networks.clone(),
            routes: !off,
            behind: is_behind.then(|| trouble.clone().unwrap_or(told)),
            left_out: match (is_behind, trouble) {
                (false, Some(trouble)) => trouble.split("; ").map(str::to_owned).collect(),
                _ => Vec::new(),
            },
        }
    };
    Ok(sites
        .iter()
        .map(|site| (site.name.clone(), row(site)))
        .collect())
}
