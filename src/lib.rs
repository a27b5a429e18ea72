//! Skydeck: a whole private cloud in one binary.
pub mod agent;
pub mod api;
pub mod bus;
pub mod compute;
pub mod config;
pub mod context;
pub mod db;
pub mod error;
pub mod hypervisor;
pub mod identity;
pub mod ids;
pub mod image;
pub mod network;
pub mod reconcile;
pub mod saga;
pub mod telemetry;
pub mod volume;
