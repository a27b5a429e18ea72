//! What is told to nobody in particular, to the world outside or to all servers of a topic: published by a task of its own
//! from a short queue, and dropped whenever that would mean to wait.

use std::sync::Arc;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::{message, topology};
use crate::bus::{Incoming, MAX_MESSAGE, Notification};

/// What may wait to be published.
const DEPTH: usize = 1024;
/// How long it is of use to a server that is busy.
const LIVES: Duration = Duration::from_secs(30);

/// What is told.
pub(super) enum Telling {
    /// To whoever listens outside.
    Outside(Notification),
    /// To all servers of a topic.
    All { topic: String, incoming: Incoming },
}

/// Where it is left.
pub(super) struct Notifier {
    queue: mpsc::Sender<Telling>,
}

impl Notifier {
    /// Begins to publish what is left here, until `stop`.
    pub(super) fn start(link: Arc<Link>, stop: CancellationToken) -> Self {
        let (queue, waiting) = mpsc::channel(DEPTH);
        tokio::spawn(stop.run_until_cancelled_owned(publish(link, waiting)));
        Self { queue }
    }

    /// Leaves one; it is forgotten if too many wait.
    pub(super) fn tell(&self, telling: Telling) {
        let _ = self.queue.try_send(telling);
    }
}

async fn publish(link: Arc<Link>, mut waiting: mpsc::Receiver<Telling>) {
    while let Some(telling) = waiting.recv().await {
        // What happens while there is no broker is told to nobody.
        let Some(session) = link.state().session else {
            continue;
        };
        let Some((exchange, key, properties, body)) = written(&telling) else {
            continue;
        };
        if body.len() > MAX_MESSAGE {
            continue;
        }
        let published = session.teller.basic_publish(
            exchange.into(),
            key,
            BasicPublishOptions::default(),
            &body,
            properties,
        );
        if let Err(error) = published.await {
            tracing::debug!(%error, "what was told to all was lost");
        }
    }
}

/// As a message: its exchange, key, properties and body.
fn written(telling: &Telling) -> Option<(&'static str, ShortString, BasicProperties, Vec<u8>)> {
    match telling {
        Telling::Outside(notification) => {
            let key = ShortString::try_new(notification.routing_key()).ok()?;
            let body = serde_json::to_vec(notification).ok()?;
            let properties =
                BasicProperties::default().with_content_type("application/json".into());
            Some((topology::NOTIFICATIONS, key, properties, body))
        }
        Telling::All { topic, incoming } => {
            let key = ShortString::try_new(topic.as_str()).ok()?;
            let id = uuid::Uuid::new_v4().to_string();
            let (properties, body) = message::request(incoming, &id, None, LIVES).ok()?;
            Some((topology::FAN_OUT, key, properties, body))
        }
    }
}
