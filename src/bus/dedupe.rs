//! Answers a repeated call of the same operation with the first result.
//!
//! While the first is running, repeats wait for it; afterwards its answer is kept for a while. Answers that say "ask
//! again" are not kept: the next repeat does the work anew. What is lost when the process restarts is lost on purpose:
//! every method is also idempotent against the world, this only spares doing long work twice at the same time.

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

/// Operation, method, and SHA-256 of the payload: a payload may be large, and thousands are remembered.
type Key = (OperationId, String, [u8; 32]);
type Answer = Arc<OnceCell<Result<Value, Fault>>>;

/// Running and recent calls by operation, method and payload.
#[derive(Default)]
pub struct Dedupe {
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    by_key: HashMap<Key, (u64, Answer)>,
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
            Sha256::digest(incoming.payload.to_string()).into(),
        );
        let cell = self.cell(&key);
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

    fn cell(&self, key: &Key) -> Answer {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.count += 1;
        let count = calls.count;
        if calls.by_key.len() >= KEPT {
            let old = count.saturating_sub(KEPT as u64 / 2);
            calls
                .by_key
                .retain(|_, (at, cell)| *at > old || !cell.initialized());
        }
        calls
            .by_key
            .entry(key.clone())
            .or_insert_with(|| (count, Answer::default()))
            .1
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

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
}
