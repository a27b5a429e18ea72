//! Samples of servers and hosts: live, rolled up, and asked for.
//!
//! Nodes measure and compute rates where the counters are ([`crate::agent::sampling`]); a batch per node and interval
//! comes over the bus and is lossy by design. Here the newest minute of every server and host is kept in memory
//! ([`Meters`]) and written as one compact [`chunk::Chunk`] per resource and minute; a minute's values are derived from
//! its sixty seconds, an hour's from its sixty minutes, always from what is stored, so that a restart in the middle
//! loses at most the seconds since the last flush and never counts anything twice.
//!
//! A gap is a gap: what nobody measured is neither zero nor filled in.

pub mod chunk;
mod meters;
pub mod ops;
pub mod rpc;
mod store;
pub mod wire;

mod api;

pub use api::routes;
pub use meters::{METERS, Meters, Sample};
pub use ops::{own, periodic, record};
