//! `GET /skydeck/v1/summary`: the cloud as a whole, counted by the database, so that a dashboard of ten thousand servers
//! costs as much as one of ten.
//!
//! Whoever may look at a project sees its counts; hosts, room and health are for administrators.

use std::time::Instant;

use axum::Json;
use serde::Deserialize;

use super::operations;
use crate::api::Query;
use crate::api::wire::{HostCounts, PartHealth, Room, Summary, SummaryBody};
use crate::compute::model::Resources;
use crate::compute::ops::{HostRoom, control_list, host_rooms, server_counts};
use crate::context::Context;
use crate::error::Result;
use crate::ids::Time;
use crate::image::ops::image_counts;
use crate::network::ops::network_counts;
use crate::saga::operation_counts;
use crate::telemetry::ops::hosts_latest;
use crate::telemetry::wire::HostRates;
use crate::volume::ops::{volume_counts, volume_room};

#[derive(Deserialize)]
pub(super) struct Scope {
    #[serde(default)]
    all_projects: bool,
}

pub(super) async fn show(cx: Context, Query(scope): Query<Scope>) -> Result<Json<SummaryBody>> {
    let all = scope.all_projects;
    let (networks, ports) = network_counts(&cx, all).await?;
    let mut summary = Summary {
        at: Time::now(),
        servers: server_counts(&cx, all).await?,
        volumes: volume_counts(&cx, all).await?.into_iter().collect(),
        images: image_counts(&cx, all).await?.into_iter().collect(),
        networks: networks.try_into().unwrap_or(0),
        ports: ports.try_into().unwrap_or(0),
        ..Summary::default()
    };
    for (status, count) in operation_counts(&cx, all).await? {
        let status = operations::status(status).name();
        *summary.operations.entry(status.to_owned()).or_insert(0) += count;
    }
    if cx.actor.is_admin() {
        whole(&cx, &mut summary).await?;
    }
    Ok(Json(SummaryBody { summary }))
}

/// Adds what only administrators see.
async fn whole(cx: &Context, summary: &mut Summary) -> Result<()> {
    let rooms = host_rooms(cx).await?;
    let rates = hosts_latest(cx);
    summary.hosts = Some(counts(&rooms));
    let of = |part: fn(&Resources) -> u64, used| Room {
        total: rooms.iter().map(|room| part(&room.host.total)).sum(),
        allocatable: rooms.iter().map(|room| part(&room.capacity)).sum(),
        claimed: rooms.iter().map(|room| part(&room.used)).sum(),
        used,
    };
    summary.vcpus = Some(of(|room| room.vcpus, processors(&rooms, &rates)));
    summary.memory_mb = Some(of(|room| room.memory_mb, memory(&rates)));
    summary.disk_gb = Some(of(|room| room.disk_gb, None));
    let volumes = volume_room(cx).await?;
    summary.volume_gb = Some(Room {
        total: volumes.total_gb,
        allocatable: promised(
            volumes.total_gb,
            cx.config.volume.max_over_subscription_ratio,
        ),
        claimed: volumes.promised_gb,
        used: Some(precise(volumes.total_gb.saturating_sub(volumes.free_gb))),
    });
    summary.database = Some(database(cx).await);
    summary.bus = Some(bus(cx).await);
    let control = control_list(cx).await?;
    let alive = control.iter().filter(|process| process.up).count();
    summary.control_processes = u64::try_from(alive).ok();
    Ok(())
}

fn counts(rooms: &[HostRoom]) -> HostCounts {
    let mut counts = HostCounts::default();
    for HostRoom { host, .. } in rooms {
        counts.total += 1;
        counts.up += u64::from(host.up);
        counts.down += u64::from(!host.up);
        counts.disabled += u64::from(host.up && !host.enabled);
    }
    counts
}

/// Processors' worth of work of all hosts that are measured.
fn processors(rooms: &[HostRoom], rates: &[HostRates]) -> Option<f64> {
    let work = rates.iter().filter_map(|rate| {
        let room = rooms.iter().find(|room| room.host.name == rate.host)?;
        let part = f64::from(rate.rates.cpu_util?) / 100.0;
        Some(part * precise(room.host.total.vcpus))
    });
    measured(work)
}

fn memory(rates: &[HostRates]) -> Option<f64> {
    measured(
        rates
            .iter()
            .filter_map(|rate| rate.rates.memory_mb.map(f64::from)),
    )
}

/// The sum, if there is anything to add.
fn measured(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(|sum, value| sum + value)
}

#[expect(clippy::cast_precision_loss, reason = "amounts for people")]
fn precise(amount: u64) -> f64 {
    amount as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole GiB, never negative"
)]
fn promised(total: u64, ratio: f64) -> u64 {
    (precise(total) * ratio) as u64
}

/// How the bus is, and what waits for control processes.
async fn bus(cx: &Context) -> PartHealth {
    let begun = Instant::now();
    let pulse = cx.bus.pulse().await;
    PartHealth {
        kind: pulse.kind.into(),
        ok: pulse.connected && pulse.trouble.is_none(),
        latency_ms: pulse
            .connected
            .then(|| begun.elapsed().as_secs_f64() * 1000.0),
        waiting: pulse.connected.then(|| pulse.waiting()),
        trouble: pulse.trouble,
    }
}

/// Asks the database for a sign of life.
async fn database(cx: &Context) -> PartHealth {
    let begun = Instant::now();
    let answer = async { cx.db.read().await?.ping().await }.await;
    PartHealth {
        kind: cx.db.engine().name().into(),
        ok: answer.is_ok(),
        latency_ms: Some(begun.elapsed().as_secs_f64() * 1000.0),
        waiting: None,
        trouble: answer.err().map(|error| error.to_string()),
    }
}
