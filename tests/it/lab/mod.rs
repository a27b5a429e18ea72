//! What integration tests stand on.
//!
//! - [`machine::Machine`]: a private machine in namespaces, with a libvirtd, network and file places of its own. Tests
//!   run Skydeck inside it as it would run on a real one.
//! - [`rack::Rack`]: several of them on one wire, whose power can fail and whose cables can be cut.
//! - [`process::Running`]: a process inside it, with its output in a log file.
//! - [`terminal::Terminal`]: a program in a real terminal (PTY) of a given size; what is on the screen, and keys.
//! - [`broker::Broker`]: a RabbitMQ of its own; [`database`]: a MariaDB.
//! - [`guest`]: the small guest that boots in seconds.
//! - [`wait`]: waiting for a condition with a deadline; the only place that lets time pass.
//!
//! Everything is torn down by `Drop`, and also when the test process is killed.

pub mod broker;
pub mod database;
pub mod guest;
pub mod keeper;
pub mod machine;
pub mod process;
pub mod rack;
pub mod terminal;
pub mod wait;

mod racktest;
mod selftest;
