//! The three states of a server, and the one status that OpenStack shows.
//!
//! [`VmState`] is what the server *is* by the will of its owner, [`TaskState`] what is being done to it, [`PowerState`]
//! what the hypervisor says. Owners see [`Status`], derived from the first two alone by [`status`].
//!
//! Invariant: only operations change a vm state on purpose and only they set a task state; the power state is written by
//! whoever saw it last.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// Being made; has never run.
    Building,
    /// Running.
    Active,
    /// Kept in memory, not executing.
    Paused,
    /// Its memory is saved on disk.
    Suspended,
    /// Powered off.
    Stopped,
    /// Has a new flavor that its owner has neither confirmed nor reverted.
    Resized,
    /// Gone. The row stays for a while as a record.
    Deleted,
    /// Something failed in a way that its owner has to know of; see the fault.
    Error,
}

/// What is being done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// A host is chosen.
    Scheduling,
    /// Its ports are made.
    Networking,
    /// Its volumes are made or attached.
    BlockDeviceMapping,
    /// Its root disk is made and it is started.
    Spawning,
    /// Its root disk is copied.
    ImageSnapshot,
    /// The copy is handed to the image store.
    ImageUploading,
    /// Room for the new flavor is claimed.
    ResizePrep,
    /// It is stopped, and its disk is made larger.
    ResizeMigrating,
    /// It is started with the new flavor.
    ResizeFinish,
    /// The old flavor is forgotten.
    ResizeConfirming,
    /// The old flavor comes back.
    ResizeReverting,
    /// The guest was asked to restart.
    Rebooting,
    /// Its power is taken and given again.
    RebootingHard,
    /// Execution is being stopped.
    Pausing,
    /// Execution goes on.
    Unpausing,
    /// Memory is being saved.
    Suspending,
    /// Memory is being restored.
    Resuming,
    /// It is being shut down.
    PoweringOff,
    /// It is being started.
    PoweringOn,
    /// It is moved to another host while it runs.
    Migrating,
    /// Its root disk is made anew.
    Rebuilding,
    /// It is started from the new disk.
    RebuildSpawning,
    /// It is being deleted. Nothing but the deletion itself ends this.
    Deleting,
}

/// What a hypervisor says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerState {
    /// Nothing is known.
    #[default]
    NoState,
    /// Executing.
    Running,
    /// In memory, not executing.
    Paused,
    /// Off.
    Shutdown,
    /// Failed.
    Crashed,
    /// Off, its memory saved.
    Suspended,
}

/// What OpenStack shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Runs.
    Active,
    /// Is being made.
    Build,
    /// Is gone.
    Deleted,
    /// Failed.
    Error,
    /// Is being restarted by force.
    HardReboot,
    /// Is being moved to another host while it runs.
    Migrating,
    /// Is paused.
    Paused,
    /// Is being restarted.
    Reboot,
    /// Gets a new root disk.
    Rebuild,
    /// Gets a new flavor.
    Resize,
    /// Goes back to its old flavor.
    RevertResize,
    /// Is off.
    Shutoff,
    /// Is suspended to disk.
    Suspended,
    /// Waits for its new flavor to be confirmed.
    VerifyResize,
}

/// The status of a server in these states. The whole table; what is not named by a task is named by the vm state.
pub fn status(vm: VmState, task: Option<TaskState>) -> Status {
    use TaskState as T;
    match (vm, task) {
        (VmState::Active, Some(T::Rebooting)) => Status::Reboot,
        (VmState::Active, Some(T::RebootingHard)) => Status::HardReboot,
        (VmState::Active | VmState::Paused, Some(T::Migrating)) => Status::Migrating,
        (
            VmState::Active | VmState::Stopped,
            Some(T::ResizePrep | T::ResizeMigrating | T::ResizeFinish),
        ) => Status::Resize,
        (
            VmState::Active | VmState::Stopped | VmState::Error,
            Some(T::Rebuilding | T::RebuildSpawning),
        ) => Status::Rebuild,
        (VmState::Stopped | VmState::Paused | VmState::Suspended, Some(T::RebootingHard)) => {
            Status::HardReboot
        }
        (VmState::Resized, Some(T::ResizeReverting)) => Status::RevertResize,
        (VmState::Building, _) => Status::Build,
        (VmState::Active, _) => Status::Active,
        (VmState::Paused, _) => Status::Paused,
        (VmState::Suspended, _) => Status::Suspended,
        (VmState::Stopped, _) => Status::Shutoff,
        (VmState::Resized, _) => Status::VerifyResize,
        (VmState::Deleted, _) => Status::Deleted,
        (VmState::Error, _) => Status::Error,
    }
}

/// All pairs of states that are shown as `wanted`.
pub fn states_of(wanted: Status) -> Vec<(VmState, Option<TaskState>)> {
    let tasks = || std::iter::once(None).chain(TaskState::ALL.into_iter().map(Some));
    VmState::ALL
        .into_iter()
        .flat_map(|vm| tasks().map(move |task| (vm, task)))
        .filter(|&(vm, task)| status(vm, task) == wanted)
        .collect()
}

impl VmState {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Building,
        Self::Active,
        Self::Paused,
        Self::Suspended,
        Self::Stopped,
        Self::Resized,
        Self::Deleted,
        Self::Error,
    ];

    /// Nova's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Stopped => "stopped",
            Self::Resized => "resized",
            Self::Deleted => "deleted",
            Self::Error => "error",
        }
    }

    /// What the hypervisor should say of a server in this state; `None` where any answer will do.
    pub fn power(self) -> Option<PowerState> {
        match self {
            Self::Active => Some(PowerState::Running),
            Self::Paused => Some(PowerState::Paused),
            Self::Suspended => Some(PowerState::Suspended),
            Self::Stopped => Some(PowerState::Shutdown),
            Self::Building | Self::Resized | Self::Deleted | Self::Error => None,
        }
    }
}

impl TaskState {
    /// Whether this reads and writes whole disks on a server's host, as Nova counts it: a host's `io_ops`.
    pub fn is_io_heavy(self, vm: VmState) -> bool {
        vm == VmState::Building
            || matches!(
                self,
                Self::ImageSnapshot
                    | Self::ResizePrep
                    | Self::ResizeMigrating
                    | Self::Migrating
                    | Self::Rebuilding
            )
    }

    /// All.
    pub const ALL: [Self; 23] = [
        Self::Scheduling,
        Self::Networking,
        Self::BlockDeviceMapping,
        Self::Spawning,
        Self::ImageSnapshot,
        Self::ImageUploading,
        Self::ResizePrep,
        Self::ResizeMigrating,
        Self::ResizeFinish,
        Self::ResizeConfirming,
        Self::ResizeReverting,
        Self::Rebooting,
        Self::RebootingHard,
        Self::Pausing,
        Self::Unpausing,
        Self::Suspending,
        Self::Resuming,
        Self::PoweringOff,
        Self::PoweringOn,
        Self::Migrating,
        Self::Rebuilding,
        Self::RebuildSpawning,
        Self::Deleting,
    ];

    /// Nova's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduling => "scheduling",
            Self::Networking => "networking",
            Self::BlockDeviceMapping => "block_device_mapping",
            Self::Spawning => "spawning",
            Self::ImageSnapshot => "image_snapshot",
            Self::ImageUploading => "image_uploading",
            Self::ResizePrep => "resize_prep",
            Self::ResizeMigrating => "resize_migrating",
            Self::ResizeFinish => "resize_finish",
            Self::ResizeConfirming => "resize_confirming",
            Self::ResizeReverting => "resize_reverting",
            Self::Rebooting => "rebooting",
            Self::RebootingHard => "rebooting_hard",
            Self::Pausing => "pausing",
            Self::Unpausing => "unpausing",
            Self::Suspending => "suspending",
            Self::Resuming => "resuming",
            Self::PoweringOff => "powering-off",
            Self::PoweringOn => "powering-on",
            Self::Migrating => "migrating",
            Self::Rebuilding => "rebuilding",
            Self::RebuildSpawning => "rebuild_spawning",
            Self::Deleting => "deleting",
        }
    }
}

impl PowerState {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::NoState,
        Self::Running,
        Self::Paused,
        Self::Shutdown,
        Self::Crashed,
        Self::Suspended,
    ];

    /// Nova's number.
    pub fn number(self) -> u8 {
        match self {
            Self::NoState => 0,
            Self::Running => 1,
            Self::Paused => 3,
            Self::Shutdown => 4,
            Self::Crashed => 6,
            Self::Suspended => 7,
        }
    }

    /// The state with this number; a number that is not known says nothing.
    pub fn from_number(number: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| i64::from(state.number()) == number)
            .unwrap_or_default()
    }
}

impl Status {
    /// All.
    pub const ALL: [Self; 14] = [
        Self::Active,
        Self::Build,
        Self::Deleted,
        Self::Error,
        Self::HardReboot,
        Self::Migrating,
        Self::Paused,
        Self::Reboot,
        Self::Rebuild,
        Self::Resize,
        Self::RevertResize,
        Self::Shutoff,
        Self::Suspended,
        Self::VerifyResize,
    ];

    /// Nova's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Build => "BUILD",
            Self::Deleted => "DELETED",
            Self::Error => "ERROR",
            Self::HardReboot => "HARD_REBOOT",
            Self::Migrating => "MIGRATING",
            Self::Paused => "PAUSED",
            Self::Reboot => "REBOOT",
            Self::Rebuild => "REBUILD",
            Self::Resize => "RESIZE",
            Self::RevertResize => "REVERT_RESIZE",
            Self::Shutoff => "SHUTOFF",
            Self::Suspended => "SUSPENDED",
            Self::VerifyResize => "VERIFY_RESIZE",
        }
    }
}

impl FromStr for VmState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(())
    }
}

impl FromStr for TaskState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(())
    }
}

impl FromStr for Status {
    type Err = ();

    /// Any case is read, as Nova does.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_states() {
        for state in VmState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        for state in TaskState::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        for status in Status::ALL {
            assert_eq!(status.name().to_lowercase().parse(), Ok(status));
        }
        for power in PowerState::ALL {
            assert_eq!(PowerState::from_number(power.number().into()), power);
        }
        assert!("dreaming".parse::<VmState>().is_err());
    }

    #[test]
    fn each_pair_of_states_has_exactly_one_status_and_each_status_a_pair() {
        let pairs: usize = Status::ALL
            .into_iter()
            .map(|wanted| {
                let states = states_of(wanted);
                assert!(!states.is_empty(), "{wanted} is never shown");
                states.len()
            })
            .sum();
        assert_eq!(pairs, VmState::ALL.len() * (TaskState::ALL.len() + 1));
    }

    #[test]
    fn without_a_task_the_status_is_the_vm_states_own() {
        let shown: Vec<&str> = VmState::ALL
            .into_iter()
            .map(|vm| status(vm, None).name())
            .collect();
        assert_eq!(
            shown,
            [
                "BUILD",
                "ACTIVE",
                "PAUSED",
                "SUSPENDED",
                "SHUTOFF",
                "VERIFY_RESIZE",
                "DELETED",
                "ERROR"
            ]
        );
    }

    #[test]
    fn a_task_changes_the_status_where_openstack_says_so_and_nowhere_else() {
        let told: Vec<String> = VmState::ALL
            .into_iter()
            .flat_map(|vm| {
                TaskState::ALL
                    .into_iter()
                    .filter(move |&task| status(vm, Some(task)) != status(vm, None))
                    .map(move |task| format!("{vm} {task} {}", status(vm, Some(task))))
            })
            .collect();
        assert_eq!(
            told,
            [
                "active resize_prep RESIZE",
                "active resize_migrating RESIZE",
                "active resize_finish RESIZE",
                "active rebooting REBOOT",
                "active rebooting_hard HARD_REBOOT",
                "active migrating MIGRATING",
                "active rebuilding REBUILD",
                "active rebuild_spawning REBUILD",
                "paused rebooting_hard HARD_REBOOT",
                "paused migrating MIGRATING",
                "suspended rebooting_hard HARD_REBOOT",
                "stopped resize_prep RESIZE",
                "stopped resize_migrating RESIZE",
                "stopped resize_finish RESIZE",
                "stopped rebooting_hard HARD_REBOOT",
                "stopped rebuilding REBUILD",
                "stopped rebuild_spawning REBUILD",
                "resized resize_reverting REVERT_RESIZE",
                "error rebuilding REBUILD",
                "error rebuild_spawning REBUILD",
            ]
        );
    }
}
