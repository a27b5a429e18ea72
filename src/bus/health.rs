//! How the bus is, as data.

use crate::ids::Time;

/// The bus as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusHealth {
    /// `local` or `rabbitmq`.
    pub kind: &'static str,
    /// Where the broker is: host, port and virtual host. Never a password.
    pub broker: Option<String>,
    /// Whether messages can be sent now.
    pub connected: bool,
    /// Since when that is so.
    pub since: Time,
    /// What is wrong and what to do.
    pub trouble: Option<String>,
    /// Queues that this process serves or lately called, as far as the broker tells.
    pub queues: Vec<QueueHealth>,
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueHealth {
    /// Its name: topic, or topic and host.
    pub name: String,
    /// Messages that nobody works on yet.
    pub messages: u64,
    /// Servers that take from it.
    pub consumers: u64,
    /// Whether this process is one of them.
    pub served: bool,
}

impl BusHealth {
    /// Messages that wait for this process and its peers.
    pub fn waiting(&self) -> u64 {
        let served = self.queues.iter().filter(|queue| queue.served);
        served.map(|queue| queue.messages).sum()
    }
}
