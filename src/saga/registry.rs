//! All kinds of operations that this process knows, with their types erased.

use std::collections::HashMap;
use std::marker::PhantomData;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::engine::Phase;
use super::model::Failure;
use super::step::{Flow, Saga, Step, StepContext, StepError, StepResult};

/// A saga without its type: state goes in and comes out as JSON.
pub(super) trait Erased: Send + Sync {
    fn version(&self) -> i64;
    fn len(&self) -> usize;
    fn name(&self, step: usize) -> &'static str;
    fn has_undo(&self, step: usize) -> bool;
    /// The last step at or before this one that can be started over from.
    fn restart_before(&self, step: usize) -> Option<usize>;
    /// Whether the point of no return has been reached when this step is next.
    fn is_committed(&self, step: usize) -> bool;
    /// Whether the step itself finds out if there is a way back.
    fn decides(&self, step: usize) -> bool;
    fn run<'a>(
        &'a self,
        cx: &'a StepContext,
        step: usize,
        phase: Phase,
        state: &'a mut String,
    ) -> BoxFuture<'a, StepResult>;
}

struct Typed<S> {
    steps: Vec<Step<S>>,
    state: PhantomData<fn() -> S>,
}

impl<S: Saga> Erased for Typed<S> {
    fn version(&self) -> i64 {
        S::VERSION
    }

    fn len(&self) -> usize {
        self.steps.len()
    }

    fn name(&self, step: usize) -> &'static str {
        self.steps.get(step).map_or("end", |step| step.name)
    }

    fn has_undo(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|step| step.undo.is_some())
    }

    fn restart_before(&self, step: usize) -> Option<usize> {
        (0..=step)
            .rev()
            .find(|&at| self.steps.get(at).is_some_and(|step| step.restart))
    }

    fn is_committed(&self, step: usize) -> bool {
        self.steps.iter().take(step + 1).any(|step| step.commits)
    }

    fn decides(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|step| step.decides)
    }

    fn run<'a>(
        &'a self,
        cx: &'a StepContext,
        step: usize,
        phase: Phase,
        state: &'a mut String,
    ) -> BoxFuture<'a, StepResult> {
        async move {
            let Some(step) = self.steps.get(step) else {
                return Ok(Flow::Next);
            };
            let Some(function) = (if phase == Phase::Run {
                Some(step.run)
            } else {
                step.undo
            }) else {
                return Ok(Flow::Next);
            };
            let mut typed: S = serde_json::from_str(state).map_err(|error| {
                StepError::Failed(Failure::new(format!(
                    "the operation's state can not be read: {error}"
                )))
            })?;
            let outcome = function(cx, &mut typed).await;
            *state = serde_json::to_string(&typed).map_err(|error| {
                StepError::Failed(Failure::new(format!(
                    "the operation's state can not be written: {error}"
                )))
            })?;
            outcome
        }
        .boxed()
    }
}

/// Kinds by name. Put together once, in [`crate::roles`].
#[derive(Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Box<dyn Erased>>,
}

impl Registry {
    /// Makes a kind known.
    pub fn add<S: Saga>(&mut self) {
        self.kinds.insert(
            S::KIND,
            Box::new(Typed {
                steps: S::steps(),
                state: PhantomData,
            }),
        );
    }

    /// Names of the steps of each kind, for tests that visit all of them.
    pub fn steps(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let mut all: Vec<_> = self
            .kinds
            .iter()
            .map(|(kind, saga)| (*kind, (0..saga.len()).map(|step| saga.name(step)).collect()))
            .collect();
        all.sort_unstable();
        all
    }

    pub(super) fn get(&self, kind: &str) -> Option<&dyn Erased> {
        self.kinds.get(kind).map(AsRef::as_ref)
    }
}
