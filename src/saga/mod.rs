//! Long-running operations that end as done or undone, whatever dies meanwhile.
//!
//! **Theory.** An operation is a row, inserted in the transaction that records its intent. It consists of named steps,
//! each with an undo where it leaves something behind; its state is a typed structure, stored after each step. Any control
//! process claims it by compare-and-swap on an expired lease (by the database's clock); every later write is fenced by
//! owner and generation, so that a process that lost its lease can change nothing more. A step runs *at least* once:
//! when a process dies after the step's effect and before its record, the next one runs it again. So **steps and undos are
//! idempotent**, and state that a step needs to find its own effect again (an id it will use) is chosen by an earlier one.
//!
//! **Failure.** A step may fail ([`StepError::Failed`]) only if it knows that it left nothing behind; then the steps before
//! it are undone; so is the first step itself, whose undo stands for the intent that was recorded with the operation. When
//! it can not know (no answer), it is retried ([`StepError::Retry`]), and when its attempts are used up
//! it is undone itself, too. [`StepError::Elsewhere`] undoes back to a step marked [`Step::restart`] and goes forward from
//! there again. An undo that keeps failing leaves the operation `stuck`, for the operator to retry or abandon.
//!
//! **One mutator per resource.** A row in `operation_lock` is held from start to end. A second operation on the resource is
//! refused as a conflict, or waits for the first ([`Busy`]).
//!
//! **Turns.** What a step asks of a node may arrive late, when somebody else has the resource. So an operation's generation
//! rises with each claim and each record, and begins above that of every operation of the same resource; it goes with
//! each question as its [`Turn`](crate::bus::Turn), and nodes refuse what is from an earlier one.
//!
//! Rejected: a hand-made switch over states in each service (recovery becomes the part that is never tested), and tasks in
//! memory with a journal (two truths).

mod engine;
mod lease;
mod model;
mod ops;
mod progress;
mod registry;
mod step;
mod store;

pub use engine::{Chaos, Engine, Phase, Verdict, Waker};
pub use model::{Failure, Operation, OperationEvent, OperationQuery, Progress, Status};
pub use ops::{
    Busy, Target, operation_abandon, operation_abandon_of_on_conn, operation_abort,
    operation_abort_of_on_conn, operation_counts, operation_events, operation_list,
    operation_of_on_conn, operation_retry, operation_show, operation_wake_of_on_conn, periodic,
    start_on_conn, turn_now,
};
pub use progress::report;
pub use registry::Registry;
pub use step::{Flow, Saga, Step, StepContext, StepError, StepResult};

#[cfg(test)]
mod tests;
