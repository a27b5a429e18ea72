//! The bus inside one process: a table of queues, each with one bounded channel and any number of servers.
//!
//! Work runs on a task of its own per message, at most [`CONCURRENCY`] at a time for one server, so that a long call
//! does not hold up the next. A caller that gives up leaves the work running, as with a broker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{BusHealth, CallError, Fault, FaultKind, Handler, Incoming, QueueHealth, size};
use crate::ids::Time;

/// Messages that may wait in one queue before senders have to.
const DEPTH: usize = 1024;
/// Messages that one server works on at a time.
const CONCURRENCY: usize = 128;

struct Envelope {
    incoming: Incoming,
    reply: Option<oneshot::Sender<Result<Value, Fault>>>,
}

/// Queues take turns among their servers.
#[derive(Default)]
struct Queue {
    servers: Vec<(u64, mpsc::Sender<Envelope>)>,
    turn: usize,
}

/// All queues of this process.
pub struct LocalBus {
    queues: Arc<Mutex<Queues>>,
    since: Time,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self {
            queues: Arc::default(),
            since: Time::now(),
        }
    }
}

#[derive(Default)]
struct Queues {
    by_name: HashMap<String, Queue>,
    next_server: u64,
}

/// Serves while it lives; dropping it stops taking messages and lets running work end.
pub struct Serving {
    queues: Arc<Mutex<Queues>>,
    server: u64,
    names: [String; 2],
    _stop: DropGuard,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            if let Some(queue) = queues.by_name.get_mut(name) {
                queue.servers.retain(|(server, _)| *server != self.server);
            }
        }
    }
}

impl LocalBus {
    pub(super) async fn call(&self, target: &str, incoming: Incoming) -> Result<Value, CallError> {
        let (reply, answer) = oneshot::channel();
        self.send(
            target,
            Envelope {
                incoming,
                reply: Some(reply),
            },
        )
        .await?;
        // The server vanished with the message: as after a broker's restart, nobody knows how far it came.
        answer
            .await
            .unwrap_or_else(|_| {
                Err(Fault::new(
                    FaultKind::Unavailable,
                    format!("{target} stopped before it answered"),
                ))
            })
            .map_err(CallError::from)
    }

    pub(super) async fn cast(&self, target: &str, incoming: Incoming) -> Result<(), CallError> {
        self.send(
            target,
            Envelope {
                incoming,
                reply: None,
            },
        )
        .await
    }

    /// To every server of the topic; not to one whose queue is full.
    pub(super) fn cast_all(&self, topic: &str, incoming: &Incoming) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let servers = queues.by_name.get(topic).map(|queue| &queue.servers);
        for (_, sender) in servers.into_iter().flatten() {
            let _ = sender.try_send(Envelope {
                incoming: incoming.clone(),
                reply: None,
            });
        }
    }

    async fn send(&self, target: &str, envelope: Envelope) -> Result<(), CallError> {
        let sender = self
            .pick(target)
            .ok_or_else(|| CallError::NoServer(target.to_owned()))?;
        sender
            .send(envelope)
            .await
            .map_err(|_| CallError::NoServer(target.to_owned()))
    }

    pub(super) fn health(&self) -> BusHealth {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut found: Vec<QueueHealth> = queues
            .by_name
            .iter()
            .filter(|(_, queue)| !queue.servers.is_empty())
            .map(|(name, queue)| QueueHealth {
                name: name.clone(),
                // A server's two queues share one channel, whose length is told once, under its own name.
                messages: match name.contains('.') {
                    true => queue
                        .servers
                        .iter()
                        .map(|(_, sender)| count(sender.max_capacity() - sender.capacity()))
                        .sum(),
                    false => 0,
                },
                consumers: count(queue.servers.len()),
                served: true,
            })
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        BusHealth {
            kind: "local",
            broker: None,
            connected: true,
            since: self.since,
            trouble: None,
            queues: found,
        }
    }

    fn pick(&self, target: &str) -> Option<mpsc::Sender<Envelope>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.by_name.get_mut(target)?;
        queue.turn = queue.turn.wrapping_add(1);
        let at = queue.turn.checked_rem(queue.servers.len())?;
        queue.servers.get(at).map(|(_, sender)| sender.clone())
    }

    pub(super) fn serve(&self, topic: &str, host: &str, handler: Arc<dyn Handler>) -> Serving {
        let (sender, receiver) = mpsc::channel(DEPTH);
        let names = [topic.to_owned(), format!("{topic}.{host}")];
        let server = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.next_server += 1;
            let server = queues.next_server;
            for name in &names {
                queues
                    .by_name
                    .entry(name.clone())
                    .or_default()
                    .servers
                    .push((server, sender.clone()));
            }
            server
        };
        let stop = CancellationToken::new();
        tokio::spawn(run(receiver, handler, stop.clone()));
        Serving {
            queues: self.queues.clone(),
            server,
            names,
            _stop: stop.drop_guard(),
        }
    }
}

async fn run(
    mut receiver: mpsc::Receiver<Envelope>,
    handler: Arc<dyn Handler>,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let tasks = TaskTracker::new();
    loop {
        let envelope = tokio::select! {
            () = stop.cancelled() => break,
            envelope = receiver.recv() => match envelope {
                Some(envelope) => envelope,
                None => break,
            },
        };
        let Ok(slot) = slots.clone().acquire_owned().await else {
            break;
        };
        let handler = handler.clone();
        tasks.spawn(async move {
            let method = envelope.incoming.method.clone();
            let answer = size::bounded(handler.handle(envelope.incoming).await);
            if let Some(reply) = envelope.reply {
                // A caller that went away is no concern of the server.
                let _ = reply.send(answer);
            } else if let Err(fault) = answer {
                tracing::warn!(method, %fault, "a message could not be handled");
            }
            drop(slot);
        });
    }
    tasks.close();
    tasks.wait().await;
}
