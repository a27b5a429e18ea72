//! Volumes: disks that outlive servers.
pub mod rpc;
