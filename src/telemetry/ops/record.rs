//! Takes in what a node measured.

use std::collections::{BTreeMap, HashMap};

use crate::compute;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::ids::{ProjectId, Time};
use crate::telemetry::meters::{Owner, Sample, host_key, server_key};
use crate::telemetry::rpc::{SampleReport, Values};
use crate::telemetry::wire::{HostRates, Rates, SampleBatch, ServerRates};

/// Keeps the samples and tells watchers: each project its own servers, administrators the host.
pub async fn record(cx: &Context, report: SampleReport) -> Result<()> {
    let sample = |values: Values, memory_total_mb: f32| Sample {
        at: report.at,
        values,
        memory_total_mb,
        host: report.host.clone(),
    };
    cx.meters.put(
        &host_key(&report.host),
        sample(report.values, report.memory_total_mb),
    );
    for server in &report.servers {
        cx.meters.put(
            &server_key(server.id),
            sample(server.values, server.memory_total_mb),
        );
    }
    if cx.events.watchers() == 0 {
        return Ok(());
    }
    if cx
        .meters
        .wants_owners(report.servers.iter().map(|server| server.id))
    {
        let owners = compute::ops::server_owners(cx).await?;
        let owners: HashMap<_, _> = owners
            .into_iter()
            .map(|(id, project, name)| (id, Owner { project, name }))
            .collect();
        cx.meters.set_owners(owners);
    }
    let mut by_project: BTreeMap<ProjectId, Vec<ServerRates>> = BTreeMap::new();
    for server in &report.servers {
        if let Some(owner) = cx.meters.owner(server.id) {
            let rates = rates(&server.values, server.memory_total_mb);
            by_project
                .entry(owner.project)
                .or_default()
                .push(ServerRates {
                    id: server.id.to_string(),
                    rates,
                });
        }
    }
    for (project, servers) in by_project {
        publish(
            cx,
            report.at,
            Some(project),
            SampleBatch {
                at: report.at,
                servers,
                hosts: Vec::new(),
            },
        );
    }
    let host = HostRates {
        host: report.host.clone(),
        rates: rates(&report.values, report.memory_total_mb),
        ..HostRates::default()
    };
    publish(
        cx,
        report.at,
        None,
        SampleBatch {
            at: report.at,
            servers: Vec::new(),
            hosts: vec![host],
        },
    );
    Ok(())
}

fn publish(cx: &Context, at: Time, project: Option<ProjectId>, batch: SampleBatch) {
    let data = serde_json::to_value(batch).ok();
    cx.events.publish(Event {
        at,
        data,
        ..Event::new("sample", "", project, Change::Updated)
    });
}

/// Values as the wire names them.
pub(super) fn rates(values: &Values, memory_total_mb: f32) -> Rates {
    let [
        cpu_util,
        memory_mb,
        disk_read,
        disk_write,
        _,
        _,
        net_rx,
        net_tx,
    ] = *values;
    Rates {
        cpu_util,
        memory_mb,
        memory_total_mb: Some(memory_total_mb),
        disk_read,
        disk_write,
        net_rx,
        net_tx,
    }
}
