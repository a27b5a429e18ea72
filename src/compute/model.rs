//! What compute consists of, as plain values.
//!
//! Memory is counted in MiB and disk in GiB, as OpenStack does; [`Resources`] is the currency between flavors, hosts and
//! claims. Invariant: nothing here knows a database, a bus or a hypervisor; the tables of states and actions can be
//! read, and are tested, alone.

mod action;
mod aggregate;
mod claim;
mod flavor;
mod host;
mod keypair;
mod migration;
mod moves;
mod place_wish;
mod resources;
mod server;
mod server_group;
mod server_query;
mod state;

pub use action::{Action, Facts, Refusal, Rule};
pub use aggregate::{Aggregate, ZONE_KEY, metadata_of_host, zone_of_host};
pub use claim::{Claim, Consumer};
pub use flavor::{Flavor, FlavorQuery, FlavorSort, NewFlavor};
pub use host::{
    AllocationRatios, ControlProcess, DEFAULT_ZONE, Host, HostSite, Inventory, ResourceClass,
};
pub use keypair::{Keypair, NewKeypair, PrivateKey};
pub use migration::{
    Forecast, Migration, MigrationKind, MigrationProgress, MigrationQuery, MigrationStatus,
    MigrationWish,
};
pub use moves::{LoadedHost, Move, MoveState, MovesGoal, condense, spread};
pub use place_wish::PlaceWish;
pub use resources::Resources;
pub use server::{
    Detail, Fault, FlavorCopy, ImageCopy, Lock, Resize, ResizeDecision, Server, ServerAddress,
    ServerNic, ServerView, ServerVolume, TAG_MAX, TAGS_MAX, USER_DATA_MAX, hostname_of,
    instance_name,
};
pub use server_group::{Affinity, ServerGroup};
pub use server_query::{Direction, NameFilter, ServerQuery, SortKey};
pub use state::{PowerState, Status, TaskState, VmState, states_of, status};

#[cfg(test)]
pub(in crate::compute) mod testing {
    //! A server for tests that need one and do not care which.

    use super::{Detail, FlavorCopy, Lock, PowerState, Server, VmState};
    use crate::ids::{ImageId, ProjectId, ServerId, Time};

    /// Active on host `n1`, 1 processor, 512 MiB, 1 GiB.
    pub fn server(name: &str) -> Server {
        Server {
            id: ServerId::new(),
            project: ProjectId::new(),
            user: None,
            name: name.into(),
            vm_state: VmState::Active,
            task_state: None,
            power_state: PowerState::Running,
            generation: 1,
            host: Some("n1".into()),
            availability_zone: Some("nova".into()),
            image: Some(ImageId::new()),
            flavor: FlavorCopy {
                id: "1".into(),
                name: "m1.tiny".into(),
                vcpus: 1,
                memory_mb: 512,
                disk_gb: 1,
                ..FlavorCopy::default()
            },
            locked: Lock::None,
            fault: None,
            resize: None,
            user_data: None,
            detail: Detail {
                hostname: name.into(),
                ..Detail::default()
            },
            revision: 1,
            reservation_id: "r-test".into(),
            created_at: Time::now(),
            updated_at: Time::now(),
            launched_at: Some(Time::now()),
            deleted_at: None,
        }
    }
}
