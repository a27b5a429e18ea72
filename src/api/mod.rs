//! The REST API: OpenStack's paths for each service, and Skydeck's own under `/skydeck/v1`.
pub mod wire;
