//! The cloud of the integration tests, for measuring.

#[path = "../../tests/it/journey/clean.rs"]
mod clean;
#[path = "../../tests/it/journey/cloud.rs"]
pub mod cloud;
#[path = "../../tests/it/journey/rack.rs"]
pub mod rack;
