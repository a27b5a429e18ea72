//! Answers a repeated call of the same operation with the first result.
//!
//! While the first is running, repeats wait for it; afterwards its answer is kept for a while. Answers that say "ask
//! again" are not kept: the next repeat does the work anew. What is lost when the process restarts is lost on purpose:
//! every method is also idempotent against the world, this only spares doing long work twice at the same time.
//!
//! An answer is of the moment it was given in. An operation that goes back and forth asks the same thing again after it has
//! asked for something else: a guest that was stopped, started again by the undo, and is to be stopped on the second way
//! forward. So a call of a later turn gets the first answer only while its operation has asked nothing else since.
//!
//! What says only by which way bytes come ([`ASIDE`]) is no part of what is asked: a control process that asks again after
//! it was restarted says it anew.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{Fault, FaultKind, Incoming};
use crate::ids::OperationId;

/// Answers kept at most; the oldest go first.
const KEPT: usize = 4096;

/// Name of the fields of a payload that two equal calls may differ in.
pub const ASIDE: &str = "depot";

/// Operation, method, and SHA-256 of the payload: a payload may be large, and thousands are remembered.
type Key = (OperationId, String, [u8; 32]);
type Answer = Arc<OnceCell<Result<Value, Fault>>>;

/// A call that was begun.
struct Begun {
    /// The how manieth of all.
    at: u64,
    /// Number of the turn it came in.
    turn: i64,
    answer: Answer,
}

/// Running and recent calls by operation, method and payload.
#[derive(Default)]
pub struct Dedupe {
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    by_key: HashMap<Key, Begun>,
    count: u64,
}

impl Dedupe {
    /// Runs `work` unless the same call runs or was answered; then gives that answer.
    pub async fn run<F>(&self, incoming: &Incoming, work: F) -> Result<Value, Fault>
    where
        F: Future<Output = Result<Value, Fault>>,
    {
        let Some(operation) = incoming.operation else {
            return work.await;
        };
        let key = (
            operation,
            incoming.method.clone(),
            Sha256::digest(asked(incoming.payload.clone()).to_string()).into(),
        );
        let turn = incoming.turn.as_ref().map_or(0, |turn| turn.number);
        let cell = self.cell(&key, turn);
        let answer = cell.get_or_init(|| work).await.clone();
        if matches!(&answer, Err(fault) if fault.kind == FaultKind::Unavailable) {
            self.calls
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .by_key
                .remove(&key);
        }
        answer
    }

    fn cell(&self, key: &Key, turn: i64) -> Answer {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let Calls { by_key, count } = &mut *calls;
        let found = by_key.get(key).map(|begun| (begun.at, begun.turn));
        let is_old = found.is_some_and(|(at, before)| {
            turn > before
                && by_key
                    .iter()
                    .any(|(other, later)| other.0 == key.0 && later.at > at)
        });
        if let Some(begun) = by_key.get_mut(key)
            && !(is_old && begun.answer.initialized())
        {
            begun.turn = begun.turn.max(turn);
            return begun.answer.clone();
        }
        *count += 1;
        let at = *count;
        if by_key.len() >= KEPT {
            let old = at.saturating_sub(KEPT as u64 / 2);
            by_key.retain(|_, begun| begun.at > old || !begun.answer.initialized());
        }
        let answer = Answer::default();
        let begun = Begun {
            at,
            turn,
            answer: answer.clone(),
        };
        by_key.insert(key.clone(), begun);
        answer
    }
}

/// The payload without what may differ.
fn asked(mut payload: Value) -> Value {
    match &mut payload {
        Value::Object(fields) => {
            fields.remove(ASIDE);
            for value in fields.values_mut() {
                *value = asked(value.take());
            }
        }
        Value::Array(values) => {
            for value in values {
                *value = asked(value.take());
            }
        }
        _ => {}
    }
    payload
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn by_which_way_bytes_come_is_no_part_of_what_is_asked() {
        let payload = |ticket: &str, id: u8| serde_json::json!({"spec": [{"source": {"id": id, "depot": {"ticket": ticket}}}], "depot": ticket});
        assert_eq!(asked(payload("a", 1)), asked(payload("b", 1)));
        assert_ne!(asked(payload("a", 1)), asked(payload("a", 2)));
    }

    #[tokio::test]
    async fn a_repeat_gets_the_first_answer_but_a_passing_fault_is_tried_again() {
        let dedupe = Dedupe::default();
        let incoming = Incoming {
            method: "m".into(),
            operation: Some(OperationId::new()),
            turn: None,
            payload: Value::from(1),
        };
        let runs = AtomicUsize::new(0);
        let work = |result: Result<Value, Fault>| {
            runs.fetch_add(1, Ordering::SeqCst);
            async move { result }
        };
        let passing = Err(Fault::new(FaultKind::Unavailable, "later"));
        assert!(
            dedupe
                .run(&incoming, async { work(passing).await })
                .await
                .is_err()
        );
        assert_eq!(
            dedupe
                .run(&incoming, async { work(Ok(Value::from(7))).await })
                .await
                .unwrap(),
            7
        );
        assert_eq!(
            dedupe
                .run(&incoming, async { work(Ok(Value::from(8))).await })
                .await
                .unwrap(),
            7
        );
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_asked_for_is_done_again_after_something_else_was() {
        let dedupe = Dedupe::default();
        let operation = OperationId::new();
        let (stops, starts) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ask = async |method: &str, number: i64, runs: &AtomicUsize| {
            let incoming = Incoming {
                method: method.into(),
                operation: Some(operation),
                turn: Some(crate::bus::Turn {
                    resource: "r".into(),
                    number,
                }),
                payload: Value::Null,
            };
            let work = async { Ok(Value::from(runs.fetch_add(1, Ordering::SeqCst) + 1)) };
            dedupe.run(&incoming, work).await.unwrap()
        };
        assert_eq!(ask("stop", 1, &stops).await, 1);
        assert_eq!(ask("stop", 2, &stops).await, 1, "the step asks again");
        assert_eq!(ask("start", 3, &starts).await, 1);
        assert_eq!(ask("stop", 2, &stops).await, 1, "a message that came twice");
        assert_eq!(ask("stop", 4, &stops).await, 2, "the second way forward");
        assert_eq!(ask("start", 4, &starts).await, 2);
    }
}
