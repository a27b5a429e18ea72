//! Claims operations and moves them on, step by step.
//!
//! One task finds work (woken by [`Waker::kick`], by timers of parked operations, and once a second for what others left);
//! each claimed operation runs on a task of its own, a bounded number at a time. Between steps everything is in the
//! database; a task that ends for whatever reason leaves an operation that the next claim continues.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use rand::seq::SliceRandom;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::model::{Failure, Operation, OperationEvent, Status};
use super::registry::{Erased, Registry};
use super::step::{Flow, StepContext, StepError, StepResult};
use super::{lease, store};
use crate::bus::Turn;
use crate::context::{Actor, Change, Cloud, Context};
use crate::db::DbResult;
use crate::failpoint;
use crate::ids::{OperationId, Time};

/// Attempts at a step or undo that end without an answer before it counts as failed.
const ATTEMPTS: i64 = 12;
/// Longest pause between attempts, in seconds.
const LONGEST_PAUSE: i64 = 15;
/// Attempts that count while the broker is away; they are two seconds apart then.
const UNSTEADY: i64 = 2;
/// How often the engine looks for work that nobody told it of: with the lease, how long a dead process is waited for.
pub(super) const POLL: Duration = Duration::from_secs(1);

/// Direction of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Forward.
    Run,
    /// Backward.
    Undo,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Undo => "undo",
        }
    }
}

/// What a test wants of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it is.
    Normal,
    /// Run it twice, as after a crash between its effect and its record.
    Twice,
    /// Do not run it; it failed and left nothing behind.
    Fail,
    /// Run it, lose its answer and its state, and turn back, as when the process dies just then and somebody aborts before it
    /// is run again. A step past the point of no return, or one that decides about it, is run again instead.
    Abort,
    /// Run it and lose its answer and its state: what it did is unknown.
    Lose,
}

/// Decides about each step by kind, name and phase. Production has none.
pub type Chaos = Arc<dyn Fn(&str, &str, Phase) -> Verdict + Send + Sync>;

/// Tells the engine that there is work. Cheap to clone.
#[derive(Clone)]
pub struct Waker {
    kicks: mpsc::Sender<OperationId>,
    running: Arc<Mutex<HashMap<OperationId, CancellationToken>>>,
}

impl Waker {
    /// A waker, and the end that the engine listens to.
    pub fn new() -> (Self, mpsc::Receiver<OperationId>) {
        let (kicks, receiver) = mpsc::channel(1024);
        (
            Self {
                kicks,
                running: Arc::default(),
            },
            receiver,
        )
    }

    /// There may be something to do for this operation. When the queue is full the poll finds it.
    pub fn kick(&self, id: OperationId) {
        let _ = self.kicks.try_send(id);
    }

    /// This operation was asked to stop.
    pub fn abort(&self, id: OperationId) {
        if let Some(token) = self.lock().get(&id) {
            token.cancel();
        }
        self.kick(id);
    }

    /// Operations that this process works on at this moment.
    pub(crate) fn running(&self) -> Vec<OperationId> {
        self.lock().keys().copied().collect()
    }

    /// Notes that this process works on it; `None` if it does already. Ends with the guard, however the work ends.
    fn enter(&self, id: OperationId) -> Option<Running<'_>> {
        let abort = CancellationToken::new();
        match self.lock().entry(id) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(abort.clone());
                Some(Running {
                    waker: self,
                    id,
                    abort,
                })
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OperationId, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation that this process works on: its lease is renewed, and it can be told to stop.
struct Running<'a> {
    waker: &'a Waker,
    id: OperationId,
    abort: CancellationToken,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.waker.lock().remove(&self.id);
    }
}

/// The engine of one control process. Dropping it stops it after the steps that run now; what is open goes on elsewhere
/// or at the next start.
pub struct Engine {
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Shared {
    cloud: Arc<Cloud>,
    registry: Registry,
    chaos: Option<Chaos>,
    slots: Arc<Semaphore>,
    lease_us: i64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Engine {
    /// Starts to work on operations of the kinds in `registry`.
    pub async fn start(
        cloud: Arc<Cloud>,
        registry: Registry,
        kicks: mpsc::Receiver<OperationId>,
        chaos: Option<Chaos>,
    ) -> DbResult<Self> {
        let lease_us =
            (cloud.config.operations.lease_seconds.max(2) * 1_000_000).min(store::FARTHEST_US);
        if cloud.config.is_single() {
            let mut tx = cloud.db.begin().await?;
            let freed = store::release_all(&mut tx).await?;
            tx.commit().await?;
            if freed > 0 {
                tracing::info!(freed, "operations of an earlier run go on");
            }
        }
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Arc::new(Shared {
            slots: Arc::new(Semaphore::new(cloud.config.operations.concurrency.max(1))),
            cloud: cloud.clone(),
            registry,
            chaos,
            lease_us,
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(lease::keep(cloud, lease_us)),
        );
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(find_work(shared, kicks)),
        );
        Ok(Self { stop, tasks })
    }

    /// Stops taking work and waits until running steps have ended, at most `patience`.
    pub async fn shut_down(self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(patience, self.tasks.wait()).await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn find_work(shared: Arc<Shared>, mut kicks: mpsc::Receiver<OperationId>) {
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            kicked = kicks.recv() => match kicked {
                Some(id) => work_on(&shared, id).await,
                None => return,
            },
            _ = poll.tick() => {
                let found = async {
                    let mut conn = shared.cloud.db.read().await?;
                    store::claimable(&mut conn, &shared.cloud.db, 256).await
                };
                match found.await {
                    Ok(mut ids) => {
                        // Processes that try in the same order meet at each operation.
                        if !shared.cloud.config.is_single() {
                            ids.shuffle(&mut rand::rng());
                        }
                        for id in ids {
                            work_on(&shared, id).await;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "open operations could not be read"),
                }
            }
        }
    }
}

async fn work_on(shared: &Arc<Shared>, id: OperationId) {
    let Ok(slot) = shared.slots.clone().acquire_owned().await else {
        return;
    };
    let shared = shared.clone();
    shared.tasks.clone().spawn(async move {
        // A clock that jumps may make one's own lease look expired.
        if let Some(running) = shared.cloud.sagas.enter(id) {
            match claim(&shared, id).await {
                Ok(Some(operation)) => drive(&shared, operation, &running.abort).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, %id, "an operation could not be claimed"),
            }
        }
        drop(slot);
    });
}

/// Claims the operation and, if it waits for its resource, tries to take that.
async fn claim(shared: &Shared, id: OperationId) -> DbResult<Option<Operation>> {
    let cloud = &shared.cloud;
    let mut tx = cloud.db.begin().await?;
    let Some(mut operation) =
        store::claim(&mut tx, &cloud.db, id, cloud.process, shared.lease_us).await?
    else {
        return Ok(None);
    };
    let known = shared
        .registry
        .get(&operation.kind)
        .is_some_and(|saga| saga.version() == operation.version);
    let free = operation.status != Status::Pending
        || store::lock(&mut tx, &operation.resource_id, id).await?;
    if known && free {
        if operation.status == Status::Pending {
            operation.status = Status::Running;
        }
        tx.commit().await?;
        return Ok(Some(operation));
    }
    // Not ours to run, or not yet: give it back for a second.
    let write = store::Write {
        operation: &operation,
        owner: cloud.process,
        release: true,
        wake_in_us: 1_000_000,
    };
    store::write(&mut tx, &cloud.db, &write).await?;
    tx.commit().await?;
    Ok(None)
}

/// What follows from the end of a step.
enum After {
    /// On with the next.
    Go,
    /// Give it back until then.
    Rest(i64),
    /// It ended, or is not ours any more.
    End,
}

async fn drive(shared: &Shared, mut operation: Operation, abort: &CancellationToken) {
    let Some(saga) = shared.registry.get(&operation.kind) else {
        return;
    };
    let id = operation.id;
    let cx = context_of(&shared.cloud, &operation);
    loop {
        if shared.stop.is_cancelled() {
            break;
        }
        match one_step(shared, saga, &cx, &mut operation, abort).await {
            Ok(After::Go) => {}
            Ok(After::Rest(wake_in_us)) => {
                wake_later(shared, id, wake_in_us);
                break;
            }
            Ok(After::End) => break,
            Err(error) => {
                tracing::warn!(%error, %id, "an operation could not be recorded; it goes on when its lease ends");
                break;
            }
        }
    }
}

fn wake_later(shared: &Shared, id: OperationId, wake_in_us: i64) {
    let waker = shared.cloud.sagas.clone();
    let pause =
        Duration::from_micros(u64::try_from(wake_in_us).unwrap_or(0)) + Duration::from_millis(2);
    let stop = shared.stop.clone();
    shared.tasks.spawn(async move {
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            waker.kick(id);
        }
    });
}

fn context_of(cloud: &Arc<Cloud>, operation: &Operation) -> Context {
    let actor = serde_json::from_str(&operation.actor).unwrap_or_else(|_| Actor::system());
    Context::new(cloud.clone(), actor, &operation.request_id)
}

/// Runs or undoes one step and records what came of it.
async fn one_step(
    shared: &Shared,
    saga: &dyn Erased,
    cx: &Context,
    operation: &mut Operation,
    abort: &CancellationToken,
) -> DbResult<After> {
    if operation.status == Status::Running
        && operation.step < saga.len()
        && !saga.is_committed(operation.step)
        && asked_to_stop(shared, operation, abort).await?
    {
        abort.cancel();
    }
    if operation.status == Status::Running
        && operation.step < saga.len()
        && !saga.is_committed(operation.step)
        && !saga.decides(operation.step)
        && abort.is_cancelled()
    {
        // The present step is undone, too: a process may have died in it. Where it never ran, its undo finds nothing but
        // the intent.
        turn_back(operation, Failure::new("aborted on request"), true, None);
        return record(shared, operation, None, 0).await;
    }
    let phase = if operation.status == Status::Unwinding {
        Phase::Undo
    } else {
        Phase::Run
    };
    if phase == Phase::Run && operation.step >= saga.len() {
        return finish(shared, operation, Status::Done, None).await;
    }
    if phase == Phase::Undo {
        if let Some(restart) = operation
            .restart_at
            .filter(|&restart| operation.step <= restart)
        {
            (operation.status, operation.step, operation.restart_at) =
                (Status::Running, restart, None);
            return record(shared, operation, None, 0).await;
        }
        if operation.step == 0 {
            return finish(shared, operation, Status::Undone, None).await;
        }
    }
    let step = if phase == Phase::Undo {
        operation.step - 1
    } else {
        operation.step
    };
    if phase == Phase::Undo && !saga.has_undo(step) {
        operation.step = step;
        return Ok(After::Go);
    }
    let step_cx = StepContext {
        cx: cx.clone(),
        operation: operation.id,
        turn: Turn {
            resource: operation.resource_id.clone(),
            number: operation.generation,
        },
        reason: (phase == Phase::Undo)
            .then(|| operation.error.clone())
            .flatten(),
        abort: if phase == Phase::Run && !saga.is_committed(step) {
            abort.clone()
        } else {
            CancellationToken::new()
        },
    };
    let begun = Instant::now();
    let kind = operation.kind.clone();
    let place = |moment: &str| format!("{kind}.{}.{}.{moment}", saga.name(step), phase.name());
    failpoint::pass(|| place("before"));
    let result = run_step(shared, saga, &step_cx, operation, step, phase).await;
    failpoint::pass(|| place("after"));
    let mut event = OperationEvent {
        at: Time::now(),
        step: saga.name(step).to_owned(),
        phase: phase.name().to_owned(),
        outcome: String::new(),
        message: None,
        duration_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
    };
    operation.step_name = event.step.clone();
    let steady = shared.cloud.bus.is_steady();
    let wake_in_us = settle(saga, operation, step, phase, result, &mut event, steady);
    if operation.status == Status::Running && operation.step >= saga.len() {
        return finish(shared, operation, Status::Done, Some(event)).await;
    }
    record(shared, operation, Some(event), wake_in_us).await
}

async fn run_step(
    shared: &Shared,
    saga: &dyn Erased,
    cx: &StepContext,
    operation: &mut Operation,
    step: usize,
    phase: Phase,
) -> StepResult {
    let verdict = shared.chaos.as_ref().map_or(Verdict::Normal, |chaos| {
        chaos(&operation.kind, saga.name(step), phase)
    });
    if verdict == Verdict::Fail {
        return Err(StepError::Failed(Failure::new("failed by a test")));
    }
    if matches!(verdict, Verdict::Twice | Verdict::Abort | Verdict::Lose) {
        // This run's state is lost, as it would be.
        let mut lost = operation.state.clone();
        let _ = saga.run(cx, step, phase, &mut lost).await;
    }
    match verdict {
        Verdict::Abort => return Err(StepError::Aborted),
        Verdict::Lose => return Err(StepError::Retry("its answer was lost by a test".into())),
        _ => {}
    }
    let run = AssertUnwindSafe(saga.run(cx, step, phase, &mut operation.state));
    // What a step did before it panicked is unknown.
    run.catch_unwind().await.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        tracing::error!(operation = %operation.id, step = saga.name(step), said, "a step panicked");
        Err(StepError::Retry(format!(
            "the step ended by a defect of this program: {said}"
        )))
    })
}

/// Applies a step's result to the operation; returns how long it rests, in microseconds. `steady`: whether the bus is.
fn settle(
    saga: &dyn Erased,
    operation: &mut Operation,
    step: usize,
    phase: Phase,
    result: StepResult,
    event: &mut OperationEvent,
    steady: bool,
) -> i64 {
    let committed = phase == Phase::Run && saga.is_committed(step);
    let decides = phase == Phase::Run && saga.decides(step);
    let (outcome, message, rest) = match (phase, result) {
        (_, Ok(Flow::Park(until))) => {
            let rest = until.0 - Time::now().0;
            ("parked", None, rest.clamp(1000, store::FARTHEST_US))
        }
        (Phase::Run, Ok(Flow::Next)) => {
            (operation.step, operation.attempt, operation.error) = (step + 1, 0, None);
            ("done", None, 0)
        }
        (Phase::Undo, Ok(Flow::Next)) => {
            (operation.step, operation.attempt) = (step, 0);
            ("done", None, 0)
        }
        (Phase::Run, Err(StepError::Failed(failure))) if !committed => {
            let text = failure.to_string();
            turn_back(operation, failure, false, None);
            ("failed", Some(text), 0)
        }
        (Phase::Run, Err(StepError::Elsewhere(failure))) if !committed => {
            let text = failure.to_string();
            turn_back(operation, failure, false, saga.restart_before(step));
            ("failed", Some(text), 0)
        }
        (Phase::Run, Err(StepError::Aborted)) if !committed && !decides => {
            turn_back(operation, Failure::new("aborted on request"), true, None);
            ("failed", Some("aborted on request".to_owned()), 0)
        }
        (_, Err(error)) => {
            let text = match error {
                StepError::Retry(text) => text,
                StepError::Failed(failure) | StepError::Elsewhere(failure) => failure.message,
                StepError::Aborted => "aborted on request".to_owned(),
            };
            (
                if committed || decides {
                    "retry"
                } else {
                    no_answer(operation, phase, &text, steady)
                },
                Some(text),
                pause(operation.attempt),
            )
        }
    };
    event.outcome = outcome.to_owned();
    event.message = message;
    operation.updated_at = event.at;
    if operation.status == Status::Running && outcome == "retry" {
        // Kept so that a person sees what it waits for.
        operation.error = event.message.clone().map(Failure::new);
    }
    rest
}

/// How many attempts had no answer after one more. While nobody can be asked their number is bounded, so that none is the
/// last, and the next one is soon.
pub(super) fn unanswered(attempts: i64, steady: bool) -> i64 {
    attempts + i64::from(steady || attempts < UNSTEADY)
}

/// Counts an attempt without an answer, and gives up after the last.
fn no_answer(operation: &mut Operation, phase: Phase, text: &str, steady: bool) -> &'static str {
    operation.attempt = unanswered(operation.attempt, steady);
    if operation.attempt < ATTEMPTS {
        return "retry";
    }
    match phase {
        Phase::Run => {
            let failure = Failure::new(format!("{text} ({ATTEMPTS} attempts)"))
                .hint("see on the services screen whether the node and its hypervisor are up");
            turn_back(operation, failure, true, None);
        }
        Phase::Undo => operation.status = Status::Stuck,
    }
    "failed"
}

fn pause(attempt: i64) -> i64 {
    let seconds = (1_i64 << attempt.clamp(0, 10)).min(LONGEST_PAUSE);
    if attempt <= 1 {
        200_000
    } else {
        seconds * 1_000_000 / 2
    }
}

fn turn_back(
    operation: &mut Operation,
    failure: Failure,
    include_present: bool,
    restart_at: Option<usize>,
) {
    operation.status = Status::Unwinding;
    operation.error = Some(failure);
    operation.attempt = 0;
    operation.restart_at = restart_at;
    // The first step stands for what was recorded with the operation, which was there before it ran.
    if include_present || operation.step == 0 {
        operation.step += 1;
    }
}

async fn asked_to_stop(
    shared: &Shared,
    operation: &Operation,
    abort: &CancellationToken,
) -> DbResult<bool> {
    if abort.is_cancelled() || operation.abort {
        return Ok(true);
    }
    // Another control process may have been asked; worth a look only where the step did not just come from memory.
    if shared.cloud.config.is_single() {
        return Ok(false);
    }
    let mut conn = shared.cloud.db.read().await?;
    store::is_aborted(&mut conn, operation.id).await
}

/// Stores the operation, with an event if there is one.
async fn record(
    shared: &Shared,
    operation: &mut Operation,
    event: Option<OperationEvent>,
    wake_in_us: i64,
) -> DbResult<After> {
    let cloud = &shared.cloud;
    let rest = wake_in_us > 0 || operation.status == Status::Stuck;
    let mut tx = cloud.db.begin().await?;
    let write = store::Write {
        operation,
        owner: cloud.process,
        release: rest,
        wake_in_us,
    };
    if !store::write(&mut tx, &cloud.db, &write).await? {
        return Ok(After::End);
    }
    operation.generation += 1;
    // A step that only waits would fill the table.
    if let Some(event) = event.filter(|event| event.outcome != "parked") {
        store::event_add(&mut tx, operation.id, &event).await?;
    }
    tx.commit().await?;
    cloud.events.changed(
        "operation",
        operation.id,
        operation.project,
        Change::Updated,
    );
    Ok(match (operation.status, rest) {
        (Status::Stuck, _) => After::End,
        (_, true) => After::Rest(wake_in_us),
        (_, false) => After::Go,
    })
}

/// Ends the operation, with the event of its last step if that just ended, and frees its resource.
async fn finish(
    shared: &Shared,
    operation: &mut Operation,
    status: Status,
    event: Option<OperationEvent>,
) -> DbResult<After> {
    let cloud = &shared.cloud;
    operation.status = status;
    operation.updated_at = Time::now();
    operation.finished_at = Some(operation.updated_at);
    let mut tx = cloud.db.begin().await?;
    let write = store::Write {
        operation,
        owner: cloud.process,
        release: true,
        wake_in_us: 0,
    };
    let waiting = if store::write(&mut tx, &cloud.db, &write).await? {
        if let Some(event) = event {
            store::event_add(&mut tx, operation.id, &event).await?;
        }
        store::unlock(&mut tx, &operation.resource_id, operation.id).await?;
        store::waiting(&mut tx, &operation.resource_id).await?
    } else {
        Vec::new()
    };
    tx.commit().await?;
    cloud.events.changed(
        "operation",
        operation.id,
        operation.project,
        Change::Updated,
    );
    for id in waiting {
        cloud.sagas.kick(id);
    }
    Ok(After::End)
}
