//! Tells the control plane that the node lives and what it has.
//!
//! At the start, every interval, and whenever the connection to the hypervisor comes back, a whole [`HostReport`]; in
//! between, each guest that changes, as soon as the hypervisor says so. A report that nobody takes is not kept: the next
//! one says the same and more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::{Node, uptime};
use crate::bus::Message;
use crate::compute::rpc::{GuestReport, HostReport};
use crate::hypervisor::HvEvent;
use crate::ids::{ServerId, Time};

pub(super) async fn run(node: Arc<Node>, interval: Duration) {
    let mut events = node.hypervisor.events();
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let whole = tokio::select! {
            _ = tick.tick() => true,
            event = events.recv() => match event {
                Ok(HvEvent::Power { id, .. } | HvEvent::Gone { id }) => {
                    guest(&node, id).await;
                    false
                }
                Ok(HvEvent::Connection(_)) | Err(RecvError::Lagged(_)) => true,
                Ok(HvEvent::DeviceRemoved { .. }) => false,
                // The engine is gone for good; go on saying that the node lives.
                Err(RecvError::Closed) => {
                    tick.tick().await;
                    true
                }
            },
        };
        if whole {
            let report = host(&node).await;
            send(&node, &report).await;
        }
    }
}

/// Tells what a guest is now. Not what the event said: it may have waited, and told late it would pass for news.
async fn guest(node: &Node, id: ServerId) {
    let at = Time::now();
    // Without an answer the next whole report says it.
    if let Ok(found) = node.hypervisor.guest(id).await {
        let report = GuestReport {
            host: node.host.clone(),
            id,
            power: found.map(|guest| guest.power),
            at,
        };
        send(node, &report).await;
    }
}

async fn send<M: Message>(node: &Node, message: &M) {
    if let Err(error) = node.bus.cast(message).await {
        tracing::debug!(%error, method = M::METHOD, "nobody takes reports now");
    }
}

async fn host(node: &Node) -> HostReport {
    let seen = Time::now();
    let (info, guests) = tokio::join!(node.hypervisor.host(), node.hypervisor.guests());
    let trouble = info
        .as_ref()
        .err()
        .or(guests.as_ref().err())
        .map(ToString::to_string);
    let simulated = info.as_ref().ok().and_then(|info| info.disk_gb);
    HostReport {
        host: node.host.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: node.started,
        sent: Time::now(),
        seen,
        info: info.ok(),
        trouble,
        disk_gb: simulated.map_or_else(|| node.places.disk_gb(), |all| (all, all)),
        uptime: uptime::read().ok().flatten(),
        address: node.whereabouts.address().await,
        physical_networks: node.physical_networks.keys().cloned().collect(),
        // Simulated hosts share one machine, which says nothing of them.
        metrics: match simulated {
            Some(_) => Default::default(),
            None => node.monitor.read(),
        },
        guests: guests.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Places;
    use crate::bus::Bus;
    use crate::hypervisor::sim::{Latency, SimConfig, SimHost};

    #[tokio::test]
    async fn a_report_is_dated_before_its_guests_were_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let config = SimConfig {
            latency: Latency {
                call: Duration::from_millis(20),
                ..Latency::default()
            },
            ..SimConfig::default()
        };
        let sim = Arc::new(SimHost::open(config).unwrap());
        let node = Node::new(
            "n1",
            sim,
            Places::prepare(dir.path()).unwrap(),
            Bus::local(),
        );
        let before = Time::now();
        let report = host(&node).await;
        // An operation that ended while the hypervisor answered is newer than what it said.
        assert!(before <= report.seen && report.seen < report.sent);
    }
}
