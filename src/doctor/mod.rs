//! The doctor: what the database says against what hosts really have.
//!
//! Hosts mend most by themselves, level-triggered: an agent compares its bridges, tunnels, namespaces, DHCP servers and packet
//! filter with what it was told every few seconds ([`crate::agent::network`]), and control processes compare guests with
//! servers at each report ([`crate::compute::reconcile`]). What is left is what nobody may decide alone: a guest that no
//! server has, files of a server that is elsewhere. And an operator wants to see both: what differs now, and what was mended
//! meanwhile, for somebody must have broken it.
//!
//! [`ops::examine`] asks all hosts at once what they find ([`rpc::HostExamine`]); a host compares what it was told with
//! what it has, and changes nothing. [`ops::judge`] turns the answers and what the database knows into [`model::Finding`]s;
//! it is pure. [`ops::treat`] does what a finding proposes, after it has examined the host once more: what is not so any more is
//! not treated.
//!
//! Invariant: nothing is removed of a server that is at that host by the database, or that an operation works on.

pub mod model;
pub mod ops;
pub mod rpc;
pub mod wire;

mod api;

pub use api::routes;
