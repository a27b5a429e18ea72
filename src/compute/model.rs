//! What compute consists of, as plain values.
//!
//! Memory is counted in MiB and disk in GiB, as OpenStack does. Invariant: nothing here knows a database, a bus or a
//! hypervisor; the tables of states and actions can be read, and are tested, alone.

mod action;
mod server;
mod state;

pub use action::{Action, Facts, Refusal, Rule};
pub use server::{
    Detail, Fault, FlavorCopy, Lock, Resize, ResizeDecision, Server, ServerAddress, ServerNic,
    ServerView, ServerVolume, TAG_MAX, TAGS_MAX, USER_DATA_MAX, hostname_of, instance_name,
};
pub use state::{PowerState, Status, TaskState, VmState, states_of, status};
