//! Telling nodes what their networking shall be.
//!
//! Level-triggered: a node is told everything, with a generation; it may be told twice, and what it was told last holds.
//! In one process at most one call to a node is under way; whoever waited for it finds that its change was told along, so
//! many launches at a time cost a few calls.

use std::time::Duration;

use super::desired::{network_desired, port_specs};
use super::desired_rows::DesiredRows;
use super::northbound::northbound_ensure;
use super::port_list::port_announce;
use crate::bus::CallError;
use crate::config::Engine;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::ids::{PortId, Time};
use crate::network::rpc::{NetworkApplied, NetworkApply, NetworkDesired, PortsReady};
use crate::network::store;

/// How long a node may take for its whole networking.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds that OVN may take to have a guest's port ready on a node: it takes tens of milliseconds, unless something is wrong.
const OVN_SECONDS: u16 = 10;
/// How long a node may take to answer after that.
const READY: Duration = Duration::from_secs(OVN_SECONDS as u64 + 10);
/// Microseconds after which a node is told again although nothing changed: mends what was changed by hand.
pub(super) const REPEAT_SECONDS: i64 = 300;

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNetworkState {
    /// The node.
    pub host: String,
    /// Whether it has what it shall have.
    pub is_current: bool,
    /// When it was told last, with success.
    pub applied_at: Time,
    /// Why it could not be told, or what it left out.
    pub trouble: Option<String>,
}

/// Returns once the node has everything that was wanted of it when this was called. Tells it if needed. `Unavailable` if
/// it does not answer or can not do it now; asking again is right.
pub async fn host_network_ensure(cx: &Context, host: &str) -> Result<()> {
    northbound_ensure(cx).await?;
    let needed = match state(cx, host).await? {
        Some(state) => state.wanted,
        None => return Ok(()),
    };
    let _turn = cx.turns.take(&turn(host)).await;
    // A second time only after the node turned out to have something newer than the database.
    for _ in 0..2 {
        match state(cx, host).await? {
            Some(state) if state.applied < needed || state.applied < 1 => {}
            _ => return Ok(()),
        }
        tell(cx, host).await?;
    }
    Ok(())
}

/// The same for guests' ports that are on the node or on their way there: returns once they work as soon as their guest
/// does. Of ports on its networks OVN says that by itself, after the node has them. `Unavailable` as well if it does not in
/// time.
pub async fn host_ports_ensure(cx: &Context, host: &str, ports: &[PortId]) -> Result<()> {
    host_network_ensure(cx, host).await?;
    if cx.config.network.engine != Engine::Ovn {
        return Ok(());
    }
    let specs = port_specs(cx, ports).await?;
    let logical = specs.iter().filter(|port| port.logical);
    let ports: Vec<PortId> = logical.map(|port| port.id).collect();
    if ports.is_empty() {
        return Ok(());
    }
    let request = PortsReady {
        ports,
        patience: OVN_SECONDS,
    };
    let answer = cx.bus.call(host, None, &request, READY).await?;
    if let Some(port) = answer.pending.first() {
        return Err(Error::Unavailable(format!(
            "OVN has not made port {port} ready on {host} in time: see there whether ovn-controller runs and reaches the southbound database (ovn-appctl -t ovn-controller connection-status)"
        )));
    }
    let mut tx = cx.db.begin().await?;
    let active = store::port::activate(&mut tx, host, &request.ports).await?;
    tx.commit().await?;
    for port in &active {
        port_announce(cx, port, Change::Updated);
    }
    Ok(())
}

/// Tells a node, whether that is needed or not.
pub async fn host_network_tell(cx: &Context, host: &str) -> Result<()> {
    let _turn = cx.turns.take(&turn(host)).await;
    tell(cx, host).await
}

/// Tells a node, unless that is under way; by these rows, if there are some and it was told nothing newer.
pub async fn host_network_catch_up(
    cx: &Context,
    host: &str,
    rows: Option<&DesiredRows>,
) -> Result<()> {
    let Some(_turn) = cx.turns.take_free(&turn(host)) else {
        return Ok(());
    };
    let Some(rows) = rows else {
        return tell(cx, host).await;
    };
    let desired = rows.desired(host);
    match state(cx, host).await? {
        Some(state) if state.applied <= desired.generation => say(cx, host, desired).await,
        _ => Ok(()),
    }
}

/// Who tells a node has this turn.
fn turn(host: &str) -> String {
    format!("network:{host}")
}

async fn tell(cx: &Context, host: &str) -> Result<()> {
    let desired = network_desired(cx, host).await?;
    say(cx, host, desired).await
}

async fn say(cx: &Context, host: &str, desired: NetworkDesired) -> Result<()> {
    let request = NetworkApply { desired };
    // Not in the name of an operation: each call says something new.
    match cx.bus.call(host, None, &request, PATIENCE).await {
        Ok(applied) => note(cx, host, &request.desired, &applied).await,
        Err(error) => {
            let text = error.to_string();
            let mut tx = cx.db.begin().await?;
            store::host::failed(&mut tx, host, &text).await?;
            tx.commit().await?;
            Err(match error {
                // Whatever it is, it may pass, and asking again does no harm.
                CallError::Fault(_) => {
                    Error::Unavailable(format!("the network of {host} is not ready: {text}"))
                }
                other => other.into(),
            })
        }
    }
}

/// Notes what a node has now, and which ports work with that.
async fn note(
    cx: &Context,
    host: &str,
    desired: &NetworkDesired,
    applied: &NetworkApplied,
) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    if applied.generation > desired.generation {
        store::host::overtake(&mut tx, host, applied.generation).await?;
        tx.commit().await?;
        return Ok(());
    }
    let left_out = (!applied.problems.is_empty()).then(|| applied.problems.join("; "));
    store::host::applied(&mut tx, host, applied.generation, left_out.as_deref()).await?;
    let ports = desired.ports();
    let active = store::port::activate(&mut tx, host, &ports).await?;
    tx.commit().await?;
    for change in &applied.changes {
        tracing::debug!(host, %change, "host network");
    }
    for port in &active {
        port_announce(cx, port, Change::Updated);
    }
    Ok(())
}

async fn state(cx: &Context, host: &str) -> Result<Option<store::host::HostNetwork>> {
    let mut conn = cx.db.read().await?;
    Ok(store::host::find(&mut conn, host).await?)
}

/// Nodes that have to be told something, or were told nothing for long; not those that this process tells just now.
pub async fn host_network_due(cx: &Context) -> Result<Vec<String>> {
    let mut conn = cx.db.read().await?;
    let before = Time::now().plus_seconds(-REPEAT_SECONDS);
    let due = store::host::due(&mut conn, before).await?;
    let hosts = due.into_iter().map(|state| state.host);
    Ok(hosts
        .filter(|host| host != store::host::NORTHBOUND)
        .filter(|host| cx.turns.take_free(&turn(host)).is_some())
        .collect())
}

/// Forgets what a node is known to have: its agent restarted. The reconciler tells it again within a second.
pub async fn host_network_stale(cx: &Context, host: &str) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::host::forget(&mut tx, host).await?;
    tx.commit().await?;
    Ok(())
}

/// Where all nodes stand that ever had a port, by name.
pub async fn host_network_list(cx: &Context) -> Result<Vec<HostNetworkState>> {
    let mut conn = cx.db.read().await?;
    let states = store::host::list(&mut conn).await?;
    Ok(states
        .into_iter()
        .map(|state| HostNetworkState {
            is_current: state.applied >= state.wanted,
            host: state.host,
            applied_at: state.applied_at,
            trouble: state.trouble,
        })
        .collect())
}
