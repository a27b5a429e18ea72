//! Whether somebody serves a queue.
//!
//! A queue outlives its server for a while, so the broker takes a message for a host that is gone, and the caller would
//! wait out its patience. So before a call the queue is looked at (a passive declaration tells its consumers), unless an
//! answer or a look of the last [`FRESH`] says that it is served. The answer may be outdated when the message arrives; then
//! the call ends by its deadline, as any call may.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lapin::ErrorKind;
use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{FieldTable, ShortString};

use super::session::{Session, in_time};

/// How long a queue counts as served after it was heard from.
const FRESH: Duration = Duration::from_secs(2);
/// Queues remembered; all are forgotten when there are more.
const MOST: usize = 4096;

/// What was heard of which queue.
#[derive(Default)]
pub(super) struct Reach {
    heard: Mutex<HashMap<String, Instant>>,
}

/// What the broker tells of a queue.
pub(super) struct Look {
    /// Messages that wait.
    pub(super) messages: u32,
    /// Who takes them.
    pub(super) consumers: u32,
}

impl Reach {
    /// Whether somebody serves `target`.
    pub(super) async fn is_served(
        &self,
        session: &Session,
        target: &ShortString,
    ) -> lapin::Result<bool> {
        let fresh = |heard: &HashMap<String, Instant>| {
            let at = heard.get(target.as_str());
            at.is_some_and(|at| at.elapsed() < FRESH)
        };
        if fresh(&self.heard.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(true);
        }
        let served = look(session, target)
            .await?
            .is_some_and(|look| look.consumers > 0);
        if served {
            self.heard(target);
        }
        Ok(served)
    }

    /// An answer came from there.
    pub(super) fn heard(&self, target: &ShortString) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= MOST {
            heard.clear();
        }
        heard.insert(target.to_string(), Instant::now());
    }

    /// Queues that were heard from.
    pub(super) fn known(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.keys().cloned().collect()
    }
}

/// Looks at a queue; `None` if it does not exist.
pub(super) async fn look(session: &Session, queue: &ShortString) -> lapin::Result<Option<Look>> {
    let mut looker = session.looker.lock().await;
    let channel = match looker.take() {
        Some(channel) if channel.status().connected() => channel,
        _ => session.channel().await?,
    };
    let options = QueueDeclareOptions::default().passive();
    let declared = in_time(channel.queue_declare(queue.clone(), options, FieldTable::default()));
    match declared.await {
        Ok(found) => {
            *looker = Some(channel);
            Ok(Some(Look {
                messages: found.message_count(),
                consumers: found.consumer_count(),
            }))
        }
        // The broker closes the channel; the next look opens another one.
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(told)
        if *told.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}
