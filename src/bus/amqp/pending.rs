//! Calls that wait for their answers on one connection, by message id.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::bus::Fault;

/// An answer.
pub(super) type Answer = Result<Value, Fault>;

/// Calls that may wait at a time.
const MOST: usize = 16 << 10;

/// Who waits for what.
#[derive(Default)]
pub(super) struct Pending {
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
}

/// A call that waits; it no longer does when this is dropped.
pub(super) struct Waiting<'a> {
    pending: &'a Pending,
    /// Its message id.
    pub(super) id: String,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    /// A call begins to wait; `None` when too many do.
    pub(super) fn begin(&self) -> Option<Waiting<'_>> {
        let (sender, answer) = oneshot::channel();
        let id = uuid::Uuid::new_v4().to_string();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST {
            return None;
        }
        waiting.insert(id.clone(), sender);
        Some(Waiting {
            pending: self,
            id,
            answer,
        })
    }

    /// The answer to a call came. One that nobody waits for any more is dropped.
    pub(super) fn answer(&self, id: &str, answer: Answer) {
        let sender = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        if let Some(sender) = sender {
            // Its caller may have given up just now.
            let _ = sender.send(answer);
        }
    }

    /// No answer will come to any of them.
    pub(super) fn fail_all(&self) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Waiting<'_> {
    /// The answer; `None` when none will come.
    pub(super) async fn answer(&mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pending
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}
