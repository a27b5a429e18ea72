//! Nova 2.1 with its microversions, under `/compute/v2.1`, and Placement under `/placement`.
//!
//! Types have the shape of the newest microversion served ([`crate::api::wire::COMPUTE_VERSIONS`]), with the fields that
//! older ones had as well. The API builds the fullest answer and passes it through the functions of [`microversion`],
//! which are the only place that knows what an older version looks like. The client reads any version.
//!
//! Fields of administrators (`OS-EXT-SRV-ATTR:…`) are `Option`s that are left out for others. Times are
//! `2026-01-02T03:04:05Z` in servers, and with microseconds and without zone in actions, services and keypairs.

pub mod microversion;
pub mod placement;

mod action;
mod aggregate;
mod flavor;
mod host;
mod keypair;
mod limit;
mod migration;
mod node;
mod record;
mod security_group;
mod server;
mod server_create;
mod server_group;
mod volume_attachment;

pub use action::*;
pub use aggregate::*;
pub use flavor::*;
pub use host::*;
pub use keypair::*;
pub use limit::*;
pub use migration::*;
pub use node::*;
pub use record::*;
pub use security_group::*;
pub use server::*;
pub use server_create::*;
pub use server_group::*;
pub use volume_attachment::*;
