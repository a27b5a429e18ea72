//! The networking of a node, made to be what the control plane wants.
pub mod names;
