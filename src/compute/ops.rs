//! What can be done with compute's things: one operation, one file.
//!
//! Operations check what depends on the thing at hand; whether the caller's role suffices was checked by the route's
//! rule. Each change is published after its commit.

mod aggregate_create;
mod aggregate_delete;
mod aggregate_host;
mod aggregate_list;
mod aggregate_update;
mod claim;
mod decision;
mod flavor_access;
mod flavor_create;
mod flavor_delete;
mod flavor_list;
mod flavor_update;
mod host_delete;
mod host_fence;
mod host_list;
mod host_report;
mod host_update;
mod host_watch;
mod keypair_create;
mod keypair_delete;
mod keypair_list;
mod metadata_show;
mod moves_plan;
mod moves_roll_back;
mod moves_run;
mod node_add;
mod node_join;
mod node_remove;
mod place;
mod server;
mod server_group_create;
mod server_group_delete;
mod server_group_join;
mod server_group_list;
mod start;

pub use aggregate_create::aggregate_create;
pub use aggregate_delete::aggregate_delete;
pub use aggregate_host::{aggregate_host_add, aggregate_host_remove};
pub use aggregate_list::{INTERNAL_ZONE, aggregate_list, aggregate_show, host_zone, zone_list};
pub use aggregate_update::{aggregate_metadata_set, aggregate_update};
pub use claim::{
    ClaimOutcome, claim_find_on_conn, claim_on_conn, claim_release_on_conn,
    claim_release_server_on_conn, claim_settle_on_conn, claimed_of_project, claims_of_host,
    claims_of_server,
};
pub use decision::{DecisionRecord, decision_list, decision_prune};
pub use flavor_access::{flavor_access_add, flavor_access_list, flavor_access_remove};
pub use flavor_create::flavor_create;
pub use flavor_delete::flavor_delete;
pub use flavor_list::{flavor_list, flavor_show};
pub use flavor_update::{flavor_describe, flavor_extra_spec_delete, flavor_extra_specs_set};
pub use host_delete::{control_delete, host_delete};
pub use host_fence::{host_fence, hosts_fence};
pub use host_list::{
    HostRoom, allocation_ratios, control_list, host_addresses_on_conn, host_find, host_is_fenced,
    host_is_up, host_list, host_physical_networks_on_conn, host_rooms, host_show,
    host_sites_on_conn, hosts_are_heard,
};
pub use host_report::{HostNews, control_leave, control_report, host_report};
pub use host_update::{HostDecision, host_build_result, host_update};
pub use host_watch::hosts_watch;
pub use keypair_create::keypair_create;
pub use keypair_delete::keypair_delete;
pub use keypair_list::{keypair_count, keypair_list, keypair_show, keypair_show_of};
pub use metadata_show::metadata_show;
pub(in crate::compute) use moves_plan::drain as moves_drain;
pub use moves_plan::{MovesPlan, moves_plan};
pub use moves_roll_back::moves_roll_back;
pub(in crate::compute) use moves_run::decision as moves_decision;
pub use moves_run::{
    MOST_AT_ONCE, MovesRun, moves_list, moves_pause, moves_retry, moves_run, moves_show,
};
#[cfg(test)]
pub(in crate::compute) use node_add::hash as token_hash;
pub use node_add::{Invitation, node_add};
pub use node_join::{Welcome, node_join};
pub use node_remove::node_remove;
pub use place::{PlaceOrder, Placement, place, place_plan, place_plans};
pub use server::*;
pub use server_group_create::server_group_create;
pub use server_group_delete::server_group_delete;
pub use server_group_list::{server_group_list, server_group_of, server_group_show};
pub use start::compute_start;

#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod resource_tests;
#[cfg(test)]
mod rush_tests;
