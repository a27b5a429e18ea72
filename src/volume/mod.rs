//! Volumes: disks that outlive servers.
//!
//! A volume is a row and a file on one node. The row says what is intended ([`model::VolumeStatus`] is the one table of
//! what may follow what), the node makes it so; a node's report of its files is compared with the rows and never acted on
//! against them: **a file is removed only when its row says deleted.**
pub mod api;
pub mod model;
pub mod ops;
pub mod reconcile;
pub mod rpc;
pub mod sagas;
mod store;
pub mod wire;
