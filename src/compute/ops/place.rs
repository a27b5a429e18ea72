//! Finding a host for a server and claiming its place there.
//!
//! Hosts are read and weighed outside of any transaction; then the best host's claim is tried, then the alternates'. When
//! all of them were lost to others meanwhile, hosts are read anew. The claim decides, so what was read may be stale.

use std::collections::{BTreeMap, HashMap};

use super::claim::{ClaimOutcome, claim_on_conn};
use super::decision::decision_record_on_conn;
use super::host_list::{host_rooms_on_conn, hosts_are_heard, scheduler_rules};
use crate::compute::model::{
    Claim, Consumer, FlavorQuery, PlaceWish, Resources, metadata_of_host, zone_of_host,
};
use crate::compute::scheduler::{
    Decision, FlavorSize, Group, Held, HostState, Request, Rules, Selection, explain, select,
};
use crate::compute::store;
use crate::compute::{Mark, Pick};
use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::ids::{ImageId, NetworkId, OperationId, ProjectId, ServerGroupId, ServerId};
use crate::network::ops::physical_networks_on_conn;

/// Times that hosts are read anew because everything that was chosen was lost to others.
const ROUNDS: usize = 5;
/// Hosts that are tried by their claim before hosts are read anew.
const ALTERNATES: usize = 4;
/// Hosts explained in a decision that found one, and in one that did not: as many that fit, and as many that do not.
const EXPLAINED: usize = 10;
const EXPLAINED_FAILURE: usize = 100;

/// A wish for a place.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// In whose name it is claimed: the server's at a launch, the operation's at a resize or migration.
    pub consumer: Consumer,
    /// The server.
    pub server: ServerId,
    /// The operation that asks, for the record.
    pub operation: Option<OperationId>,
    /// How much it needs in all.
    pub resources: Resources,
    /// Its project.
    pub project: Option<ProjectId>,
    /// Name of its flavor.
    pub flavor: String,
    /// Its image.
    pub image: Option<ImageId>,
    /// Extra specs of its flavor.
    pub extra_specs: BTreeMap<String, String>,
    /// Properties of its image.
    pub image_properties: BTreeMap<String, String>,
    /// Networks of the ports that it will have; those that it has count without being named.
    pub networks: Vec<NetworkId>,
    /// Where its owner wants it.
    pub wish: PlaceWish,
    /// Only this host.
    pub host: Option<String>,
    /// This host, if it is fit at all, whatever the others weigh.
    pub prefers: Option<String>,
    /// Not these hosts.
    pub excluded: Vec<String>,
    /// The group that it will be in; one that it is in already counts without being named.
    pub group: Option<ServerGroupId>,
}

impl PlaceOrder {
    /// A wish for `resources` and nothing more.
    pub fn new(consumer: Consumer, server: ServerId, resources: Resources) -> Self {
        Self {
            consumer,
            server,
            operation: None,
            resources,
            project: None,
            flavor: String::new(),
            image: None,
            extra_specs: BTreeMap::new(),
            image_properties: BTreeMap::new(),
            networks: Vec::new(),
            wish: PlaceWish::default(),
            host: None,
            prefers: None,
            excluded: Vec::new(),
            group: None,
        }
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The host that was claimed; `None` if no host has room, which [`Decision::failure`] explains.
    pub host: Option<String>,
    /// Why. Empty of hosts when the claim was there before (a step that runs again).
    pub decision: Decision,
}

/// Chooses a host and claims it. Success without a host is a decision, too. A consumer that has a claim keeps it: safe to
/// repeat. The decision is recorded in the transaction of the claim. `Unavailable` while hosts have yet to report after a
/// start of this process.
///
/// Must not be called while a transaction is open.
pub async fn place(cx: &Context, order: &PlaceOrder) -> Result<Placement> {
    let rules = scheduler_rules(cx)?;
    for _ in 0..ROUNDS {
        let mut conn = cx.db.read().await?;
        if let Some(claim) = store::claim::find(&mut conn, order.consumer).await? {
            return Ok(Placement {
                decision: Decision {
                    chosen: Some(claim.host.clone()),
                    ..Decision::default()
                },
                host: Some(claim.host),
            });
        }
        let read = cx.picks.mark();
        let mut hosts = host_states(cx, &mut conn).await?;
        let mut request = request(&mut conn, order, &HashMap::new()).await?;
        drop(conn);
        // Counts for those who choose after this, until it is claimed.
        let (selection, _pick) = choose(cx, read, &rules, &request, &mut hosts);
        if selection.chosen().is_none() {
            if reports_are_due(cx, &hosts) {
                return Err(crate::error::Error::Unavailable(
                    "no host fits yet, but not all hosts have reported since this control process began to hear them; waiting for them".into(),
                ));
            }
            return refuse(cx, order, &rules, &mut request, &hosts, &selection).await;
        }
        if let Some(placement) = claim_one(cx, order, &rules, &request, &hosts, &selection).await? {
            return Ok(placement);
        }
        tracing::debug!(server = %order.server, "all chosen hosts were lost to others; choosing anew");
    }
    Err(crate::error::Error::Unavailable(format!(
        "every host chosen for server {} was taken by others meanwhile; try again",
        order.server
    )))
}

/// Chooses with what others of this process have chosen before its eyes; without, if that leaves no host. Others wait
/// meanwhile, so nothing is copied: hosts are as they were afterwards.
fn choose(
    cx: &Context,
    read: Mark,
    rules: &Rules,
    request: &Request,
    hosts: &mut [HostState],
) -> (Selection, Option<Pick>) {
    cx.picks.choose(read, |others| {
        let mut selection = Selection::default();
        if !others.is_empty() {
            let mut read = Vec::with_capacity(others.len());
            for (at, host) in hosts.iter_mut().enumerate() {
                if let Some((resources, servers)) = others.get(&host.name) {
                    read.push((at, host.used, host.servers));
                    host.used = host.used.plus(*resources);
                    host.servers += servers;
                }
            }
            selection = select(rules, request, hosts, ALTERNATES);
            for (at, used, servers) in read {
                (hosts[at].used, hosts[at].servers) = (used, servers);
            }
        }
        if selection.chosen().is_none() {
            selection = select(rules, request, hosts, ALTERNATES);
        }
        let taken = selection.chosen().map(|at| {
            let name = hosts[at].name.clone();
            let needed = request.needed_on(&name);
            (name, needed)
        });
        (selection, taken)
    })
}

/// What [`place`] would do now for each of these, one after another, each after those before it. Nothing is claimed or
/// recorded.
pub async fn place_plans(cx: &Context, orders: &[PlaceOrder]) -> Result<Vec<Decision>> {
    let rules = scheduler_rules(cx)?;
    let mut conn = cx.db.read().await?;
    let mut hosts = host_states(cx, &mut conn).await?;
    let mut decisions = Vec::with_capacity(orders.len());
    let mut moved = HashMap::new();
    for order in orders {
        let request = request(&mut conn, order, &moved).await?;
        let selection = select(&rules, &request, &hosts, EXPLAINED);
        decisions.push(explain(
            &rules, &request, &hosts, &selection, ALTERNATES, EXPLAINED,
        ));
        if let Some(at) = selection.chosen() {
            let needed = request.needed_on(&hosts[at].name);
            hosts[at].used = hosts[at].used.plus(needed);
            hosts[at].servers += 1;
            // What it had where it is, is left to those after it.
            if let Some(held) = &request.held
                && let Some(from) = hosts.iter_mut().find(|host| host.name == held.host)
            {
                from.used = from.used.minus(held.resources);
                from.servers = from.servers.saturating_sub(1);
            }
            moved.insert(order.server, hosts[at].name.clone());
        }
    }
    Ok(decisions)
}

/// What [`place`] would do now. Nothing is claimed or recorded.
pub async fn place_plan(cx: &Context, order: &PlaceOrder) -> Result<Decision> {
    let rules = scheduler_rules(cx)?;
    let mut conn = cx.db.read().await?;
    let hosts = host_states(cx, &mut conn).await?;
    let mut request = request(&mut conn, order, &HashMap::new()).await?;
    let selection = select(&rules, &request, &hosts, EXPLAINED_FAILURE);
    if selection.chosen().is_none() {
        request.flavors = flavor_sizes(cx, &mut conn).await?;
    }
    let limit = EXPLAINED_FAILURE;
    Ok(explain(
        &rules, &request, &hosts, &selection, ALTERNATES, limit,
    ))
}

/// Whether hosts may merely not have been heard of yet: a control process that has just started, or whose broker has just
/// come back, knows of them what the database says, which is old. What was resumed must not fail for that.
fn reports_are_due(cx: &Context, hosts: &[HostState]) -> bool {
    !hosts_are_heard(cx)
        && (hosts.is_empty() || hosts.iter().any(|host| !host.up && !host.forced_down))
}

/// Tries the claims of the best hosts, best first.
async fn claim_one(
    cx: &Context,
    order: &PlaceOrder,
    rules: &Rules,
    request: &Request,
    hosts: &[HostState],
    selection: &Selection,
) -> Result<Option<Placement>> {
    for (rank, &at) in selection.ranked.iter().take(ALTERNATES).enumerate() {
        let host = &hosts[at];
        let needed = request.needed_on(&host.name);
        let mut tx = cx.db.begin().await?;
        // A server is in a group from its launch on, or never.
        if request.group.is_some() && !group_allows_on_conn(&mut tx, order, &host.name).await? {
            continue;
        }
        let outcome = claim_on_conn(
            &mut tx,
            cx,
            order.consumer,
            order.server,
            &host.name,
            needed,
        )
        .await?;
        if let ClaimOutcome::Short { .. } = outcome {
            continue;
        }
        // Those before this one were lost: the record shows what was left to choose from.
        let left = Selection {
            ranked: selection.ranked[rank..].to_vec(),
            weights: selection.weights[rank..].to_vec(),
            ..selection.clone()
        };
        let decision = explain(rules, request, hosts, &left, ALTERNATES, EXPLAINED);
        decision_record_on_conn(&mut tx, order.server, order.operation, &decision).await?;
        tx.commit().await?;
        return Ok(Some(Placement {
            host: Some(host.name.clone()),
            decision,
        }));
    }
    Ok(None)
}

/// Whether the server's group lets it be on this host, as its members are now: others may have been placed since hosts were
/// chosen. Whoever else places a member of the group waits until this transaction ends.
async fn group_allows_on_conn(conn: &mut Conn, order: &PlaceOrder, host: &str) -> Result<bool> {
    if let Some(id) = group_id(conn, order).await? {
        store::server_group::lock(conn, id).await?;
    }
    let group = group_of(conn, order, &HashMap::new()).await?;
    Ok(group.is_none_or(|group| group.allows(host)))
}

/// Records that no host was found, with what would help.
async fn refuse(
    cx: &Context,
    order: &PlaceOrder,
    rules: &Rules,
    request: &mut Request,
    hosts: &[HostState],
    none: &Selection,
) -> Result<Placement> {
    let mut tx = cx.db.begin().await?;
    request.flavors = flavor_sizes(cx, &mut tx).await?;
    let decision = explain(rules, request, hosts, none, 0, EXPLAINED_FAILURE);
    decision_record_on_conn(&mut tx, order.server, order.operation, &decision).await?;
    tx.commit().await?;
    Ok(Placement {
        host: None,
        decision,
    })
}

/// All hosts as the scheduler sees them.
async fn host_states(cx: &Context, conn: &mut Conn) -> Result<Vec<HostState>> {
    let rooms = host_rooms_on_conn(conn, cx).await?;
    let aggregates = store::aggregate::list(conn).await?;
    Ok(rooms
        .into_iter()
        .map(|room| HostState {
            zone: zone_of_host(&aggregates, &room.host.name).to_owned(),
            aggregate_metadata: metadata_of_host(&aggregates, &room.host.name),
            isolation_waived: false,
            capacity: room.capacity,
            used: room.used,
            servers: room.servers,
            io_ops: room.io_ops,
            name: room.host.name,
            up: room.host.up,
            forced_down: room.host.forced_down,
            trouble: room.host.trouble,
            enabled: room.host.enabled,
            disabled_reason: room.host.disabled_reason,
            arch: room.host.arch,
            hypervisor_type: room.host.hypervisor_type,
            hypervisor_version: room.host.hypervisor_version,
            cpu_model: room.host.cpu_model,
            cpu_features: room.host.cpu_features,
            total: room.host.total,
            failures: room.host.failures,
            address: room.host.address,
            physical_networks: room.host.physical_networks,
            metrics: room.host.metrics,
        })
        .collect())
}

/// Servers that count as being on another host than they are.
type Moved = HashMap<ServerId, String>;

/// The order with servers turned into the hosts they are on.
async fn request(conn: &mut Conn, order: &PlaceOrder, moved: &Moved) -> Result<Request> {
    let held = match order.consumer {
        Consumer::Server(_) => None,
        Consumer::Operation(_) => store::claim::find(conn, Consumer::Server(order.server))
            .await?
            .map(|claim| Held {
                host: claim.host,
                resources: claim.resources,
            }),
    };
    let group = group_of(conn, order, moved).await?;
    let wish = &order.wish;
    let same_host = if wish.same_host.is_empty() {
        None
    } else {
        let hosts = hosts_of(conn, &wish.same_host, moved).await?;
        Some(hosts.into_iter().collect())
    };
    let different_host = hosts_of(conn, &wish.different_host, moved).await?;
    let physical_networks = physical_networks_on_conn(conn, order.server, &order.networks).await?;
    let (high, low) = order.server.uuid().as_u64_pair();
    Ok(Request {
        resources: order.resources,
        project: order.project,
        flavor: order.flavor.clone(),
        image: order.image,
        extra_specs: order.extra_specs.clone(),
        image_properties: order.image_properties.clone(),
        availability_zone: wish.availability_zone.clone(),
        host: order.host.clone(),
        prefers: order.prefers.clone(),
        excluded: order.excluded.clone(),
        same_host,
        different_host: different_host.into_iter().collect(),
        group,
        query: wish.query.clone(),
        physical_networks,
        near: wish.near,
        held,
        seed: high ^ low,
        flavors: Vec::new(),
    })
}

/// The group that the server is in, or will be.
async fn group_id(conn: &mut Conn, order: &PlaceOrder) -> Result<Option<ServerGroupId>> {
    Ok(match order.group {
        Some(id) => Some(id),
        None => store::server_group::of_server(conn, order.server).await?,
    })
}

/// That group with the hosts of its other members.
async fn group_of(conn: &mut Conn, order: &PlaceOrder, moved: &Moved) -> Result<Option<Group>> {
    let Some(id) = group_id(conn, order).await? else {
        return Ok(None);
    };
    let Some(mut group) = store::server_group::show(conn, id).await? else {
        return Ok(None);
    };
    group.members.retain(|member| *member != order.server);
    Ok(Some(Group {
        affinity: group.policy,
        hosts: Group::count(hosts_of(conn, &group.members, moved).await?),
        max_per_host: group.max_per_host,
    }))
}

/// The host of each of these servers that has one.
async fn hosts_of(conn: &mut Conn, servers: &[ServerId], moved: &Moved) -> Result<Vec<String>> {
    if servers.is_empty() {
        return Ok(Vec::new());
    }
    let claims = store::claim::of_servers(conn, servers).await?;
    let host = |claim: Claim| moved.get(&claim.server).cloned().unwrap_or(claim.host);
    Ok(claims.into_iter().map(host).collect())
}

/// Flavors that the actor may use, for a suggestion.
async fn flavor_sizes(cx: &Context, conn: &mut Conn) -> Result<Vec<FlavorSize>> {
    let query = FlavorQuery {
        project: cx.actor.project.as_ref().map(|scope| scope.id),
        is_public: cx.actor.project.is_none().then_some(true),
        ..FlavorQuery::default()
    };
    let flavors = store::flavor::list(conn, &query).await?;
    Ok(flavors
        .into_iter()
        .map(|flavor| FlavorSize {
            resources: flavor.resources(true, 0),
            name: flavor.name,
            extra_specs: flavor.extra_specs,
        })
        .collect())
}
