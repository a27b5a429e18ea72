//! The newest rates of everything the caller may see, and the busiest.

use crate::compute;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{ProjectId, ServerId, Time};
use crate::telemetry::meters::Sample;
use crate::telemetry::wire::{HostRates, Meter, SampleBatch, ServerRates, TopEntry};

use super::record::rates;

/// Silence after which a sample is no news any more, in seconds.
const STALE_AFTER: i64 = 15;

struct Seen {
    id: ServerId,
    project: ProjectId,
    name: String,
    sample: Sample,
}

/// The newest rates of the project's servers, or of all; hosts for administrators.
pub async fn latest(cx: &Context, all_projects: bool) -> Result<SampleBatch> {
    let servers = servers(cx, all_projects).await?;
    let hosts = if cx.actor.is_admin() {
        hosts_latest(cx)
    } else {
        Vec::new()
    };
    let servers = servers
        .into_iter()
        .map(|seen| ServerRates {
            id: seen.id.to_string(),
            rates: rates(&seen.sample.values, seen.sample.memory_total_mb),
        })
        .collect();
    Ok(SampleBatch {
        at: Time::now(),
        servers,
        hosts,
    })
}

/// The newest rates of all hosts. Whether whoever asks may see them is for them to check.
pub fn hosts_latest(cx: &Context) -> Vec<HostRates> {
    let fresh = cx.meters.latest_of_hosts(since(cx)).into_iter();
    fresh
        .map(|(host, sample)| HostRates {
            host,
            rates: rates(&sample.values, sample.memory_total_mb),
            ..HostRates::default()
        })
        .collect()
}

/// The `count` servers with the highest values of a meter, highest first.
pub async fn top(
    cx: &Context,
    meter: Meter,
    count: usize,
    all_projects: bool,
) -> Result<Vec<TopEntry>> {
    let index = Meter::ALL
        .iter()
        .position(|known| *known == meter)
        .unwrap_or(0);
    let mut found: Vec<(f32, Seen)> = servers(cx, all_projects)
        .await?
        .into_iter()
        .filter_map(|seen| Some((seen.sample.values[index]?, seen)))
        .collect();
    found.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.id.cmp(&other.id)));
    found.truncate(count);
    let entries = found.into_iter().map(|(value, seen)| TopEntry {
        id: seen.id.to_string(),
        name: seen.name,
        host: cx.actor.is_admin().then(|| seen.sample.host.clone()),
        project_id: seen.project.to_string(),
        value: value.into(),
        rates: rates(&seen.sample.values, seen.sample.memory_total_mb),
    });
    Ok(entries.collect())
}

async fn servers(cx: &Context, all_projects: bool) -> Result<Vec<Seen>> {
    let own = if all_projects && cx.actor.is_admin() {
        None
    } else {
        Some(cx.project()?.id)
    };
    let owners = compute::ops::server_owners(cx).await?;
    let mut fresh: std::collections::HashMap<String, Sample> =
        cx.meters.latest(since(cx)).into_iter().collect();
    let seen = owners
        .into_iter()
        .filter(|(_, project, _)| own.is_none_or(|own| own == *project))
        .filter_map(|(id, project, name)| {
            let sample = fresh.remove(&crate::telemetry::meters::server_key(id))?;
            Some(Seen {
                id,
                project,
                name,
                sample,
            })
        });
    Ok(seen.collect())
}

fn since(cx: &Context) -> Time {
    let interval = i64::try_from(cx.config.agent.sample_interval).unwrap_or(1);
    Time::now().plus_seconds(-(interval * 3).max(STALE_AFTER))
}
