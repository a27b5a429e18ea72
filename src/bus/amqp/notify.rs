//! Notifications: published by a task of its own from a short queue, and dropped whenever that would mean to wait.

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::topology;
use crate::bus::{MAX_MESSAGE, Notification};

/// Notifications that may wait to be published.
const DEPTH: usize = 1024;

/// Where they are left.
pub(super) struct Notifier {
    queue: mpsc::Sender<Notification>,
}

impl Notifier {
    /// Begins to publish what is left here, until `stop`.
    pub(super) fn start(link: Arc<Link>, stop: CancellationToken) -> Self {
        let (queue, waiting) = mpsc::channel(DEPTH);
        tokio::spawn(stop.run_until_cancelled_owned(publish(link, waiting)));
        Self { queue }
    }

    /// Leaves one; it is forgotten if too many wait.
    pub(super) fn notify(&self, notification: Notification) {
        let _ = self.queue.try_send(notification);
    }
}

async fn publish(link: Arc<Link>, mut waiting: mpsc::Receiver<Notification>) {
    while let Some(notification) = waiting.recv().await {
        // What happens while there is no broker is told to nobody.
        let Some(session) = link.state().session else {
            continue;
        };
        let key = ShortString::try_new(notification.routing_key());
        let (Ok(key), Ok(body)) = (key, serde_json::to_vec(&notification)) else {
            continue;
        };
        if body.len() > MAX_MESSAGE {
            continue;
        }
        let properties = BasicProperties::default().with_content_type("application/json".into());
        let published = session.teller.basic_publish(
            topology::NOTIFICATIONS.into(),
            key,
            BasicPublishOptions::default(),
            &body,
            properties,
        );
        if let Err(error) = published.await {
            tracing::debug!(%error, "a notification was lost");
        }
    }
}
