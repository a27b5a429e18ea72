//! What a node measured, as it is sent to control processes. Lossy: a batch that nobody takes is forgotten.

use serde::{Deserialize, Serialize};

use super::meters::METERS;
use crate::bus::Message;
use crate::compute::rpc::CONDUCTOR;
use crate::ids::{ServerId, Time};

/// Values in the order of [`crate::telemetry::wire::Meter::ALL`]; absent where nothing is known.
pub type Values = [Option<f32>; METERS];

/// A node and its guests at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SampleReport {
    /// The node.
    pub host: String,
    /// When, by its clock.
    pub at: Time,
    /// The node itself.
    pub values: Values,
    /// Its memory in MiB.
    pub memory_total_mb: f32,
    /// Its guests.
    pub servers: Vec<ServerSample>,
}

/// One guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerSample {
    /// The guest.
    pub id: ServerId,
    /// Its values.
    pub values: Values,
    /// MiB of memory it has been given.
    pub memory_total_mb: f32,
}

impl Message for SampleReport {
    const TOPIC: &'static str = CONDUCTOR;
    const METHOD: &'static str = "sample_report";
}
