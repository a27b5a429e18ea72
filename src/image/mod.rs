//! Images: bytes that servers boot from.
pub mod rpc;
pub mod wire;
