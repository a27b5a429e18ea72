//! Networks, subnets, ports, and what a node must do for them.
pub mod ipam;
pub mod model;
pub mod ops;
pub mod reconcile;
mod refusal;
pub mod rpc;
mod store;
pub mod wire;
