//! What sagas have in common: speaking to the node about one guest, and recording what became of the server.

use std::time::Duration;

use crate::bus::{CallError, FaultKind, Turn};
use crate::compute::model::{Consumer, Fault, PowerState, Server};
use crate::compute::ops;
use crate::compute::rpc::{InstanceDelete, InstanceEnsure, InstancePower, PortAttach, PowerAction};
use crate::compute::scheduler::Decision;
use crate::compute::store::{self, server::Change as Row};
use crate::context::Context;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::hypervisor;
use crate::ids::{PortId, ServerId, Time};
use crate::network::ops::{host_ports_ensure, port_specs};
use crate::saga::{Failure, StepContext, StepError};
use crate::volume::ops::volume_moved_on_conn;

/// How long a node may take to define and start a guest.
pub const START: Duration = Duration::from_secs(120);
/// How long a node may take to fetch an image and make a disk of it, or to copy one.
pub const DISK: Duration = Duration::from_secs(3600);
/// How long a node may take for anything else.
pub const CALL: Duration = Duration::from_secs(60);
/// Questions without an answer after which a node counts as silent. The engine's pauses between them add up to more
/// than six seconds.
const SILENT_AFTER: u32 = 5;

/// The server, deleted or not; one that has vanished altogether is a defect.
pub async fn server(cx: &Context, id: ServerId) -> Result<Server> {
    let mut conn = cx.db.read().await?;
    store::server::show(&mut conn, id)
        .await?
        .ok_or_else(|| Error::not_found("server", id))
}

/// Changes the server in a transaction of its own and tells watchers.
pub async fn write(cx: &Context, server: &Server, row: &Row) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    store::server::change(&mut tx, server.id, row).await?;
    tx.commit().await?;
    ops::tell_changed(cx, server, row);
    Ok(())
}

/// Defines the guest as the server says, and starts it if asked; answers with what it then does.
pub async fn ensure(
    cx: &StepContext,
    server: &Server,
    host: &str,
    start: bool,
) -> std::result::Result<PowerState, StepError> {
    let spec = ops::instance_spec(cx, server).await?;
    let request = InstanceEnsure { spec, start };
    let state = cx.call(host, &request, START).await?;
    Ok(power(state.power))
}

/// Makes the host's network as it shall be, if the server has any part in it: its ports are ready for it there.
pub async fn network_ensure(
    cx: &StepContext,
    id: ServerId,
    host: &str,
) -> std::result::Result<(), StepError> {
    let ports = ops::server_port_ids(cx, id).await?;
    if !ports.is_empty() {
        host_ports_ensure(cx, host, &ports).await?;
    }
    Ok(())
}

/// Says that the server's volumes are on this host from now on, as it is itself.
pub async fn volumes_follow_on_conn(conn: &mut Conn, id: ServerId, host: &str) -> Result<()> {
    for volume in store::server_link::volumes(conn, id).await? {
        volume_moved_on_conn(conn, volume.volume, host).await?;
    }
    Ok(())
}

/// Gives back what the operation itself has claimed. Success if it has nothing.
pub async fn unclaim(cx: &StepContext) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    ops::claim_release_on_conn(&mut tx, Consumer::Operation(cx.operation)).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives the guest the interface of this port. Success if the port is gone, or the guest has it.
pub async fn plug_in(
    cx: &StepContext,
    id: ServerId,
    host: &str,
    port: PortId,
) -> std::result::Result<(), StepError> {
    let server = server(cx, id).await?;
    let mut specs = port_specs(cx, &[port]).await?;
    if let Some(port) = specs.pop() {
        let request = PortAttach {
            id,
            port,
            properties: server.image_properties(),
        };
        cx.call(host, &request, CALL).await?;
    }
    Ok(())
}

/// Takes the guest's power away. Success if there is no guest.
pub async fn power_off(
    cx: &StepContext,
    id: ServerId,
    host: &str,
) -> std::result::Result<(), StepError> {
    let request = InstancePower {
        id,
        action: PowerAction::PowerOff,
        grace_seconds: 0,
    };
    match cx.ask(host, &request, CALL).await {
        Ok(_) => Ok(()),
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Counts a question without an answer; says whether the node counts as silent by now. While the broker is away, and until
/// others have found it again, the silence is not the node's.
pub fn is_silent(cx: &Context, silent: &mut u32) -> bool {
    *silent += u32::from(cx.bus.is_steady());
    *silent >= SILENT_AFTER
}

/// What came of removing a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing of it is on the node.
    Done,
    /// The node did not say so; the reason why.
    NoAnswer(String),
}

/// Removes the guest with its disks from the node. Not as part of the operation: an answer that the node gave before
/// says nothing about now; but in its turn.
pub async fn remove(cx: &Context, turn: &Turn, id: ServerId, host: &str) -> Removal {
    let request = InstanceDelete { id };
    match cx
        .bus
        .call_in_turn(host, None, Some(turn), &request, CALL)
        .await
    {
        Ok(()) => Removal::Done,
        Err(CallError::Fault(fault)) if fault.kind == FaultKind::NotFound => Removal::Done,
        Err(error) => Removal::NoAnswer(error.to_string()),
    }
}

/// Removes the guest, or notes that the node still has to when it does not answer.
pub async fn remove_or_owe(cx: &StepContext, id: ServerId, host: &str) -> Result<()> {
    if let Removal::NoAnswer(reason) = remove(cx, cx.turn(), id, host).await {
        owe(cx, id, host, &reason).await?;
    }
    Ok(())
}

/// Notes that the node still has to remove the guest, because it did not answer.
pub async fn owe(cx: &Context, id: ServerId, host: &str, reason: &str) -> Result<()> {
    tracing::warn!(%id, host, reason, "a guest will be removed when its node answers again");
    let mut tx = cx.db.begin().await?;
    store::server_residue::add(&mut tx, host, id).await?;
    tx.commit().await?;
    Ok(())
}

/// What the hypervisor says, in the words of the model.
pub fn power(state: hypervisor::PowerState) -> PowerState {
    match state {
        hypervisor::PowerState::Running => PowerState::Running,
        hypervisor::PowerState::Paused => PowerState::Paused,
        hypervisor::PowerState::Shutdown => PowerState::Shutdown,
        hypervisor::PowerState::Crashed => PowerState::Crashed,
        hypervisor::PowerState::Suspended => PowerState::Suspended,
    }
}

/// Whether a guest that was just started does not run.
pub fn is_off(power: PowerState) -> bool {
    matches!(power, PowerState::Shutdown | PowerState::Crashed)
}

/// A guest that does not run although it was just started.
pub fn stopped_at_once(power: PowerState) -> Failure {
    let how = if power == PowerState::Crashed {
        "crashed"
    } else {
        "stopped"
    };
    Failure::new(format!("the guest {how} as soon as it was started"))
        .hint("read its console log; an image made for another machine does this")
}

/// Why no host was found, with what would help.
pub fn no_host(decision: &Decision) -> Failure {
    Failure {
        message: decision.failure(),
        hint: decision
            .suggestion
            .as_ref()
            .map(|suggestion| suggestion.message.clone()),
    }
}

/// A reason that no host is left, after what the hosts said that were tried.
pub fn after_failures(failed: &[(String, String)], reason: String) -> String {
    if failed.is_empty() {
        return reason;
    }
    let said: Vec<String> = failed
        .iter()
        .map(|(host, reason)| format!("{host}: {reason}"))
        .collect();
    format!("{}; {reason}", said.join("; "))
}

/// Why things were undone, as the fault of a server.
pub fn fault(reason: Option<&Failure>) -> Fault {
    let reason = reason
        .cloned()
        .unwrap_or_else(|| Failure::new("the operation was given up"));
    Fault {
        code: 500,
        message: reason.message,
        details: reason.hint,
        created: Time::now(),
    }
}
