//! The bus over RabbitMQ.
//!
//! | what | how |
//! |---|---|
//! | requests | topic exchange `skydeck`, routing key = queue's name: `compute` is shared by a topic's servers, `compute.n1` is one server's own. Quorum queues: they survive a broker's restart, and a cluster's loss of a member |
//! | answers | direct exchange `skydeck.reply`; each process has one exclusive queue there, and tells answers apart by message id |
//! | what all shall hear | direct exchange `skydeck.fanout`, routing key = topic; each server has one exclusive queue there; lossy |
//! | notifications | topic exchange `skydeck.notifications`, for whoever binds a queue to it; lossy |
//!
//! **A message's life.** It is published as mandatory and confirmed: a queue that does not exist, or is full, is an error at
//! once. It expires in the queue with its caller's patience. A server takes at most [`PREFETCH`](server::PREFETCH) at a
//! time, works, answers, and only then acknowledges: when it dies before, the broker gives the message to the next one,
//! at most `x-delivery-limit` times. So work may be done twice, never not at all while its caller waits.
//!
//! **A host that is gone.** Its queue stays for a while, so that an agent's restart loses nothing; so a mandatory message
//! would be swallowed by it. Before a call the caller therefore makes sure that somebody consumes there
//! ([`reach`]), unless it heard from that queue a moment ago. A queue that nobody consumes goes away by `x-expires`.
//!
//! **A broker that is gone.** One task ([`link`]) keeps the connection, for ever and with growing pauses; everything that
//! lives on a connection is a [`session::Session`], and a new connection is a new session: nothing is repaired in place.
//! Servers declare and consume again on each session. Calls under way fail at once as [`CallError::Broker`], which
//! callers retry. A process starts whether or not there is a broker, and says so in its log and its health. lapin's own
//! recovery was left aside: it retries a given number of times, and what is half recovered can not be seen from outside.
//!
//! [`CallError::Broker`]: super::CallError::Broker

mod address;
mod call;
mod health;
mod link;
mod message;
mod notify;
mod pending;
mod reach;
mod server;
mod session;
mod topology;

pub use address::is_loopback;

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Handler, Incoming, Notification};
use crate::config::BusSettings;

pub use address::SettingsError;

/// The bus of one process over one broker.
pub struct AmqpBus {
    link: Arc<link::Link>,
    reach: reach::Reach,
    notifier: notify::Notifier,
    served: Arc<Mutex<Vec<String>>>,
    alive: Arc<DropGuard>,
}

/// Serves while it lives; dropping it stops taking messages and lets running work end.
pub struct Serving {
    served: Arc<Mutex<Vec<String>>>,
    names: [String; 2],
    _stop: DropGuard,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            if let Some(at) = served.iter().position(|other| other == name) {
                served.swap_remove(at);
            }
        }
    }
}

impl AmqpBus {
    pub(super) fn open(settings: &BusSettings, name: &str) -> Result<Self, SettingsError> {
        let broker = address::Broker::new(settings, name)?;
        let stop = CancellationToken::new();
        let link = link::Link::start(broker, stop.clone());
        Ok(Self {
            reach: reach::Reach::default(),
            notifier: notify::Notifier::start(link.clone(), stop.clone()),
            served: Arc::default(),
            link,
            alive: Arc::new(stop.drop_guard()),
        })
    }

    /// The broker's host and port.
    pub(super) fn broker(&self) -> String {
        self.link.address().to_owned()
    }

    pub(super) fn serve(&self, topic: &str, host: &str, handler: Arc<dyn Handler>) -> Serving {
        let names = [topic.to_owned(), format!("{topic}.{host}")];
        self.served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(names.clone());
        let stop = CancellationToken::new();
        let server = server::Server {
            link: self.link.clone(),
            names: names.clone(),
            handler,
            alive: self.alive.clone(),
        };
        tokio::spawn(server.run(stop.clone()));
        Serving {
            served: self.served.clone(),
            names,
            _stop: stop.drop_guard(),
        }
    }

    pub(super) fn cast_all(&self, topic: &str, incoming: Incoming) {
        self.notifier.tell(notify::Telling::All {
            topic: topic.to_owned(),
            incoming,
        });
    }

    pub(super) fn notify(&self, notification: Notification) {
        self.notifier.tell(notify::Telling::Outside(notification));
    }

    /// Breaks the connection, as a network does.
    #[cfg(test)]
    pub(super) fn cut(&self) {
        if let Some(session) = self.link.state().session {
            session.give_up(&std::io::Error::other("cut by a test").into());
        }
    }

    /// The names of the queues that this process serves, each once.
    fn served(&self) -> Vec<String> {
        let mut names = self
            .served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        names.sort();
        names.dedup();
        names
    }
}
