//! Control processes tell each other what changes: each one's watchers see what any of them did.
//!
//! As with all events, what is lost is lost; whoever needs the truth reads the database. A process tells of what happened
//! in itself alone, so nothing goes round in circles.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::bus::Message;
use crate::compute::rpc::CONDUCTOR;
use crate::context::{Cloud, Context, Event};
use crate::error::Result;

/// Events told at a time, and how long is waited for more of them.
const MOST: usize = 100;
const GATHER: Duration = Duration::from_millis(20);

/// What happened in a control process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Happened {
    /// The process.
    process: String,
    /// In order.
    events: Vec<Event>,
}

impl Message for Happened {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "happened";
}

/// Tells for ever. With a bus inside one process there is nobody to tell.
pub(super) async fn run(cloud: Arc<Cloud>) {
    if cloud.bus.is_local() {
        return;
    }
    tell(cloud).await;
}

async fn tell(cloud: Arc<Cloud>) {
    let mut watched = cloud.events.watch();
    let mut events = Vec::new();
    loop {
        let wait = if events.is_empty() {
            Duration::MAX
        } else {
            GATHER
        };
        let more = tokio::time::timeout(wait, watched.recv()).await;
        let all = more.is_err();
        match more {
            Ok(Ok((_, event))) if event.relayed => continue,
            Ok(Ok((_, event))) => events.push(Event::clone(&event)),
            Ok(Err(RecvError::Lagged(_))) => continue,
            Ok(Err(RecvError::Closed)) => return,
            Err(_) => {}
        }
        if all || events.len() >= MOST {
            let happened = Happened {
                process: cloud.process.to_string(),
                events: std::mem::take(&mut events),
            };
            if let Err(error) = cloud.bus.cast_all(&happened) {
                tracing::debug!(%error, "what happened was not told to the other control processes");
            }
        }
    }
}

/// Tells this process's watchers what happened in another one.
pub(super) async fn happened(cx: Context, told: Happened) -> Result<()> {
    if told.process == cx.process.to_string() {
        return Ok(());
    }
    for event in told.events {
        cx.events.publish(Event {
            relayed: true,
            ..event
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::compute::conductor::Conductor;
    use crate::context::Change;

    #[tokio::test]
    async fn what_happens_in_one_process_is_seen_in_the_others_once() {
        let (_one_dir, one, _) = crate::context::testing::cloud().await;
        let (_other_dir, other, _) = crate::context::testing::cloud().await;
        let mut serving = Vec::new();
        for (name, cloud) in [("c1", &one), ("c2", &other)] {
            let mut table = Conductor::new(cloud.clone());
            table.on(happened);
            // Both on the first one's bus.
            serving.push(one.bus.serve(CONDUCTOR, name, Arc::new(table)));
        }
        let (mut here, mut there) = (one.events.watch(), other.events.watch());
        tokio::spawn(tell(one.clone()));
        // The teller watches before anything happens.
        while one.events.watchers() < 2 {
            tokio::task::yield_now().await;
        }
        for number in 0..3 {
            one.events.changed("server", number, None, Change::Updated);
        }
        for number in 0..3 {
            let seen = tokio::time::timeout(Duration::from_secs(20), there.recv());
            let (_, event) = seen.await.unwrap().unwrap();
            assert_eq!(event.id, number.to_string());
            assert!(event.relayed);
            assert!(!here.recv().await.unwrap().1.relayed);
        }
        assert!(here.is_empty() && there.is_empty());
    }
}
