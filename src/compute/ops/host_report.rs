//! What nodes and control processes say of themselves.

use uuid::Uuid;

use super::host_list::down_us;
use crate::compute::rpc::HostReport;
use crate::compute::store;
use crate::compute::store::host::{Machine, Report};
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::hypervisor::VirtType;
use crate::ids::{HostId, Time};
use crate::network::ops::host_moved_on_conn;

/// Longest name of a host.
const LONGEST_NAME: usize = 255;

/// Most networks that a host says it is plugged into.
const MOST_PHYSICAL: usize = 64;

/// Most numbers that a host tells of itself.
const MOST_METRICS: usize = 100;

/// What a report brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostNews {
    /// The host was not known before.
    pub is_new: bool,
    /// Its agent started since its last report: it knows nothing of what it was told before.
    pub restarted: bool,
    /// It counted as down before.
    pub came_up: bool,
}

/// Takes a report: makes the host known, notes what its machine is like, and tells watchers when it comes up or its
/// hypervisor stops or begins to answer. What is to be done about its guests is not decided here.
pub async fn host_report(cx: &Context, report: &HostReport) -> Result<HostNews> {
    if report.host.is_empty() || report.host.len() > LONGEST_NAME {
        return Err(Error::invalid(
            "host",
            format!("a host's name has 1 to {LONGEST_NAME} characters"),
        ));
    }
    let virt_type = report.info.as_ref().map(|info| virt_name(info.virt_type));
    let sane = |(name, value): &(&String, &f64)| name.len() <= LONGEST_NAME && value.is_finite();
    let metrics = report.metrics.iter().filter(sane).take(MOST_METRICS);
    let metrics = metrics
        .map(|(name, value)| (name.clone(), *value))
        .collect();
    let physical_networks: Vec<String> = report
        .physical_networks
        .iter()
        .filter(|name| (1..=LONGEST_NAME).contains(&name.len()))
        .take(MOST_PHYSICAL)
        .cloned()
        .collect();
    let row = Report {
        name: &report.host,
        version: &report.version,
        started_at: report.started,
        skew_us: report.sent.0.saturating_sub(Time::now().0),
        trouble: report.trouble.as_deref(),
        disk_gb: report.disk_gb,
        uptime: report.uptime.as_deref(),
        address: report.address,
        physical_networks: &physical_networks,
        metrics: &metrics,
        machine: report.info.as_ref().map(|info| Machine {
            hypervisor_type: &info.hypervisor_type,
            hypervisor_version: info.hypervisor_version,
            virt_type: virt_type.unwrap_or_default(),
            arch: &info.arch,
            cpu_model: &info.cpu_model,
            cpu_features: &info.cpu_features,
            vcpus: info.vcpus,
            memory_mb: info.memory_mb,
        }),
    };
    let mut tx = cx.db.begin().await?;
    let mut before = store::host::by_name(&mut tx, &report.host, down_us(cx)).await?;
    if before.is_none() {
        tx.take_turn("number:host").await?;
        // Another process may have taken its report meanwhile.
        before = store::host::by_name(&mut tx, &report.host, down_us(cx)).await?;
    }
    if before.is_none() {
        store::host::insert(&mut tx, &report.host, HostId::new()).await?;
    }
    store::host::update(&mut tx, &row).await?;
    if before
        .as_ref()
        .is_some_and(|host| host.address != report.address)
    {
        host_moved_on_conn(&mut tx, &report.host).await?;
    }
    let forced_down = before.as_ref().is_some_and(|host| host.forced_down);
    let came_up = !forced_down && store::host::show_up(&mut tx, &report.host, true).await?;
    tx.commit().await?;
    let trouble_before = before.as_ref().and_then(|host| host.trouble.as_deref());
    let message = match (&before, &report.trouble) {
        (None, None) => Some(format!("{} joined", report.host)),
        (_, Some(trouble)) if trouble_before != Some(trouble) => Some(format!(
            "{}: the hypervisor does not answer: {trouble}",
            report.host
        )),
        (_, None) if trouble_before.is_some() => {
            Some(format!("{}: the hypervisor answers again", report.host))
        }
        _ if came_up => Some(format!("{} is up", report.host)),
        _ => None,
    };
    if message.is_some() {
        let change = if before.is_none() {
            Change::Created
        } else {
            Change::Updated
        };
        tell(cx, &report.host, change, message);
    }
    Ok(HostNews {
        is_new: before.is_none(),
        restarted: before.is_none_or(|host| host.started_at != report.started),
        came_up,
    })
}

/// Tells watchers about a host.
pub(super) fn tell(cx: &Context, host: &str, change: Change, message: Option<String>) {
    cx.events.publish(Event {
        message,
        ..Event::new("host", host, None, change).named(host)
    });
}

fn virt_name(kind: VirtType) -> &'static str {
    match kind {
        VirtType::Kvm => "kvm",
        VirtType::Qemu => "qemu",
        VirtType::Sim => "sim",
    }
}

/// Notes that this control process lives; to be called every few seconds.
pub async fn control_report(cx: &Context) -> Result<()> {
    let skew_us = clock_skew(cx).await?;
    let mut tx = cx.db.begin().await?;
    tx.take_turn("number:control").await?;
    let process = store::host::ControlReport {
        place: &control_place(cx),
        host: &cx.config.agent.host,
        id: cx.process,
        version: env!("CARGO_PKG_VERSION"),
        started_at: cx.started,
        skew_us,
    };
    store::host::control_report(&mut tx, &process).await?;
    tx.commit().await?;
    Ok(())
}

/// How far this process's clock is ahead of the database's, in microseconds: to within half of what a question takes.
async fn clock_skew(cx: &Context) -> Result<i64> {
    let mut conn = cx.db.read().await?;
    let before = Time::now();
    let there = store::host::clock(&mut conn).await?;
    let middle = before.0 + (Time::now().0 - before.0) / 2;
    Ok(middle.saturating_sub(there.0))
}

/// Notes that this control process has stopped.
pub async fn control_leave(cx: &Context) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::host::control_leave(&mut tx, &control_place(cx), cx.process).await?;
    tx.commit().await?;
    Ok(())
}

/// Who a control process is across its starts: its machine and data directory, which one process has at a time.
fn control_place(cx: &Context) -> String {
    let place = format!("{}:{}", cx.config.agent.host, cx.config.data_dir.display());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, place.as_bytes()).to_string()
}
