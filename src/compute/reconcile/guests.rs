//! Compares what a node has with what it should have.

use std::collections::{HashMap, HashSet};

use super::judge::{Verdict, Why, judge};
use super::residue;
use crate::compute::model::{Fault, PowerState, Server, Status, TaskState, VmState, status};
use crate::compute::ops::{self, UnderWay};
use crate::compute::rpc::GuestReport;
use crate::compute::sagas::{ServerPower, Stop, power};
use crate::compute::store;
use crate::compute::store::server::Brief;
use crate::context::{Change, Context, Event};
use crate::error::Result;
use crate::hypervisor::GuestState;
use crate::ids::{ServerId, Time};

/// One guest changed.
pub async fn guest_reported(cx: &Context, report: &GuestReport) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let Some(server) = store::server::show(&mut conn, report.id).await? else {
        return Ok(());
    };
    drop(conn);
    if server.host.as_deref() != Some(&report.host) {
        return Ok(());
    }
    let seen = report.power.map_or(PowerState::NoState, power);
    absorb(cx, &Brief::of(&server), seen, report.at, &report.host).await
}

/// All guests of a node, as they were at `at` or later.
pub async fn compare(cx: &Context, host: &str, at: Time, guests: &[GuestState]) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let servers = store::server::briefs_on_host(&mut conn, host).await?;
    drop(conn);
    let seen: HashMap<ServerId, PowerState> = guests
        .iter()
        .map(|guest| (guest.id, power(guest.power)))
        .collect();
    for server in &servers {
        let power = seen.get(&server.id).copied().unwrap_or_default();
        absorb(cx, server, power, at, host).await?;
    }
    let known: HashSet<ServerId> = servers.iter().map(|server| server.id).collect();
    for guest in guests.iter().filter(|guest| !known.contains(&guest.id)) {
        stray(cx, host, guest.id).await?;
    }
    Ok(())
}

/// Seconds that a change may lie in the future before the clock counts as set back; until then it may be a skew.
const SKEW: i64 = 60;

/// Takes in what was seen of one server at `at`. What was seen before the server last changed says nothing about it,
/// unless that change is dated by a clock that was set back since.
async fn absorb(
    cx: &Context,
    server: &Brief,
    seen: PowerState,
    at: Time,
    host: &str,
) -> Result<()> {
    let now = Time::now();
    if at.min(now) <= server.updated_at && server.updated_at <= now.plus_seconds(SKEW) {
        return Ok(());
    }
    match judge(server.vm_state, server.task_state, server.power_state, seen) {
        Verdict::Note if seen == server.power_state => Ok(()),
        Verdict::Note => note(cx, server, seen, host).await,
        Verdict::Become(vm, why) => {
            let fault = why.map(|why| fault(why, host));
            become_(cx, server, vm, seen, fault, host).await
        }
        Verdict::PowerOff => power_off(cx, server.id).await,
    }
}

async fn note(cx: &Context, server: &Brief, seen: PowerState, host: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let news = store::server::saw_power(&mut tx, server, seen).await?;
    tx.commit().await?;
    if news {
        let status = status(server.vm_state, server.task_state);
        cx.events.publish(event(server, status, host));
    }
    Ok(())
}

async fn become_(
    cx: &Context,
    server: &Brief,
    vm: VmState,
    seen: PowerState,
    fault: Option<Fault>,
    host: &str,
) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let settled = store::server::settle(&mut tx, server, vm, seen, fault.as_ref()).await?;
    tx.commit().await?;
    if settled {
        let what = match (vm, &fault) {
            (_, Some(fault)) => fault.message.clone(),
            (VmState::Stopped, None) => "the guest powered itself off".to_owned(),
            (vm, None) => format!("the guest is {vm} now, though nobody asked for it"),
        };
        tracing::info!(id = %server.id, what, "a server changed by itself");
        cx.events
            .publish(event(server, status(vm, None), host).saying(what));
    }
    Ok(())
}

fn event(server: &Brief, status: Status, host: &str) -> Event {
    Event::new("server", server.id, Some(server.project), Change::Updated)
        .named(&server.name)
        .with_status(status)
        .on_host(Some(host))
}

fn fault(why: Why, host: &str) -> Fault {
    let (message, details) = match why {
        Why::Crashed => (
            "the guest crashed".to_owned(),
            "start it again; its console log and the hypervisor's log on its host may say why",
        ),
        Why::Missing => (
            format!("{host} does not have the guest any more"),
            "start it: it is made anew from its disk",
        ),
    };
    Fault {
        code: 500,
        message,
        details: Some(details.to_owned()),
        created: Time::now(),
    }
}

/// A server that should be off runs: an operation like any other takes its power.
async fn power_off(cx: &Context, id: ServerId) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    let Some(server) = store::server::show(&mut tx, id).await? else {
        return Ok(());
    };
    if !is_idle(&server) {
        return Ok(());
    }
    let saga = ServerPower::<Stop>::new(&server, cx.config.compute.shutdown_timeout);
    let task = Some(TaskState::PoweringOff);
    let begun = ops::begin_on_conn(&mut tx, cx, &server, task, &saga, UnderWay::Refuse).await?;
    tx.commit().await?;
    tracing::info!(%id, "a server that should be off runs; it is stopped");
    ops::tell_begun(cx, &server, begun);
    Ok(())
}

fn is_idle(server: &Server) -> bool {
    server.vm_state == VmState::Stopped
        && server.task_state.is_none()
        && server.deleted_at.is_none()
}

/// A guest that no server has on this node.
async fn stray(cx: &Context, host: &str, id: ServerId) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let found = store::server::show(&mut conn, id).await?;
    drop(conn);
    match found {
        Some(server) if server.deleted_at.is_some() => {
            tracing::info!(%id, host, "the guest of a deleted server is removed");
            residue::remove(cx, host, id).await
        }
        // Under way to or from here.
        Some(server) if server.task_state.is_some() => Ok(()),
        _ => {
            // Told again with each report, so that whoever begins to watch learns it; never touched.
            let text = format!("{host} has a guest {id} that belongs to no server there");
            cx.events
                .publish(Event::new("host", host, None, Change::Updated).saying(text));
            Ok(())
        }
    }
}
