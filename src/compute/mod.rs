//! Servers and what they need: flavors, key pairs, hosts, and the scheduler that brings the two together.
mod api;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod scheduler;
mod store;
pub mod wire;

pub use api::routes;
