//! Asking and telling: from a request to a published message, and from its answer back.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::types::ShortString;
use serde_json::Value;
use tokio::time::Instant;

use super::session::{Published, Session};
use super::{AmqpBus, message};
use crate::bus::{CallError, Incoming};

/// How long a call waits for the broker to be connected; its caller asks again anyway.
const CALL_WAITS: Duration = Duration::from_secs(5);
/// The same for a message that nobody waits for: the next report is near.
const CAST_WAITS: Duration = Duration::from_secs(1);
/// How long a message without a caller is of use to anybody.
const CAST_LIVES: Duration = Duration::from_secs(60);

impl AmqpBus {
    /// Asks the server behind the queue `target`; the question is forgotten after `patience`.
    pub(in crate::bus) async fn call(
        &self,
        target: &str,
        incoming: Incoming,
        patience: Duration,
    ) -> Result<Value, CallError> {
        let until = Instant::now() + patience;
        let queue = queue(target)?;
        let failed = |reason: String| broker(target, reason);
        let session = self
            .link
            .session(CALL_WAITS.min(patience))
            .await
            .map_err(failed)?;
        let served = self.reach.is_served(&session, &queue).await;
        if !served.map_err(|error| failed(told(&session, &error)))? {
            return Err(CallError::NoServer(target.to_owned()));
        }
        let mut waiting = session
            .pending
            .begin()
            .ok_or_else(|| failed("too many calls are under way".into()))?;
        let left = until.saturating_duration_since(Instant::now());
        let reply_to = Some(session.reply_to.as_str());
        let request = message::request(&incoming, &waiting.id, reply_to, left)
            .map_err(|error| failed(error.to_string()))?;
        self.publish(&session, target, &queue, request).await?;
        let answer = waiting.answer().await.ok_or_else(|| {
            failed("the connection to the broker was lost before it answered".into())
        })?;
        self.reach.heard(&queue);
        answer.map_err(CallError::from)
    }

    /// Tells whoever serves the queue `target`.
    pub(in crate::bus) async fn cast(
        &self,
        target: &str,
        incoming: Incoming,
    ) -> Result<(), CallError> {
        let queue = queue(target)?;
        let failed = |reason: String| broker(target, reason);
        let session = self.link.session(CAST_WAITS).await.map_err(failed)?;
        let id = uuid::Uuid::new_v4().to_string();
        let message = message::request(&incoming, &id, None, CAST_LIVES)
            .map_err(|error| failed(error.to_string()))?;
        self.publish(&session, target, &queue, message).await
    }

    async fn publish(
        &self,
        session: &Session,
        target: &str,
        queue: &ShortString,
        message: (lapin::BasicProperties, Vec<u8>),
    ) -> Result<(), CallError> {
        match session.publish(queue, message).await {
            Ok(Published::Taken) => Ok(()),
            Ok(Published::Nowhere) => Err(CallError::NoServer(target.to_owned())),
            Ok(Published::Full) => Err(broker(
                target,
                "its queue is full; is what serves it too slow, or hung?".into(),
            )),
            Err(error) => Err(broker(target, told(session, &error))),
        }
    }
}

/// What went wrong on a session, which ends by it; unless the broker only is silent, which may be about this queue alone. A
/// connection that is silent altogether ends by its heartbeats.
fn told(session: &Session, error: &lapin::Error) -> String {
    let silent =
        matches!(error.kind(), ErrorKind::IOError(io) if io.kind() == std::io::ErrorKind::TimedOut);
    if !silent {
        session.give_up(error);
    }
    format!("the broker did not take the message: {error}")
}

fn broker(target: &str, reason: String) -> CallError {
    CallError::Broker {
        target: target.to_owned(),
        reason,
    }
}

/// A queue's name as AMQP has it.
fn queue(target: &str) -> Result<ShortString, CallError> {
    ShortString::try_new(target).map_err(|_| broker(target, "its name is too long".into()))
}
