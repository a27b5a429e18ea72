//! Many servers change hosts: accept → host → moves.
//!
//! Each move is an operation of its own, with its own undo; this one begins them, so many at a time, and looks at what
//! becomes of them. It rests in between and holds nothing, so that any process goes on with it. What fails is tried once
//! more and then told; the rest goes on. Undoing it means to begin nothing more, to break off what is under way, and to say
//! of the host what was said before; servers that have moved stay where they are, and a `return` brings them back.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::compute::model::{
    MigrationKind, MigrationQuery, MigrationWish, Move, MoveState, MovesGoal, Server, VmState,
};
use crate::compute::ops::{self, HostDecision, LiveMigrationWish};
use crate::compute::store;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{OperationId, Time};
use crate::saga::{
    Flow, Operation, Saga, Status, Step, StepContext, StepResult, operation_show, report,
};

/// Microseconds between looks at what is under way.
const LOOK_AGAIN: i64 = 500_000;
/// How often one move is begun.
const TRIES: u32 = 2;

/// The saga.
#[derive(Serialize, Deserialize)]
pub struct ServerMoves {
    goal: MovesGoal,
    host: Option<String>,
    /// Whether the host took servers before.
    was_enabled: Option<bool>,
    at_once: u32,
    moves: Vec<Move>,
}

impl ServerMoves {
    /// These moves, so many at a time.
    pub fn new(
        goal: MovesGoal,
        host: Option<&str>,
        was_enabled: Option<bool>,
        at_once: u32,
        moves: Vec<Move>,
    ) -> Self {
        let mut moves = moves;
        for one in &mut moves {
            // Where a drain sends them is chosen when their turn comes.
            if matches!(goal, MovesGoal::Drain | MovesGoal::Evacuate) {
                one.to = None;
            }
            if !one.state.is_settled() {
                one.reason = None;
            }
        }
        Self {
            goal,
            host: host.map(str::to_owned),
            was_enabled,
            at_once,
            moves,
        }
    }

    /// How many at a time and which moves such an operation makes; nothing, if a later version wrote it.
    pub fn told(operation: &Operation) -> (u32, Vec<Move>) {
        serde_json::from_str::<Self>(&operation.state)
            .map_or((1, Vec::new()), |state| (state.at_once, state.moves))
    }

    fn count(&self, states: &[MoveState]) -> usize {
        self.moves
            .iter()
            .filter(|one| states.contains(&one.state))
            .count()
    }
}

impl Saga for ServerMoves {
    const KIND: &'static str = "server_moves";
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            // What is said of the host was said when this was asked for.
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(host_as_before),
            Step::new("host", host),
            Step::new("moves", moves).undo(break_off),
        ]
    }
}

/// Says of the host what the goal says; it was said when this was asked for, unless the process died just then.
fn host<'a>(cx: &'a StepContext, s: &'a mut ServerMoves) -> BoxFuture<'a, StepResult> {
    async move {
        if let (Some(host), Some(decision)) = (&s.host, ops::moves_decision(s.goal)) {
            ops::host_update(cx, host, &decision).await?;
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn host_as_before<'a>(cx: &'a StepContext, s: &'a mut ServerMoves) -> BoxFuture<'a, StepResult> {
    async move {
        if let (Some(host), Some(enabled)) = (&s.host, s.was_enabled) {
            let decision = HostDecision {
                enabled: Some(enabled),
                ..HostDecision::default()
            };
            match ops::host_update(cx, host, &decision).await {
                Err(Error::NotFound { .. }) => {}
                done => drop(done?),
            }
        }
        Ok(Flow::Next)
    }
    .boxed()
}

fn moves<'a>(cx: &'a StepContext, s: &'a mut ServerMoves) -> BoxFuture<'a, StepResult> {
    async move {
        let mut conn = cx.db.read().await?;
        let paused = store::moves::show(&mut conn, cx.operation)
            .await?
            .is_some_and(|run| run.paused);
        drop(conn);
        if s.goal == MovesGoal::Drain {
            newcomers(cx, s).await?;
        }
        let goal = s.goal;
        for one in &mut s.moves {
            look(cx, goal, one).await?;
        }
        let mut free = (s.at_once as usize).saturating_sub(s.count(&[MoveState::Moving]));
        for one in &mut s.moves {
            if !paused && free > 0 && one.state == MoveState::Waiting {
                begin(cx, goal, one).await?;
                free -= usize::from(one.state == MoveState::Moving);
            }
        }
        let settled = s.moves.iter().filter(|one| one.state.is_settled()).count();
        let (done, total) = (settled as u64, s.moves.len() as u64);
        report(
            cx.cloud(),
            cx.operation,
            "servers moved",
            done,
            Some(total),
            "servers",
        )
        .await?;
        if done == total {
            return Ok(Flow::Next);
        }
        Ok(Flow::Park(Time(Time::now().0.saturating_add(LOOK_AGAIN))))
    }
    .boxed()
}

/// Servers whose launch on the host was under way when the drain began.
async fn newcomers(cx: &Context, s: &mut ServerMoves) -> Result<()> {
    let Some(host) = &s.host else { return Ok(()) };
    for found in ops::moves_drain(cx, host).await? {
        let known = s.moves.iter().any(|one| one.server == found.server);
        if !known {
            s.moves.push(found);
        }
    }
    Ok(())
}

/// What has become of a move that was begun.
async fn look(cx: &Context, goal: MovesGoal, one: &mut Move) -> Result<()> {
    let (MoveState::Moving, Some(id)) = (one.state, one.operation) else {
        return Ok(());
    };
    let operation = match operation_show(cx, id).await {
        Err(Error::NotFound { .. }) => None,
        found => Some(found?),
    };
    match operation.map(|operation| (operation.status, operation.error)) {
        Some((status, _)) if !status.is_finished() && status != Status::Stuck => {}
        Some((Status::Done, _)) => {
            one.state = MoveState::Moved;
            let mut conn = cx.db.read().await?;
            let server = store::server::show(&mut conn, one.server).await?;
            drop(conn);
            one.to = server.and_then(|server| server.host);
            home(cx, goal, one).await?;
        }
        Some((_, error)) => {
            one.reason = error.map(|error| error.message);
            failed(one);
        }
        None => failed(one),
    }
    Ok(())
}

fn failed(one: &mut Move) {
    one.operation = None;
    one.state = if one.tries < TRIES {
        MoveState::Waiting
    } else {
        MoveState::Failed
    };
}

/// Begins a move whose turn has come. A server that something is done to has its turn later.
async fn begin(cx: &Context, goal: MovesGoal, one: &mut Move) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let server = store::server::show(&mut conn, one.server).await?;
    drop(conn);
    let Some(server) = server.filter(|server| server.deleted_at.is_none()) else {
        (one.state, one.reason) = (MoveState::Stays, Some("it is deleted".into()));
        return Ok(());
    };
    if server.host.as_ref() != Some(&one.from) {
        let is_there = one.to.is_some() && server.host == one.to;
        // An earlier run of this step began the move and died before it was written down.
        if is_there || matches!(goal, MovesGoal::Drain | MovesGoal::Evacuate) {
            one.state = MoveState::Moved;
            one.to = server.host;
            return home(cx, goal, one).await;
        }
        (one.state, one.reason) = (
            MoveState::Stays,
            Some(format!("it is not on {} any more", one.from)),
        );
        return Ok(());
    }
    if let Some(begun) = under_way(cx, goal, &server).await? {
        (one.state, one.operation) = (MoveState::Moving, Some(begun));
        return Ok(());
    }
    let dead = goal == MovesGoal::Evacuate;
    // What is done to a server of a dead host is not waited for.
    if !dead && (server.task_state.is_some() || server.vm_state == VmState::Building) {
        return Ok(());
    }
    one.tries += 1;
    let begun = match server.vm_state {
        _ if dead => ops::server_evacuate(cx, one.server, None).await,
        VmState::Active | VmState::Paused => {
            let wish = LiveMigrationWish {
                host: one.to.clone(),
                ..LiveMigrationWish::default()
            };
            ops::server_migrate_live(cx, one.server, wish).await
        }
        VmState::Stopped => ops::server_migrate(cx, one.server, one.to.clone(), false).await,
        other => {
            (one.state, one.reason) = (MoveState::Stays, Some(format!("it is {other}")));
            return Ok(());
        }
    };
    match begun {
        Ok(operation) => {
            (one.state, one.operation) = (MoveState::Moving, Some(operation));
        }
        Err(Error::Unavailable(_)) => one.tries -= 1,
        Err(error) if error.status() < 500 => {
            one.reason = Some(error.to_string());
            failed(one);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Notes where a server comes from, or that it is home again.
async fn home(cx: &Context, goal: MovesGoal, one: &Move) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    match goal {
        MovesGoal::Drain => store::moves::leave_home(&mut tx, one.server, &one.from).await?,
        MovesGoal::Return => drop(store::moves::forget_home(&mut tx, one.server).await?),
        MovesGoal::Spread | MovesGoal::Condense | MovesGoal::Evacuate | MovesGoal::Back => {}
    }
    tx.commit().await?;
    Ok(())
}

/// The operation that moves the server already, if one does. Of a dead host nothing but an evacuation does.
async fn under_way(cx: &Context, goal: MovesGoal, server: &Server) -> Result<Option<OperationId>> {
    let query = MigrationQuery {
        server: Some(server.id),
        limit: 1,
        ..MigrationQuery::default()
    };
    let newest = ops::migration_list(cx, query).await?;
    Ok(newest
        .into_iter()
        .filter(|found| found.status.is_under_way())
        .find(|found| goal != MovesGoal::Evacuate || found.kind == MigrationKind::Evacuation)
        .map(|found| found.operation))
}

/// Breaks off what is under way, and waits until it has ended.
fn break_off<'a>(cx: &'a StepContext, s: &'a mut ServerMoves) -> BoxFuture<'a, StepResult> {
    async move {
        let goal = s.goal;
        for one in &mut s.moves {
            // One that was begun and not written down is found by its server.
            if one.state == MoveState::Waiting {
                let mut conn = cx.db.read().await?;
                let server = store::server::show(&mut conn, one.server).await?;
                drop(conn);
                if let Some(server) = server
                    && let Some(begun) = under_way(cx, goal, &server).await?
                {
                    (one.state, one.operation) = (MoveState::Moving, Some(begun));
                }
            }
            look(cx, goal, one).await?;
            if one.state == MoveState::Waiting {
                one.state = MoveState::Stays;
                one.reason = Some("the run was aborted before its turn".into());
            }
            if one.state == MoveState::Moving {
                abort(cx, one).await?;
            }
        }
        if s.count(&[MoveState::Moving]) > 0 {
            return Ok(Flow::Park(Time(Time::now().0.saturating_add(LOOK_AGAIN))));
        }
        Ok(Flow::Next)
    }
    .boxed()
}

async fn abort(cx: &Context, one: &Move) -> Result<()> {
    let query = MigrationQuery {
        server: Some(one.server),
        limit: 1,
        ..MigrationQuery::default()
    };
    for found in ops::migration_list(cx, query).await? {
        if Some(found.operation) == one.operation && found.wish.is_none() {
            let wished =
                ops::server_migration_wish(cx, one.server, found.id, MigrationWish::Abort).await;
            match wished {
                // It is past that.
                Err(error) if error.status() < 500 => {}
                done => done?,
            }
        }
    }
    Ok(())
}
