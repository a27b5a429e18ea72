//! Measures the node and its guests, in one call to the hypervisor per interval.
//!
//! Rates are computed here, where the counters are, from two readings of one guest's life: a counter that went back
//! means another life, and gives no rate. A batch that nobody takes is dropped; a reading that takes longer than the
//! interval delays the next one and is never doubled.

mod host;
mod rates;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Node;
use crate::hypervisor::{GuestStats, VirtType};
use crate::ids::{ServerId, Time};
use crate::telemetry::rpc::{SampleReport, ServerSample};
use host::HostReading;

pub(super) async fn run(node: Arc<Node>, interval: Duration) {
    let mut tick = tokio::time::interval(interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut before: HashMap<ServerId, GuestStats> = HashMap::new();
    let mut host_before: Option<HostReading> = None;
    loop {
        tick.tick().await;
        // Without an answer there is a gap; the reports say why.
        let Ok(stats) = node.hypervisor.stats().await else {
            before.clear();
            continue;
        };
        let Ok(info) = node.info().await else {
            continue;
        };
        let simulated = info.virt_type == VirtType::Sim;
        let guests: Vec<ServerSample> = stats
            .iter()
            .map(|now| ServerSample {
                id: now.id,
                values: rates::guest(before.get(&now.id), now),
                memory_total_mb: rates::mib(now.memory_actual_kib),
            })
            .collect();
        let total = rates::whole(info.memory_mb);
        let values = if simulated {
            host::of_guests(&guests, info.vcpus)
        } else {
            let now = HostReading::read().await;
            let values = host::rates(host_before.as_ref(), &now);
            host_before = Some(now);
            values
        };
        before = stats.into_iter().map(|stats| (stats.id, stats)).collect();
        let report = SampleReport {
            host: node.host.clone(),
            at: Time::now(),
            values,
            memory_total_mb: total,
            servers: guests,
        };
        // Lossy on purpose.
        let _ = node.bus.cast(&report).await;
    }
}
