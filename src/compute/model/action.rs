//! Which action is legal in which state: one table.
//!
//! The rules are Nova's. A locked server refuses everyone but administrators, except where the table says that the
//! action ignores locks. Exhaustively tested over all states.

use std::fmt;

use super::state::{TaskState, VmState};

/// Something that is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Power on. From stopped.
    Start,
    /// Power off, in an orderly way if the guest obeys. From active or error.
    Stop,
    /// Ask the guest to restart. From active; again while it is asked.
    SoftReboot,
    /// Off and on. From active, stopped, paused, suspended or error; also instead of a restart, pause, suspend, unpause or
    /// resume that does not end.
    HardReboot,
    /// Stop executing. From active.
    Pause,
    /// Go on after pause. From paused.
    Unpause,
    /// Save memory and power off. From active.
    Suspend,
    /// Go on after suspend. From suspended.
    Resume,
    /// Begin anew from an image. From active, stopped or error.
    Rebuild,
    /// Change the flavor. From active or stopped.
    Resize,
    /// Keep the new flavor. From resized.
    ConfirmResize,
    /// Go back to the old flavor. From resized.
    RevertResize,
    /// Move to another host while it runs. From active or paused.
    MigrateLive,
    /// Make anew on another host, because its own is dead. From active, stopped or error, whatever was done to it.
    Evacuate,
    /// Make an image of the root disk. From active, stopped, paused or suspended.
    CreateImage,
    /// Add a volume. From active, paused, stopped or resized.
    AttachVolume,
    /// Take a volume away. From active, paused, stopped, suspended or resized.
    DetachVolume,
    /// Add a port. From active, paused or stopped.
    AttachInterface,
    /// Take a port away. From active, paused or stopped.
    DetachInterface,
    /// Change metadata. From active, paused, suspended or stopped.
    UpdateMetadata,
    /// Change tags. From active, paused, suspended or stopped.
    UpdateTags,
    /// Change name, description and addresses to show. In any state, also while something is done.
    Update,
    /// Refuse actions from now on. In any state.
    Lock,
    /// Allow actions again. In any state.
    Unlock,
    /// Read the console's log. In any state, once it has a host.
    ConsoleLog,
    /// Open the console. From active or error.
    ConsoleOpen,
    /// Say what its state is. In any state.
    ResetState,
    /// Remove it. In any state, whatever is being done to it.
    Delete,
}

/// When an action is legal.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Nova's name of the action, for messages.
    pub name: &'static str,
    /// In these vm states.
    vm: &'static [VmState],
    /// While nothing is done to the server, or one of these things is; `None`: whatever is done.
    tasks: Option<&'static [TaskState]>,
    /// Whether it needs a host.
    on_host: bool,
    /// Whether a lock does not matter.
    despite_lock: bool,
}

/// Why an action is not legal now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server is locked.
    Locked {
        /// Why, if the one who locked it said so.
        reason: Option<String>,
    },
    /// Its vm state does not allow it.
    VmState(VmState),
    /// What is being done to it does not allow it.
    TaskState(TaskState),
    /// It has no host.
    NoHost,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What it is.
    pub vm: VmState,
    /// What is being done to it.
    pub task: Option<TaskState>,
    /// Whether it has a host.
    pub has_host: bool,
    /// Why it is locked, if it is; the inner text may be absent.
    pub locked: Option<Option<&'a str>>,
    /// Whether an administrator asks.
    pub admin: bool,
}

use TaskState as T;
use VmState as V;

const IDLE: Option<&[TaskState]> = Some(&[]);
const ANY: &[VmState] = &V::ALL;

const fn rule(
    name: &'static str,
    vm: &'static [VmState],
    tasks: Option<&'static [TaskState]>,
) -> Rule {
    Rule {
        name,
        vm,
        tasks,
        on_host: true,
        despite_lock: false,
    }
}

impl Rule {
    const fn anywhere(mut self) -> Self {
        self.on_host = false;
        self
    }

    const fn despite_lock(mut self) -> Self {
        self.despite_lock = true;
        self
    }
}

impl Action {
    /// All.
    pub const ALL: [Self; 28] = [
        Self::Start,
        Self::Stop,
        Self::SoftReboot,
        Self::HardReboot,
        Self::Pause,
        Self::Unpause,
        Self::Suspend,
        Self::Resume,
        Self::Rebuild,
        Self::Resize,
        Self::ConfirmResize,
        Self::RevertResize,
        Self::MigrateLive,
        Self::Evacuate,
        Self::CreateImage,
        Self::AttachVolume,
        Self::DetachVolume,
        Self::AttachInterface,
        Self::DetachInterface,
        Self::UpdateMetadata,
        Self::UpdateTags,
        Self::Update,
        Self::Lock,
        Self::Unlock,
        Self::ConsoleLog,
        Self::ConsoleOpen,
        Self::ResetState,
        Self::Delete,
    ];

    /// The table.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Start => rule("start", &[V::Stopped], IDLE),
            Self::Stop => rule("stop", &[V::Active, V::Error], IDLE),
            Self::SoftReboot => rule("reboot", &[V::Active], Some(&[T::Rebooting])),
            Self::HardReboot => rule(
                "reboot",
                &[V::Active, V::Stopped, V::Paused, V::Suspended, V::Error],
                Some(&[
                    T::Rebooting,
                    T::RebootingHard,
                    T::Pausing,
                    T::Unpausing,
                    T::Suspending,
                    T::Resuming,
                ]),
            ),
            Self::Pause => rule("pause", &[V::Active], IDLE),
            Self::Unpause => rule("unpause", &[V::Paused], IDLE),
            Self::Suspend => rule("suspend", &[V::Active], IDLE),
            Self::Resume => rule("resume", &[V::Suspended], IDLE),
            Self::Rebuild => rule("rebuild", &[V::Active, V::Stopped, V::Error], IDLE),
            Self::Resize => rule("resize", &[V::Active, V::Stopped], IDLE),
            Self::ConfirmResize => rule("confirmResize", &[V::Resized], IDLE),
            Self::RevertResize => rule("revertResize", &[V::Resized], IDLE),
            Self::MigrateLive => rule("os-migrateLive", &[V::Active, V::Paused], IDLE),
            Self::Evacuate => rule("evacuate", &[V::Active, V::Stopped, V::Error], None),
            Self::CreateImage => rule(
                "createImage",
                &[V::Active, V::Stopped, V::Paused, V::Suspended],
                IDLE,
            ),
            Self::AttachVolume => rule(
                "attach_volume",
                &[V::Active, V::Paused, V::Stopped, V::Resized],
                IDLE,
            ),
            Self::DetachVolume => rule(
                "detach_volume",
                &[V::Active, V::Paused, V::Stopped, V::Suspended, V::Resized],
                IDLE,
            ),
            Self::AttachInterface => rule(
                "attach_interface",
                &[V::Active, V::Paused, V::Stopped],
                IDLE,
            ),
            Self::DetachInterface => rule(
                "detach_interface",
                &[V::Active, V::Paused, V::Stopped],
                IDLE,
            ),
            Self::UpdateMetadata => rule(
                "update metadata",
                &[V::Active, V::Paused, V::Suspended, V::Stopped],
                IDLE,
            )
            .anywhere(),
            Self::UpdateTags => rule(
                "update tags",
                &[V::Active, V::Paused, V::Suspended, V::Stopped],
                None,
            )
            .anywhere(),
            Self::Update => rule("update", ANY, None).anywhere().despite_lock(),
            Self::Lock => rule("lock", ANY, None).anywhere().despite_lock(),
            Self::Unlock => rule("unlock", ANY, None).anywhere().despite_lock(),
            Self::ConsoleLog => rule("get_console_output", ANY, None).despite_lock(),
            Self::ConsoleOpen => rule("get_serial_console", &[V::Active, V::Error], None),
            Self::ResetState => rule("reset state", ANY, None).anywhere().despite_lock(),
            Self::Delete => rule("delete", ANY, None).anywhere(),
        }
    }

    /// Succeeds if the action is legal for a server of which these are the facts.
    pub fn check(self, facts: Facts<'_>) -> Result<(), Refusal> {
        let rule = self.rule();
        if let Some(reason) = facts.locked.filter(|_| !rule.despite_lock && !facts.admin) {
            return Err(Refusal::Locked {
                reason: reason.map(str::to_owned),
            });
        }
        if !rule.vm.contains(&facts.vm) {
            return Err(Refusal::VmState(facts.vm));
        }
        if let (Some(task), Some(allowed)) = (facts.task, rule.tasks)
            && !allowed.contains(&task)
        {
            return Err(Refusal::TaskState(task));
        }
        if rule.on_host && !facts.has_host {
            return Err(Refusal::NoHost);
        }
        Ok(())
    }
}

impl Refusal {
    /// For people: what was refused, why, and what to do.
    pub fn message(&self, action: Action, server: impl fmt::Display) -> String {
        let what = action.rule().name;
        match self {
            Self::Locked { reason } => {
                let why = reason
                    .as_ref()
                    .map(|reason| format!(" ({reason})"))
                    .unwrap_or_default();
                format!("Instance {server} is locked{why}; unlock it first")
            }
            Self::VmState(vm) => {
                format!("Cannot '{what}' instance {server} while it is in vm_state {vm}")
            }
            Self::TaskState(task) => {
                format!("Cannot '{what}' instance {server} while it is in task_state {task}")
            }
            Self::NoHost => {
                format!(
                    "Cannot '{what}' instance {server}: it has no host, delete it and create it anew"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Facts<'static> = Facts {
        vm: V::Active,
        task: None,
        has_host: true,
        locked: None,
        admin: false,
    };

    /// Vm states in which the action is legal while nothing is done to the server.
    fn legal(action: Action) -> String {
        let states: Vec<&str> = V::ALL
            .into_iter()
            .filter(|&vm| action.check(Facts { vm, ..FREE }).is_ok())
            .map(VmState::name)
            .collect();
        states.join(" ")
    }

    #[test]
    fn the_table_of_vm_states_is_novas() {
        let all = "building active paused suspended stopped resized deleted error";
        for (action, states) in [
            (Action::Start, "stopped"),
            (Action::Stop, "active error"),
            (Action::SoftReboot, "active"),
            (Action::HardReboot, "active paused suspended stopped error"),
            (Action::Pause, "active"),
            (Action::Unpause, "paused"),
            (Action::Suspend, "active"),
            (Action::Resume, "suspended"),
            (Action::Rebuild, "active stopped error"),
            (Action::Resize, "active stopped"),
            (Action::ConfirmResize, "resized"),
            (Action::RevertResize, "resized"),
            (Action::MigrateLive, "active paused"),
            (Action::Evacuate, "active stopped error"),
            (Action::CreateImage, "active paused suspended stopped"),
            (Action::AttachVolume, "active paused stopped resized"),
            (
                Action::DetachVolume,
                "active paused suspended stopped resized",
            ),
            (Action::AttachInterface, "active paused stopped"),
            (Action::DetachInterface, "active paused stopped"),
            (Action::UpdateMetadata, "active paused suspended stopped"),
            (Action::UpdateTags, "active paused suspended stopped"),
            (Action::Update, all),
            (Action::Lock, all),
            (Action::Unlock, all),
            (Action::ConsoleLog, all),
            (Action::ConsoleOpen, "active error"),
            (Action::ResetState, all),
            (Action::Delete, all),
        ] {
            assert_eq!(legal(action), states, "{action:?}");
        }
    }

    #[test]
    fn what_is_under_way_refuses_everything_but_what_may_interrupt_it() {
        let free = [
            Action::UpdateTags,
            Action::Update,
            Action::Lock,
            Action::Unlock,
            Action::ConsoleLog,
            Action::ConsoleOpen,
            Action::Evacuate,
            Action::ResetState,
            Action::Delete,
        ];
        for action in Action::ALL {
            for task in T::ALL {
                let expected = match action {
                    action if free.contains(&action) => true,
                    Action::SoftReboot => task == T::Rebooting,
                    Action::HardReboot => matches!(
                        task,
                        T::Rebooting
                            | T::RebootingHard
                            | T::Pausing
                            | T::Unpausing
                            | T::Suspending
                            | T::Resuming
                    ),
                    _ => false,
                };
                let legal = V::ALL.into_iter().any(|vm| {
                    let facts = Facts {
                        vm,
                        task: Some(task),
                        ..FREE
                    };
                    action.check(facts).is_ok()
                });
                assert_eq!(legal, expected, "{action:?} while {task}");
            }
        }
    }

    #[test]
    fn a_lock_stops_everyone_but_administrators() {
        for action in Action::ALL {
            let vm = V::ALL
                .into_iter()
                .find(|&vm| action.check(Facts { vm, ..FREE }).is_ok())
                .unwrap();
            let facts = Facts {
                vm,
                locked: Some(Some("audit")),
                ..FREE
            };
            let despite = matches!(
                action,
                Action::Update
                    | Action::Lock
                    | Action::Unlock
                    | Action::ConsoleLog
                    | Action::ResetState
            );
            assert_eq!(action.check(facts).is_ok(), despite, "{action:?}");
            let admin = Facts {
                admin: true,
                ..facts
            };
            assert_eq!(action.check(admin), Ok(()), "{action:?}");
        }
    }

    #[test]
    fn a_server_without_a_host_can_be_deleted_and_described_only() {
        let legal: Vec<Action> = Action::ALL
            .into_iter()
            .filter(|action| {
                V::ALL.into_iter().any(|vm| {
                    let facts = Facts {
                        vm,
                        has_host: false,
                        ..FREE
                    };
                    action.check(facts).is_ok()
                })
            })
            .collect();
        assert_eq!(
            legal,
            [
                Action::UpdateMetadata,
                Action::UpdateTags,
                Action::Update,
                Action::Lock,
                Action::Unlock,
                Action::ResetState,
                Action::Delete
            ]
        );
    }

    #[test]
    fn refusals_say_what_novas_clients_expect() {
        let refusal = Action::Stop
            .check(Facts {
                vm: V::Stopped,
                ..FREE
            })
            .unwrap_err();
        assert_eq!(
            refusal.message(Action::Stop, "s1"),
            "Cannot 'stop' instance s1 while it is in vm_state stopped"
        );
    }
}
