//! Changes whether and how a guest executes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::agent::Node;
use crate::bus::{Fault, FaultKind};
use crate::compute::rpc::{InstancePower, PowerAction};
use crate::hypervisor::{HvEvent, PowerState};
use crate::ids::{OperationId, ServerId};

/// How often the power button is pressed again: a guest that is still booting does not hear it.
const PRESS_AGAIN: Duration = Duration::from_secs(5);

/// Does it, and answers with the state the guest then has.
pub async fn instance_power(
    node: Arc<Node>,
    request: InstancePower,
    _: Option<OperationId>,
) -> Result<PowerState, Fault> {
    let (id, hypervisor) = (request.id, &node.hypervisor);
    match request.action {
        PowerAction::Start => hypervisor.start(id).await?,
        PowerAction::Stop => stop(&node, id, Duration::from_secs(request.grace_seconds)).await?,
        PowerAction::PowerOff => hypervisor.destroy(id).await?,
        PowerAction::SoftReboot => hypervisor.reboot(id).await?,
        PowerAction::HardReboot => {
            hypervisor.destroy(id).await?;
            hypervisor.start(id).await?;
        }
        PowerAction::Pause => hypervisor.pause(id).await?,
        PowerAction::Unpause => hypervisor.resume(id).await?,
        PowerAction::Suspend => hypervisor.suspend(id).await?,
    }
    let now = hypervisor.guest(id).await?;
    now.map(|guest| guest.power).ok_or_else(|| {
        Fault::new(
            FaultKind::NotFound,
            format!("server {id} does not exist on {}", node.host),
        )
    })
}

/// Presses the power button until the guest is off or its time is over; then takes its power.
async fn stop(node: &Node, id: ServerId, grace: Duration) -> Result<(), Fault> {
    let mut events = node.hypervisor.events();
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline {
        match node.hypervisor.guest(id).await? {
            Some(guest) if guest.power == PowerState::Running => {
                node.hypervisor.shutdown(id).await?
            }
            // A paused guest hears no button; one that is off is done.
            Some(guest) if guest.power == PowerState::Paused => break,
            _ => return Ok(()),
        }
        let again = deadline.min(Instant::now() + PRESS_AGAIN);
        // Ends early when the guest goes off; a lost event only costs the wait.
        let _ = timeout_at(again, async {
            while let Ok(event) = events.recv().await {
                if matches!(event, HvEvent::Power { id: of, power } if of == id && power != PowerState::Running) {
                    break;
                }
            }
        })
        .await;
    }
    Ok(node.hypervisor.destroy(id).await?)
}
