//! Volumes: disks that outlive servers.
pub mod rpc;
pub mod wire;
