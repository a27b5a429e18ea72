//! Networks, subnets, ports, and what a node must do for them.
pub mod rpc;
pub mod wire;
