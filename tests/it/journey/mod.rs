//! The journeys: a whole cloud on a private machine, with real guests, used as its users use it.
//!
//! - [`cloud::Cloud`]: a machine with a `skydeck server`, what one asks of it, and the proof that nothing is left over.
//! - [`rack::RackCloud`]: the same on several hosts, each with its agent, over RabbitMQ.
//! - [`guest`]: what a running guest says and shows.
//! - `api`: everything that can be done with a server, through the API.
//! - `faults`: what dies beside the control process: guests, libvirtd, and the process itself while nothing is under way.
//! - `crash`: the control process dies at each step of each operation, and the next one finishes or undoes it.
//! - `newcomer`: what `make lab` opens.
//! - `node`: a compute node by itself, over RabbitMQ.
//! - `hosts`: servers on several hosts, and a host whose power fails.
//! - `migration`: running servers move between hosts, whatever dies meanwhile.
//! - `two_servers`: two control processes on one database, one of which dies in the middle of what it does.
//! - `busy`: a guest that writes its memory faster than it can be sent.
//! - `encrypted`: what a migration sends is encrypted where that is wanted.
//! - `drain`: a host is emptied and filled again.
//! - `join`: a node on another machine, which shares no file with the control process.
//! - `stock`: the stock command line.
//! - `stock_groups`: the same, for security groups, what is shared, and labels.
//! - `web_image`: an image that the cloud fetches by itself.
//! - `console`: the console in a terminal.
//! - `routers`: networks, routers and floating addresses by the stock command line.
//! - `tenants`, `allowed`: networks of tenants on three hosts, and what security groups let through.
//! - `trace`: why a connection does not pass, and what lets it.
//! - `screen`: servers are moved from the screen of a simulated fleet.

pub mod cloud;
pub mod guest;
pub mod rack;

mod allowed;
mod api;
mod busy;
mod clean;
mod console;
#[cfg(feature = "failpoints")]
mod crash;
mod doctor;
mod drain;
mod encrypted;
mod faults;
mod hosts;
mod join;
mod migration;
mod newcomer;
mod node;
#[cfg(feature = "failpoints")]
mod phases;
mod routers;
mod screen;
mod stock;
mod stock_groups;
mod stock_ipv6;
mod tenants;
mod trace;
mod two_servers;
mod web_image;
