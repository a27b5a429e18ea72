//! What this process can tell of the broker and of the queues it uses.

use std::time::Duration;

use lapin::types::ShortString;

use super::{AmqpBus, reach};
use crate::bus::{BusHealth, QueueHealth};
use crate::ids::Time;

/// How long looking at all queues may take; those not reached by then are left out.
const PATIENCE: Duration = Duration::from_secs(2);
/// Queues looked at.
const MOST: usize = 500;

impl AmqpBus {
    /// Since when there is a connection, if there is one.
    pub(in crate::bus) fn hears_since(&self) -> Option<Time> {
        let state = self.link.state();
        state.session.map(|_| state.since)
    }

    /// The connection, the queues that this process serves and, if `all`, those it lately called.
    pub(in crate::bus) async fn health(&self, all: bool) -> BusHealth {
        let state = self.link.state();
        let mut health = BusHealth {
            kind: "rabbitmq",
            broker: Some(self.link.place().to_owned()),
            connected: state.session.is_some(),
            since: state.since,
            trouble: state.trouble,
            queues: Vec::new(),
        };
        let Some(session) = state.session else {
            return health;
        };
        health.trouble = session.blocked().map(|reason| {
            format!("the broker takes no messages: {reason}; give it memory or disk")
        });
        let served = self.served();
        let mut names = served.clone();
        if all {
            names.extend(self.reach.known());
            names.sort();
            names.dedup();
            names.truncate(MOST);
        }
        let looks = async {
            for name in names {
                let Ok(queue) = ShortString::try_new(name.as_str()) else {
                    continue;
                };
                // Of a queue that is not there, or a connection that ends just now, there is nothing to tell.
                if let Ok(Some(look)) = reach::look(&session, &queue).await {
                    health.queues.push(QueueHealth {
                        served: served.contains(&name),
                        name,
                        messages: look.messages.into(),
                        consumers: look.consumers.into(),
                    });
                }
            }
        };
        // What was seen until then is told.
        let _ = tokio::time::timeout(PATIENCE, looks).await;
        health
    }
}
