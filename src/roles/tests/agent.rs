//! What an agent owes to a bus that doubles and delays: a stale generation is refused, a repeat of an operation gets the
//! first answer, and nothing is done for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lab::{HOST, Lab};
use crate::bus::faults::Fate;
use crate::bus::{CallError, FaultKind, Incoming, Rpc};
use crate::compute::ops as compute;
use crate::compute::rpc::{InstanceEnsure, InstancePower, PowerAction};
use crate::hypervisor::{Hypervisor, PowerState};
use crate::ids::OperationId;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_agent_refuses_a_stale_generation_and_repeats_its_first_answer() {
    let lab = Lab::new().await;
    let bus = &lab.cloud.bus;
    // What the launch asked the node for.
    let asked: Arc<Mutex<Option<InstanceEnsure>>> = Arc::default();
    let seen = asked.clone();
    bus.weather.turn(Some(Arc::new(move |_, incoming| {
        if incoming.method == InstanceEnsure::METHOD {
            *seen.lock().unwrap() = incoming.parse().ok();
        }
        Fate::Arrives
    })));
    let server = lab.active("web").await;
    let mut stale = asked.lock().unwrap().take().unwrap();
    stale.spec.generation -= 1;
    let operation = Some(OperationId::new());
    match bus.call(HOST, operation, &stale, SOON).await {
        Err(CallError::Fault(fault)) => {
            assert_eq!(fault.kind, FaultKind::Conflict, "{fault}");
            assert!(fault.message.contains("newer"), "{fault}");
        }
        other => panic!("{other:?}"),
    }
    let off = InstancePower {
        id: server.id,
        action: PowerAction::PowerOff,
        grace_seconds: 0,
    };
    let on = InstancePower {
        action: PowerAction::Start,
        ..off.clone()
    };
    let first = Some(OperationId::new());
    let answer = bus.call(HOST, first, &off, SOON).await.unwrap();
    assert_eq!(answer, PowerState::Shutdown);
    let answer = bus.call(HOST, Some(OperationId::new()), &on, SOON).await;
    assert_eq!(answer.unwrap(), PowerState::Running);
    // The first question comes again, late: it has its answer, and the guest goes on.
    let answer = bus.call(HOST, first, &off, SOON).await.unwrap();
    assert_eq!(answer, PowerState::Shutdown);
    let now = lab.sim.guest(server.id).await.unwrap().unwrap();
    assert_eq!(now.power, PowerState::Running);
}

/// A stop is asked; the first message is kept back by the broker, the second arrives. Then the server is started, the
/// agent is replaced, which forgets its answers, and the broker delivers what it had kept.
#[tokio::test]
async fn an_agent_refuses_what_was_asked_before_a_later_operation() {
    let lab = Lab::new().await;
    let server = lab.active("web").await;
    let kept: Arc<Mutex<Option<Incoming>>> = Arc::default();
    let keeps = kept.clone();
    let keep = move |_: &str, incoming: &Incoming| {
        let mut kept = keeps.lock().unwrap();
        if incoming.method == InstancePower::METHOD && kept.is_none() {
            *kept = Some(incoming.clone());
            return Fate::Lost;
        }
        Fate::Arrives
    };
    lab.cloud.bus.weather.turn(Some(Arc::new(keep)));
    let power = async || lab.sim.guest(server.id).await.unwrap().unwrap().power;
    let id = compute::server_stop(&lab.cx, server.id).await.unwrap();
    lab.ended(id).await;
    assert_eq!(power().await, PowerState::Shutdown);
    let late = kept.lock().unwrap().clone().expect("it was kept");
    let target = format!("compute.{HOST}");
    let id = compute::server_start(&lab.cx, server.id).await.unwrap();
    lab.ended(id).await;
    assert_eq!(power().await, PowerState::Running);
    for replaced in [false, true] {
        if replaced {
            lab.agent_start();
        }
        match lab.cloud.bus.deliver(&target, late.clone()).await {
            Err(CallError::Fault(fault)) => {
                assert_eq!(fault.kind, FaultKind::Conflict, "{fault}");
                assert!(fault.message.contains("too late"), "{fault}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(power().await, PowerState::Running);
    }
}
