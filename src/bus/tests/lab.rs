//! The fixtures that integration tests stand on, too.

#[path = "../../../tests/it/lab/broker.rs"]
pub mod broker;
#[path = "../../../tests/it/lab/wait.rs"]
pub mod wait;
