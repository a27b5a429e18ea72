//! What a saga is written with.

use std::ops::Deref;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::model::Failure;
use crate::bus::{CallError, FaultKind, Rpc, Turn};
use crate::context::Context;
use crate::db::DbError;
use crate::error::Error;
use crate::ids::{OperationId, Time};

/// How long one question to a node waits before it is asked again; the node joins it to the first.
const CALL_SLICE: Duration = Duration::from_secs(20);

/// A kind of operation. The value is its state: parameters, and what the steps found out.
pub trait Saga: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Name of the kind, as people read it: `server_launch`.
    const KIND: &'static str;
    /// Version of the state; a process does not touch operations of a version that it does not know.
    const VERSION: i64;
    /// The steps in order.
    fn steps() -> Vec<Step<Self>>;
}

/// What a step or an undo is: an async function over the context and the state.
pub type StepFn<S> = for<'a> fn(&'a StepContext, &'a mut S) -> BoxFuture<'a, StepResult>;

/// One step.
pub struct Step<S> {
    pub(super) name: &'static str,
    pub(super) run: StepFn<S>,
    pub(super) undo: Option<StepFn<S>>,
    pub(super) restart: bool,
    pub(super) commits: bool,
    pub(super) decides: bool,
}

impl<S> Step<S> {
    /// A step that leaves nothing behind that would have to be undone.
    pub fn new(name: &'static str, run: StepFn<S>) -> Self {
        Self {
            name,
            run,
            undo: None,
            restart: false,
            commits: false,
            decides: false,
        }
    }

    /// Undoes what the step did, partly or wholly, or nothing.
    #[must_use]
    pub fn undo(mut self, undo: StepFn<S>) -> Self {
        self.undo = Some(undo);
        self
    }

    /// [`StepError::Elsewhere`] goes back to before this step and forward again from here.
    #[must_use]
    pub fn restart(mut self) -> Self {
        self.restart = true;
        self
    }

    /// The step finds out whether there is a way back: by failing it says that there is, by succeeding that there is none
    /// (the next step commits). So it is never turned back from outside: a request to stop only lets
    /// [`StepContext::aborted`] complete, and what does not answer is asked until it does.
    #[must_use]
    pub fn decides(mut self) -> Self {
        self.decides = true;
        self
    }

    /// The point of no return: from this step on nothing is undone any more, and what does not succeed is retried until
    /// it does.
    #[must_use]
    pub fn commits(mut self) -> Self {
        self.commits = true;
        self
    }
}

/// How a step ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// On to the next step.
    Next,
    /// Run this step again when woken, or at this time. Nothing is held meanwhile.
    Park(Time),
}

/// How a step did not end well.
#[derive(Debug)]
pub enum StepError {
    /// It failed and left nothing behind: undo what came before.
    Failed(Failure),
    /// The same, but another try from the restart step may go better (another host).
    Elsewhere(Failure),
    /// What it did is unknown, or may pass: run it again after a while.
    Retry(String),
    /// Somebody asked to stop, and what the step did is unknown: undo it, too.
    Aborted,
}

/// Result of a step.
pub type StepResult = Result<Flow, StepError>;

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) | Error::Internal(_) => Self::Retry(error.to_string()),
            other => Self::Failed(Failure::new(other.to_string())),
        }
    }
}

impl From<DbError> for StepError {
    fn from(error: DbError) -> Self {
        Error::from(error).into()
    }
}

impl From<CallError> for StepError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Fault(fault) if fault.kind != FaultKind::Unavailable => {
                Self::Failed(Failure::new(fault.message))
            }
            other => Self::Retry(other.to_string()),
        }
    }
}

/// What a step runs with: the context of whoever asked for the operation, and the operation itself.
pub struct StepContext {
    pub(super) cx: Context,
    /// The operation.
    pub operation: OperationId,
    pub(super) turn: Turn,
    /// Why things are undone; `None` on the way forward.
    pub reason: Option<Failure>,
    pub(super) abort: CancellationToken,
}

impl Deref for StepContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.cx
    }
}

impl StepContext {
    /// Asks a node, again and again until it answers, somebody aborts the operation, or `deadline` passes. For calls
    /// that take long: the node answers repeats of one operation with one result.
    pub async fn call<R: Rpc>(
        &self,
        host: &str,
        request: &R,
        deadline: Duration,
    ) -> Result<R::Reply, StepError> {
        let started = tokio::time::Instant::now();
        loop {
            let slice = CALL_SLICE.min(deadline.saturating_sub(started.elapsed()));
            let answer = tokio::select! {
                answer = self.ask(host, request, slice) => answer,
                () = self.abort.cancelled() => return Err(StepError::Aborted),
            };
            match answer {
                Err(CallError::Timeout { .. }) if started.elapsed() < deadline => {}
                other => return other.map_err(StepError::from),
            }
        }
    }

    /// Asks a node once.
    pub async fn ask<R: Rpc>(
        &self,
        host: &str,
        request: &R,
        patience: Duration,
    ) -> Result<R::Reply, CallError> {
        let (operation, turn) = (Some(self.operation), Some(&self.turn));
        self.cx
            .bus
            .call_in_turn(host, operation, turn, request, patience)
            .await
    }

    /// Whose turn this step is, for questions that are no part of the operation.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Completes when somebody asked to stop the operation. Undos are never stopped.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }
}
