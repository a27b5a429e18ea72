//! Servers and what they need: flavors, key pairs, hosts, and the scheduler that brings the two together.
pub mod model;
pub mod rpc;
pub mod wire;
