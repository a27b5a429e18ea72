//! Tells the world outside what changes: each event of this process as a notification on the bus.
//!
//! It watches as any other watcher does, behind the commit, so no transaction waits for it. What it misses because too
//! much happens, or because there is no broker, is not told.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::bus::Notification;
use crate::context::{Change, Cloud, Event};

/// Tells for ever.
pub(super) async fn run(cloud: Arc<Cloud>) {
    let mut events = cloud.events.watch();
    loop {
        match events.recv().await {
            // Samples are for whoever looks now; there are many. What another process told of, it tells.
            Ok((_, event)) if event.kind == "sample" || event.relayed => {}
            Ok((_, event)) => cloud.bus.notify(notification(&event)),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "changes were not told to the world outside");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn notification(event: &Event) -> Notification {
    let change = match event.change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Deleted => "deleted",
    };
    Notification {
        project_id: event.project.map(|id| id.to_string()),
        message: event.message.clone(),
        data: event.data.clone(),
        ..Notification::new(event.at, &event.kind, change, &event.id)
    }
}
