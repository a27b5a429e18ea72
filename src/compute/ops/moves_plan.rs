//! Which servers would move where, and what stands against it. Nothing is changed; the plan holds for the moment.

use std::collections::HashMap;

use super::host_list::check_fenced;
use super::place::{PlaceOrder, place_plans};
use super::server::move_order_on_conn;
use crate::compute::model::{
    Action, Consumer, LoadedHost, Move, MoveState, MovesGoal, Resources, Server, VmState, condense,
    spread,
};
use crate::compute::ops::{host_rooms, host_show};
use crate::compute::scheduler::Decision;
use crate::compute::store;
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::ids::{OperationId, ServerId};

/// What would be done.
#[derive(Clone, Debug, Default)]
pub struct MovesPlan {
    /// In this order.
    pub moves: Vec<Move>,
    /// For each move that needs a host and has none: why no host takes it.
    pub refusals: HashMap<ServerId, Decision>,
}

/// Plans moves. `host` is needed for a drain or return, and must be absent otherwise.
pub async fn moves_plan(cx: &Context, goal: MovesGoal, host: Option<&str>) -> Result<MovesPlan> {
    let mut plan = MovesPlan {
        moves: match (goal, host) {
            (MovesGoal::Drain, Some(host)) => {
                host_show(cx, host).await?;
                drain(cx, host).await?
            }
            (MovesGoal::Return, Some(host)) => {
                host_show(cx, host).await?;
                go_home(cx, host).await?
            }
            (MovesGoal::Evacuate, Some(host)) => {
                check_fenced(cx, host).await?;
                evacuate(cx, host).await?
            }
            (MovesGoal::Spread | MovesGoal::Condense, None) => balance(cx, goal).await?,
            (MovesGoal::Back, _) => {
                return Err(Error::invalid(
                    "goal",
                    "the way back is that of a run: roll that back",
                ));
            }
            (_, None) => {
                return Err(Error::invalid(
                    "host",
                    format!("{goal} is of one host; name it"),
                ));
            }
            (_, Some(_)) => {
                return Err(Error::invalid(
                    "host",
                    format!("{goal} is of all hosts; name none"),
                ));
            }
        },
        refusals: HashMap::new(),
    };
    choose(cx, &mut plan).await?;
    Ok(plan)
}

/// Fills in where the scheduler would send each, one after another.
async fn choose(cx: &Context, plan: &mut MovesPlan) -> Result<()> {
    let mut orders = Vec::new();
    let mut conn = cx.db.read().await?;
    for one in plan.moves.iter().filter(|one| !one.state.is_settled()) {
        let Some(server) = store::server::show(&mut conn, one.server).await? else {
            continue;
        };
        let resources = claimed(&mut conn, one.server).await?;
        // In the name of an operation that will never be: what it has where it is does not count there.
        let consumer = Consumer::Operation(OperationId::new());
        orders.push(PlaceOrder {
            host: one.to.clone(),
            excluded: vec![one.from.clone()],
            ..move_order_on_conn(&mut conn, &server, consumer, resources).await?
        });
    }
    drop(conn);
    let decisions = place_plans(cx, &orders).await?;
    for (order, decision) in orders.iter().zip(decisions) {
        let Some(one) = plan.moves.iter_mut().find(|one| one.server == order.server) else {
            continue;
        };
        match decision.chosen.clone() {
            Some(host) => one.to = Some(host),
            None => {
                one.reason = Some(decision.failure());
                plan.refusals.insert(order.server, decision);
            }
        }
    }
    Ok(())
}

async fn claimed(conn: &mut Conn, server: ServerId) -> Result<Resources> {
    let claim = store::claim::find(conn, Consumer::Server(server)).await?;
    Ok(claim.map(|claim| claim.resources).unwrap_or_default())
}

/// The servers of a host that leave it while it lives.
pub(in crate::compute) async fn drain(cx: &Context, host: &str) -> Result<Vec<Move>> {
    let servers = servers_of(cx, host).await?;
    let leaves = |server| leaving(server, host, None, why_it_stays(server));
    Ok(servers.iter().map(leaves).collect())
}

/// The servers of a dead host. What is done to them there will not end.
async fn evacuate(cx: &Context, host: &str) -> Result<Vec<Move>> {
    let servers = servers_of(cx, host).await?;
    let leaves = |server: &Server| {
        let refusal = server.check(Action::Evacuate, true).err();
        let stays = refusal.map(|refusal| refusal.message(Action::Evacuate, server.id));
        leaving(server, host, None, stays)
    };
    Ok(servers.iter().map(leaves).collect())
}

/// The servers of a host, those with the most memory first: they are the hardest to place.
async fn servers_of(cx: &Context, host: &str) -> Result<Vec<Server>> {
    let mut conn = cx.db.read().await?;
    let mut servers = Vec::new();
    for brief in store::server::briefs_on_host(&mut conn, host).await? {
        servers.extend(store::server::show(&mut conn, brief.id).await?);
    }
    servers.sort_by(|a, b| {
        b.flavor
            .memory_mb
            .cmp(&a.flavor.memory_mb)
            .then(a.id.cmp(&b.id))
    });
    Ok(servers)
}

/// A server that should leave a host, or stays for this reason.
fn leaving(server: &Server, from: &str, to: Option<String>, stays: Option<String>) -> Move {
    Move {
        server: server.id,
        name: server.name.clone(),
        from: from.to_owned(),
        to,
        state: if stays.is_some() {
            MoveState::Stays
        } else {
            MoveState::Waiting
        },
        operation: None,
        tries: 0,
        reason: stays,
    }
}

/// Why a server is not moved at all; one that something is done to is waited for.
fn why_it_stays(server: &Server) -> Option<String> {
    match server.vm_state {
        VmState::Active | VmState::Paused | VmState::Stopped | VmState::Building => None,
        VmState::Resized => Some("its resize waits to be confirmed or reverted".into()),
        VmState::Suspended => Some("its memory is saved on the host: resume it first".into()),
        VmState::Deleted => Some("it is deleted".into()),
        VmState::Error => Some("it is in error".into()),
    }
}

/// The servers that a drain took from a host and that are elsewhere.
async fn go_home(cx: &Context, host: &str) -> Result<Vec<Move>> {
    let mut conn = cx.db.read().await?;
    let mut moves = Vec::new();
    for id in store::moves::away_from(&mut conn, host).await? {
        let Some(server) = store::server::show(&mut conn, id).await? else {
            continue;
        };
        let Some(from) = server.host.clone().filter(|from| from != host) else {
            continue;
        };
        moves.push(leaving(
            &server,
            &from,
            Some(host.to_owned()),
            why_it_stays(&server),
        ));
    }
    Ok(moves)
}

async fn balance(cx: &Context, goal: MovesGoal) -> Result<Vec<Move>> {
    let rooms = host_rooms(cx).await?;
    let mut conn = cx.db.read().await?;
    let mut servers = HashMap::new();
    let mut hosts = Vec::new();
    for room in rooms
        .into_iter()
        .filter(|room| room.host.up && room.host.enabled && !room.host.forced_down)
    {
        let mut movable = Vec::new();
        for claim in store::claim::of_host(&mut conn, &room.host.name).await? {
            if claim.consumer != Consumer::Server(claim.server) {
                continue;
            }
            if let Some(server) = store::server::show(&mut conn, claim.server).await?
                && why_it_stays(&server).is_none()
                && server.task_state.is_none()
            {
                movable.push((claim.server, claim.resources));
                servers.insert(claim.server, server);
            }
        }
        hosts.push(LoadedHost {
            name: room.host.name,
            capacity: room.capacity,
            used: room.used,
            servers: movable,
        });
    }
    let wanted = if goal == MovesGoal::Spread {
        spread(hosts)
    } else {
        condense(hosts)
    };
    Ok(wanted
        .into_iter()
        .filter_map(|(id, from, to)| Some(leaving(servers.get(&id)?, &from, Some(to), None)))
        .collect())
}
