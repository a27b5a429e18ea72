//! How control processes and nodes talk: calls with one answer, casts without, and notifications for whoever listens.
//!
//! The topology is the one OpenStack uses on RabbitMQ. A server of topic `compute` on host `n1` listens on the queue of
//! the topic (shared: any one takes a message) and on `compute.n1` (its own). Calls carry a message id; the answer comes
//! back under it or the caller's deadline passes. What every server of a topic shall hear is told to all ([`Bus::cast_all`]).
//!
//! **The queue is transport, never truth.** A message may be lost, doubled or late. Whoever sends must be able to send
//! again; whoever receives must be able to receive again. So a call names the operation it belongs to, and
//! [`dedupe::Dedupe`] lets a receiver answer the same operation's repeated call with the first result.
//!
//! Payloads are JSON objects in which unknown fields are ignored, so that versions N and N-1 understand each other; none
//! is larger than [`MAX_MESSAGE`]. [`local`] has these semantics inside one process; there, too, every payload is
//! serialized, so that nothing works locally which would fail over a wire. [`amqp`] has them over RabbitMQ. One suite of
//! tests (`tests/`) runs over both.

pub mod amqp;
pub mod dedupe;
#[cfg(test)]
pub mod faults;
mod health;
pub mod local;
mod notification;
mod size;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::BusSettings;
use crate::ids::{OperationId, Time};

pub use amqp::{SettingsError, is_loopback};
pub use health::{BusHealth, QueueHealth};
pub use notification::Notification;
pub use size::MAX_MESSAGE;

/// A request that has an answer: its name on the wire, the topic that serves it, and the type of the answer.
pub trait Rpc: Serialize + DeserializeOwned + Send + Sync {
    /// Topic whose servers answer it: `compute` for nodes, `conductor` for control processes.
    const TOPIC: &'static str;
    /// Name of the method, unique within the topic.
    const METHOD: &'static str;
    /// What a server answers.
    type Reply: Serialize + DeserializeOwned + Send;
}

/// A message without an answer.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// Topic it is for.
    const TOPIC: &'static str;
    /// Name of the method, unique within the topic.
    const METHOD: &'static str;
}

/// What a caller may do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The thing named does not exist there.
    NotFound,
    /// Its state forbids the call; nothing was changed.
    Conflict,
    /// Refused, and nothing was left behind: the caller may undo and go elsewhere.
    Refused,
    /// What was done is unknown or may pass: ask again. Also what a newer server says that this one has no word for.
    #[serde(other)]
    Unavailable,
}

/// A failure as the server of a call reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What may be done about it.
    pub kind: FaultKind,
    /// What failed, why, and what to do, for the operator.
    pub message: String,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with a failure.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Nobody answered within the deadline. What was done is unknown.
    #[error("{target} did not answer {method} within {seconds} s")]
    Timeout {
        /// Queue asked.
        target: String,
        /// Method asked for.
        method: String,
        /// The deadline.
        seconds: u64,
    },
    /// Nobody listens there now.
    #[error("nobody serves {0}: is the agent running?")]
    NoServer(String),
    /// The broker does not take messages now, or went away before the answer came. What was done is unknown.
    #[error("{target} can not be reached: {reason}")]
    Broker {
        /// Queue asked.
        target: String,
        /// What is wrong with the broker.
        reason: String,
    },
    /// The payload could not be written or read.
    #[error("the message {method} could not be understood: {reason}")]
    Malformed {
        /// Method asked for.
        method: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Microseconds after which others count as having found the broker again, as this process has: twice their longest pause.
const STEADY_US: i64 = 10_000_000;

/// Which of a resource's mutators asks. Numbers of one resource only rise, so a server that has begun with a later one
/// can tell that this request is from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Id of the resource that the asker has for itself.
    pub resource: String,
    /// Rises with each step of whoever has it, and from one who has it to the next.
    pub number: i64,
}

/// A request or message as a server receives it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Name of the method.
    pub method: String,
    /// The operation it is part of, by which repeats are told.
    pub operation: Option<OperationId>,
    /// Whose turn it was when it was asked, for what only one may change at a time.
    pub turn: Option<Turn>,
    /// The payload.
    pub payload: Value,
}

impl Incoming {
    /// The payload as the type that belongs to the method.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(&self.payload)
            .map_err(|error| Fault::new(FaultKind::Refused, format!("{}: {error}", self.method)))
    }
}

/// Serves a topic. Must tolerate any message more than once and in any order.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Answers one request, or takes one message (whose answer is dropped).
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault>;
}

/// A connection to the bus. Cheap to clone; ends with its last clone.
#[derive(Clone)]
pub struct Bus {
    carrier: Carrier,
    #[cfg(test)]
    pub(crate) weather: faults::Weather,
}

/// What carries messages.
#[derive(Clone)]
enum Carrier {
    Local(Arc<local::LocalBus>),
    Amqp(Arc<amqp::AmqpBus>),
}

/// Serves while it lives; dropping it stops taking messages and lets running work end.
pub enum Serving {
    /// Inside this process.
    Local {
        /// Ends it.
        _guard: local::Serving,
    },
    /// Over RabbitMQ.
    Amqp {
        /// Ends it.
        _guard: amqp::Serving,
    },
}

impl Bus {
    /// The bus that the settings name. Its broker need not be there yet: the connection is made and kept in the
    /// background, and [`Bus::health`] tells how that goes. `name` is what the broker's operator sees of this process.
    ///
    /// # Errors
    /// When the settings can not be right: an unknown kind of URL, certificates that can not be read.
    pub fn open(settings: &BusSettings, name: &str) -> Result<Self, SettingsError> {
        if settings.is_local() {
            return Ok(Self::local());
        }
        let amqp = amqp::AmqpBus::open(settings, name)?;
        Ok(Self::over(Carrier::Amqp(Arc::new(amqp))))
    }

    /// The bus inside this process.
    pub fn local() -> Self {
        Self::over(Carrier::Local(Arc::default()))
    }

    fn over(carrier: Carrier) -> Self {
        Self {
            carrier,
            #[cfg(test)]
            weather: faults::Weather::default(),
        }
    }

    /// Asks the server of `R`'s topic on `host` and waits up to `timeout` for its answer. Dropping the future stops
    /// waiting, not the work.
    pub async fn call<R: Rpc>(
        &self,
        host: &str,
        operation: Option<OperationId>,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Reply, CallError> {
        self.call_in_turn(host, operation, None, request, timeout)
            .await
    }

    /// Asks whichever server of `R`'s topic takes it and waits up to `timeout` for its answer.
    pub async fn ask<R: Rpc>(&self, request: &R, timeout: Duration) -> Result<R::Reply, CallError> {
        let incoming = Self::incoming(R::METHOD, None, request)?;
        self.answered::<R>(R::TOPIC.to_owned(), incoming, timeout)
            .await
    }

    /// [`Self::call`] for a change of something that only one may change at a time: the server refuses it once it has begun with
    /// a later turn.
    pub async fn call_in_turn<R: Rpc>(
        &self,
        host: &str,
        operation: Option<OperationId>,
        turn: Option<&Turn>,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Reply, CallError> {
        let incoming = Incoming {
            turn: turn.cloned(),
            ..Self::incoming(R::METHOD, operation, request)?
        };
        self.answered::<R>(format!("{}.{host}", R::TOPIC), incoming, timeout)
            .await
    }

    async fn answered<R: Rpc>(
        &self,
        target: String,
        incoming: Incoming,
        timeout: Duration,
    ) -> Result<R::Reply, CallError> {
        let answer = tokio::time::timeout(timeout, self.carry_call(&target, incoming, timeout))
            .await
            .map_err(|_| CallError::Timeout {
                target,
                method: R::METHOD.to_owned(),
                seconds: timeout.as_secs(),
            })??;
        R::Reply::deserialize(answer).map_err(|error| CallError::Malformed {
            method: R::METHOD,
            reason: error.to_string(),
        })
    }

    /// Sends to any one server of `M`'s topic. Waits only while the queue is full; an error means that it was not sent.
    pub async fn cast<M: Message>(&self, message: &M) -> Result<(), CallError> {
        let incoming = Self::incoming(M::METHOD, None, message)?;
        self.carry_cast(M::TOPIC, incoming).await
    }

    /// Sends to the server of `M`'s topic on `host`.
    pub async fn cast_to<M: Message>(&self, host: &str, message: &M) -> Result<(), CallError> {
        let incoming = Self::incoming(M::METHOD, None, message)?;
        self.carry_cast(&format!("{}.{host}", M::TOPIC), incoming)
            .await
    }

    /// Tells every server of `M`'s topic that is there now, this process's own included, and never waits. Lossy.
    pub fn cast_all<M: Message>(&self, message: &M) -> Result<(), CallError> {
        let incoming = Self::incoming(M::METHOD, None, message)?;
        match &self.carrier {
            Carrier::Local(bus) => bus.cast_all(M::TOPIC, &incoming),
            Carrier::Amqp(bus) => bus.cast_all(M::TOPIC, incoming),
        }
        Ok(())
    }

    /// Host and port of the broker, if there is one.
    pub fn broker(&self) -> Option<String> {
        match &self.carrier {
            Carrier::Local(_) => None,
            Carrier::Amqp(bus) => Some(bus.broker()),
        }
    }

    /// Whether all of it is inside this process.
    pub fn is_local(&self) -> bool {
        matches!(self.carrier, Carrier::Local(_))
    }

    /// Serves `topic` as `host` until the guard is dropped: the shared queue of the topic, and the host's own.
    pub fn serve(&self, topic: &str, host: &str, handler: Arc<dyn Handler>) -> Serving {
        match &self.carrier {
            Carrier::Local(bus) => Serving::Local {
                _guard: bus.serve(topic, host, handler),
            },
            Carrier::Amqp(bus) => Serving::Amqp {
                _guard: bus.serve(topic, host, handler),
            },
        }
    }

    /// Tells whoever listens outside, and never waits. Lossy: what can not be told now is forgotten. Nobody can listen
    /// from outside to a bus inside one process.
    pub fn notify(&self, notification: Notification) {
        if let Carrier::Amqp(bus) = &self.carrier {
            bus.notify(notification);
        }
    }

    /// How the bus is, and every queue that this process serves or lately called.
    pub async fn health(&self) -> BusHealth {
        match &self.carrier {
            Carrier::Local(bus) => bus.health(),
            Carrier::Amqp(bus) => bus.health(true).await,
        }
    }

    /// How the bus is, and the queues that this process serves: cheap enough for a dashboard.
    pub async fn pulse(&self) -> BusHealth {
        match &self.carrier {
            Carrier::Local(bus) => bus.health(),
            Carrier::Amqp(bus) => bus.health(false).await,
        }
    }

    /// Since when messages reach this process; `None` while they can not. In one process they always do.
    pub fn hears_since(&self) -> Option<Time> {
        match &self.carrier {
            Carrier::Local(_) => Some(Time(0)),
            Carrier::Amqp(bus) => bus.hears_since(),
        }
    }

    /// Whether the broker has been there for so long that everybody has found it again: only then is silence the other's.
    pub fn is_steady(&self) -> bool {
        self.hears_since()
            .is_some_and(|since| Time::now().0 - since.0 >= STEADY_US)
    }

    async fn send_call(
        &self,
        target: &str,
        incoming: Incoming,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        match &self.carrier {
            Carrier::Local(bus) => bus.call(target, incoming).await,
            Carrier::Amqp(bus) => bus.call(target, incoming, timeout).await,
        }
    }

    async fn send_cast(&self, target: &str, incoming: Incoming) -> Result<(), CallError> {
        match &self.carrier {
            Carrier::Local(bus) => bus.cast(target, incoming).await,
            Carrier::Amqp(bus) => bus.cast(target, incoming).await,
        }
    }

    #[cfg(not(test))]
    async fn carry_call(
        &self,
        target: &str,
        incoming: Incoming,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        self.send_call(target, incoming, timeout).await
    }

    #[cfg(not(test))]
    async fn carry_cast(&self, target: &str, incoming: Incoming) -> Result<(), CallError> {
        self.send_cast(target, incoming).await
    }

    fn incoming<T: Serialize>(
        method: &'static str,
        operation: Option<OperationId>,
        payload: &T,
    ) -> Result<Incoming, CallError> {
        let malformed = |reason: String| CallError::Malformed { method, reason };
        let payload =
            serde_json::to_value(payload).map_err(|error| malformed(error.to_string()))?;
        size::check(&payload).map_err(malformed)?;
        Ok(Incoming {
            method: method.to_owned(),
            operation,
            turn: None,
            payload,
        })
    }
}

#[cfg(test)]
mod tests;
