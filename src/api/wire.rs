//! JSON that is no single service's: shapes all of them share, and everything under `/skydeck/v1`.
//!
//! Theory: the API serializes these types, the client parses them, and the client must also parse what other
//! OpenStack clouds send. Hence the rules of all `wire` modules: ids and OpenStack's times are text; a response type
//! has a default for every field and ignores fields it does not know; a request type demands what the API demands;
//! what may be left out of an update is an `Option`, and where `null` means something of its own, an
//! `Option<Option<T>>` read by [`present`]. Skydeck's own types write times as integers, [`crate::ids::Time`].
//!
//! Invariant: no type here knows a store, a router or a socket.

mod decision;
mod error;
mod event;
mod migration;
mod moves;
mod operation;
mod record;
mod service;
mod shape;
mod version;

pub use decision::*;
pub use error::*;
pub use event::*;
pub use migration::*;
pub use moves::*;
pub use operation::*;
pub use record::*;
pub use service::*;
pub use shape::*;
pub use version::*;
