//! Starting, stopping, restarting, pausing and suspending: ask the node, record what it says.
//!
//! One saga with a [`Verb`] for each way: accept → guest. What fails leaves the server what it was; what the guest did
//! nevertheless is found by the reconciler.

use std::marker::PhantomData;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::guest;
use crate::compute::model::{Server, TaskState, VmState};
use crate::compute::rpc::{InstancePower, PowerAction};
use crate::compute::store::server::{Change as Row, Task};
use crate::ids::ServerId;
use crate::saga::{Flow, Saga, Step, StepContext, StepError, StepResult};

/// One way to change how a server executes.
pub trait Verb: Send + Sync + 'static {
    /// Name of the operation.
    const KIND: &'static str;
    /// What is being done meanwhile; one of one.
    const TASK: &'static [TaskState; 1];
    /// What the server is afterwards.
    const BECOMES: VmState;
    /// What the node is asked, in this order.
    const ASKS: &'static [Ask];
}

/// One question to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Change the guest's execution.
    Power(PowerAction),
    /// Take the guest's power, if there is a guest.
    Off,
    /// Make the guest what it shall be, even if it is gone from the node, and start it.
    Ensure,
}

/// The saga.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ServerPower<V: Verb> {
    server: ServerId,
    host: String,
    grace_seconds: u64,
    #[serde(skip)]
    verb: PhantomData<fn() -> V>,
}

impl<V: Verb> ServerPower<V> {
    /// For this server, which has a host. A guest that is asked to stop gets `grace_seconds` to obey.
    pub fn new(server: &Server, grace_seconds: u64) -> Self {
        Self {
            server: server.id,
            host: server.host.clone().unwrap_or_default(),
            grace_seconds,
            verb: PhantomData,
        }
    }

    /// The end of what this operation began.
    fn task_over() -> Option<Task> {
        Some(Task {
            from: V::TASK,
            to: None,
        })
    }
}

impl<V: Verb> Saga for ServerPower<V> {
    const KIND: &'static str = V::KIND;
    const VERSION: i64 = 1;

    fn steps() -> Vec<Step<Self>> {
        vec![
            Step::new("accept", |_, _| async { Ok(Flow::Next) }.boxed()).undo(give_up::<V>),
            Step::new("guest", ask::<V>),
        ]
    }
}

fn ask<'a, V: Verb>(cx: &'a StepContext, s: &'a mut ServerPower<V>) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let mut power = server.power_state;
        for ask in V::ASKS {
            match ask {
                Ask::Off => guest::power_off(cx, s.server, &s.host).await?,
                Ask::Ensure => power = guest::ensure(cx, &server, &s.host, true).await?,
                Ask::Power(action) => {
                    let request = InstancePower {
                        id: s.server,
                        action: *action,
                        grace_seconds: s.grace_seconds,
                    };
                    let deadline = guest::CALL + Duration::from_secs(s.grace_seconds);
                    power = guest::power(cx.call(&s.host, &request, deadline).await?);
                }
            }
        }
        let started = V::BECOMES == VmState::Active;
        if started && guest::is_off(power) {
            return Err(StepError::Failed(guest::stopped_at_once(power)));
        }
        let row = Row {
            vm: Some(V::BECOMES),
            task: ServerPower::<V>::task_over(),
            power: Some(power),
            fault: Some(None),
            launched: started,
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

fn give_up<'a, V: Verb>(
    cx: &'a StepContext,
    s: &'a mut ServerPower<V>,
) -> BoxFuture<'a, StepResult> {
    async move {
        let server = guest::server(cx, s.server).await?;
        let row = Row {
            task: ServerPower::<V>::task_over(),
            ..Row::default()
        };
        guest::write(cx, &server, &row).await?;
        Ok(Flow::Next)
    }
    .boxed()
}

/// Power on.
pub struct Start;
/// Power off.
pub struct Stop;
/// Ask the guest to restart.
pub struct SoftReboot;
/// Off and on.
pub struct HardReboot;
/// Stop executing.
pub struct Pause;
/// Go on after pause.
pub struct Unpause;
/// Save memory and power off.
pub struct Suspend;
/// Go on after suspend.
pub struct Resume;

impl Verb for Start {
    const KIND: &'static str = "server_start";
    const TASK: &'static [TaskState; 1] = &[TaskState::PoweringOn];
    const BECOMES: VmState = VmState::Active;
    const ASKS: &'static [Ask] = &[Ask::Ensure];
}

impl Verb for Stop {
    const KIND: &'static str = "server_stop";
    const TASK: &'static [TaskState; 1] = &[TaskState::PoweringOff];
    const BECOMES: VmState = VmState::Stopped;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::Stop)];
}

impl Verb for SoftReboot {
    const KIND: &'static str = "server_reboot";
    const TASK: &'static [TaskState; 1] = &[TaskState::Rebooting];
    const BECOMES: VmState = VmState::Active;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::SoftReboot)];
}

impl Verb for HardReboot {
    const KIND: &'static str = "server_reboot_hard";
    const TASK: &'static [TaskState; 1] = &[TaskState::RebootingHard];
    const BECOMES: VmState = VmState::Active;
    // Not the node's own restart: the definition may be gone, or what it needs on the node.
    const ASKS: &'static [Ask] = &[Ask::Off, Ask::Ensure];
}

impl Verb for Pause {
    const KIND: &'static str = "server_pause";
    const TASK: &'static [TaskState; 1] = &[TaskState::Pausing];
    const BECOMES: VmState = VmState::Paused;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::Pause)];
}

impl Verb for Unpause {
    const KIND: &'static str = "server_unpause";
    const TASK: &'static [TaskState; 1] = &[TaskState::Unpausing];
    const BECOMES: VmState = VmState::Active;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::Unpause)];
}

impl Verb for Suspend {
    const KIND: &'static str = "server_suspend";
    const TASK: &'static [TaskState; 1] = &[TaskState::Suspending];
    const BECOMES: VmState = VmState::Suspended;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::Suspend)];
}

impl Verb for Resume {
    const KIND: &'static str = "server_resume";
    const TASK: &'static [TaskState; 1] = &[TaskState::Resuming];
    const BECOMES: VmState = VmState::Active;
    const ASKS: &'static [Ask] = &[Ask::Power(PowerAction::Start)];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::model::PowerState;

    #[test]
    fn each_verb_leads_to_the_state_its_question_asks_for() {
        fn check<V: Verb>(power: Option<PowerState>) {
            assert_eq!(V::BECOMES.power(), power, "{}", V::KIND);
        }
        check::<Start>(Some(PowerState::Running));
        check::<Stop>(Some(PowerState::Shutdown));
        check::<SoftReboot>(Some(PowerState::Running));
        check::<HardReboot>(Some(PowerState::Running));
        check::<Pause>(Some(PowerState::Paused));
        check::<Unpause>(Some(PowerState::Running));
        check::<Suspend>(Some(PowerState::Suspended));
        check::<Resume>(Some(PowerState::Running));
    }
}
