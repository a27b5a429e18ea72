//! What servers and hosts use: samples, roll-ups and statistics.
pub mod wire;
