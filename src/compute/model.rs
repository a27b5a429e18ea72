//! What compute consists of, as plain values.
//!
//! Memory is counted in MiB and disk in GiB, as OpenStack does; [`Resources`] is the currency between flavors, hosts and
//! claims. Invariant: nothing here knows a database, a bus or a hypervisor; the tables of states and actions can be
//! read, and are tested, alone.

mod action;
mod claim;
mod flavor;
mod host;
mod keypair;
mod resources;
mod server;
mod state;

pub use action::{Action, Facts, Refusal, Rule};
pub use claim::{Claim, Consumer};
pub use flavor::{Flavor, FlavorQuery, FlavorSort, NewFlavor};
pub use host::{AllocationRatios, ControlProcess, DEFAULT_ZONE, Host, Inventory, ResourceClass};
pub use keypair::{Keypair, NewKeypair, PrivateKey};
pub use resources::Resources;
pub use server::{
    Detail, Fault, FlavorCopy, Lock, Resize, ResizeDecision, Server, ServerAddress, ServerNic,
    ServerView, ServerVolume, TAG_MAX, TAGS_MAX, USER_DATA_MAX, hostname_of, instance_name,
};
pub use state::{PowerState, Status, TaskState, VmState, states_of, status};
