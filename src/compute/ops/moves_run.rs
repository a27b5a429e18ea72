//! Runs of many moves: begun, looked at, paused, and gone on with.

use super::host_update::{HostDecision, host_update};
use super::moves_plan::moves_plan;
use crate::compute::model::{Move, MoveState, MovesGoal};
use crate::compute::ops::host_show;
use crate::compute::sagas::ServerMoves;
use crate::compute::store;
use crate::compute::store::moves::Run;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{OperationId, Time};
use crate::saga::{Busy, Operation, Target, operation_show, start_on_conn};

/// Runs that are shown.
const SHOWN: i64 = 50;
/// Most moves at a time.
pub const MOST_AT_ONCE: u32 = 16;
/// What a rebalancing locks.
const ALL_HOSTS: &str = "all hosts";

/// A run, and where its moves are.
#[derive(Clone, Debug)]
pub struct MovesRun {
    /// The operation that does it.
    pub operation: Operation,
    /// What for.
    pub goal: MovesGoal,
    /// The host it is about, if it is about one.
    pub host: Option<String>,
    /// Whether nothing new is begun.
    pub paused: bool,
    /// How many of them are made at a time.
    pub at_once: u32,
    /// Its moves in order.
    pub moves: Vec<Move>,
}

/// Begins moves, `at_once` of them at a time. A drain disables the host first, so that nothing new comes; a return enables
/// it.
pub async fn moves_run(
    cx: &Context,
    goal: MovesGoal,
    host: Option<&str>,
    at_once: u32,
) -> Result<OperationId> {
    let plan = moves_plan(cx, goal, host).await?;
    moves_start(cx, goal, host, at_once, plan.moves).await
}

/// Begins exactly these moves.
pub(super) async fn moves_start(
    cx: &Context,
    goal: MovesGoal,
    host: Option<&str>,
    at_once: u32,
    moves: Vec<Move>,
) -> Result<OperationId> {
    if !(1..=MOST_AT_ONCE).contains(&at_once) {
        return Err(Error::invalid(
            "at_once",
            format!("1 to {MOST_AT_ONCE} moves can be made at a time"),
        ));
    }
    let enabled = match host {
        Some(host) => Some(host_show(cx, host).await?.enabled),
        None => None,
    };
    let saga = ServerMoves::new(goal, host, enabled, at_once, moves);
    let target = Target {
        kind: "host",
        id: host.unwrap_or(ALL_HOSTS),
        name: host.unwrap_or(ALL_HOSTS),
        host,
        project: None,
    };
    let mut tx = cx.db.begin().await?;
    let operation = start_on_conn(&mut tx, cx, &saga, target, Busy::Refuse).await?;
    let run = Run {
        operation,
        goal,
        host: host.map(str::to_owned),
        paused: false,
        created_at: Time::now(),
    };
    store::moves::insert(&mut tx, &run).await?;
    tx.commit().await?;
    if let (Some(host), Some(decision)) = (host, decision(goal)) {
        host_update(cx, host, &decision).await?;
    }
    cx.sagas.kick(operation);
    Ok(operation)
}

/// What a run says of its host at its beginning; said again by the operation, should this process die before it is said.
pub(in crate::compute) fn decision(goal: MovesGoal) -> Option<HostDecision> {
    match goal {
        MovesGoal::Drain => Some(HostDecision {
            enabled: Some(false),
            disabled_reason: Some("maintenance".to_owned()),
            forced_down: None,
        }),
        MovesGoal::Return => Some(HostDecision {
            enabled: Some(true),
            ..HostDecision::default()
        }),
        MovesGoal::Spread | MovesGoal::Condense | MovesGoal::Evacuate | MovesGoal::Back => None,
    }
}

/// The newest runs.
pub async fn moves_list(cx: &Context) -> Result<Vec<MovesRun>> {
    let mut conn = cx.db.read().await?;
    let runs = store::moves::list(&mut conn, SHOWN).await?;
    drop(conn);
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        found.extend(of(cx, run).await?);
    }
    Ok(found)
}

/// One run.
pub async fn moves_show(cx: &Context, id: OperationId) -> Result<MovesRun> {
    let mut conn = cx.db.read().await?;
    let run = store::moves::show(&mut conn, id).await?;
    drop(conn);
    let found = match run {
        Some(run) => of(cx, run).await?,
        None => None,
    };
    found.ok_or_else(|| Error::not_found("run of moves", id))
}

/// A run whose operation is not forgotten yet.
async fn of(cx: &Context, run: Run) -> Result<Option<MovesRun>> {
    let operation = match operation_show(cx, run.operation).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    let (at_once, moves) = ServerMoves::told(&operation);
    Ok(Some(MovesRun {
        at_once,
        moves,
        operation,
        goal: run.goal,
        host: run.host,
        paused: run.paused,
    }))
}

/// Lets a run begin nothing new, or go on.
pub async fn moves_pause(cx: &Context, id: OperationId, paused: bool) -> Result<()> {
    let run = moves_show(cx, id).await?;
    if run.operation.status.is_finished() {
        return Err(Error::conflict(format!(
            "the {} is {} and can not be paused or resumed",
            run.goal, run.operation.status
        )));
    }
    let mut tx = cx.db.begin().await?;
    store::moves::pause(&mut tx, id, paused).await?;
    tx.commit().await?;
    cx.sagas.kick(id);
    cx.events.changed("operation", id, None, Change::Updated);
    Ok(())
}

/// Begins anew what failed in a run that has ended, as many at a time as there.
pub async fn moves_retry(cx: &Context, id: OperationId) -> Result<OperationId> {
    let run = moves_show(cx, id).await?;
    let at_once = run.at_once;
    if !run.operation.status.is_finished() {
        return Err(Error::conflict(format!("the {} is not over yet", run.goal)));
    }
    if run.moves.iter().all(|one| one.state != MoveState::Failed) {
        return Err(Error::conflict(format!(
            "nothing of the {} failed",
            run.goal
        )));
    }
    if run.goal == MovesGoal::Back {
        // There is no plan to make anew: these servers, to these hosts.
        let mut moves = run.moves;
        moves.retain(|one| one.state == MoveState::Failed);
        for one in &mut moves {
            (one.state, one.tries, one.operation) = (MoveState::Waiting, 0, None);
        }
        return moves_start(cx, run.goal, None, at_once, moves).await;
    }
    moves_run(cx, run.goal, run.host.as_deref(), at_once).await
}
