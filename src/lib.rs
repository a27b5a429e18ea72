//! Skydeck: a whole private cloud in one binary.
pub mod bus;
pub mod compute;
pub mod db;
pub mod hypervisor;
pub mod ids;
pub mod image;
pub mod network;
pub mod volume;
