//! The journeys: a whole cloud on a private machine, with real guests, used as its users use it.
//!
//! - [`cloud::Cloud`]: a machine with a `skydeck server`, what one asks of it, and the proof that nothing is left over.
//! - [`guest`]: what a running guest says and shows.
//! - `api`: everything that can be done with a server, through the API.
//! - `faults`: what dies beside the control process: guests, libvirtd, and the process itself while nothing is under way.
//! - `crash`: the control process dies at each step of each operation, and the next one finishes or undoes it.
//! - `node`: a compute node by itself, over RabbitMQ.
//! - `join`: a node on another machine, which shares no file with the control process.
//! - `stock`: the stock command line.
//! - `web_image`: an image that the cloud fetches by itself.
//! - `console`: the console in a terminal.

pub mod cloud;
pub mod guest;

mod api;
mod clean;
mod console;
#[cfg(feature = "failpoints")]
mod crash;
mod faults;
mod join;
mod node;
mod stock;
mod web_image;
