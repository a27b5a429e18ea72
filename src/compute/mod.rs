//! Servers and what they need: flavors, key pairs, hosts, and the scheduler that brings the two together.
mod api;
pub mod conductor;
mod config_drive;
mod metadata;
pub mod model;
pub mod ops;
mod picks;
pub mod reconcile;
pub mod rpc;
pub mod sagas;
pub mod scheduler;
mod store;
#[cfg(test)]
mod tests;
pub mod wire;

pub use api::routes;
pub use picks::{Mark, Pick, Picks};
