//! A compute node: makes guests, their disks and their network what control processes ask for, and reports what is.
//!
//! An agent speaks to control processes by the bus only; it has no database. What a guest should be is kept in the
//! guest's own definition, so an agent that restarts knows what it runs without asking. Every request may come twice:
//! repeats of one operation get the first answer ([`crate::bus::dedupe`]), and what is asked for is compared with what is
//! there, so that doing it again changes nothing. What comes when somebody else has had the resource since is refused
//! ([`turns`]).
//!
//! [`Node`] is what requests work on; [`table`] says which function answers which method; [`instance`], [`network`],
//! [`volume`] and [`image_cache`] do the work; [`report`] tells the control plane.

mod examine;
pub mod image_cache;
pub mod instance;
mod monitor;
pub mod network;
mod node;
mod qemu_img;
mod report;
mod sampling;
mod table;
mod turns;
mod uptime;
pub mod volume;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

pub use monitor::Whereabouts;
pub use node::{MigrationDoor, Node, NodeError, Places};
pub use table::MethodTable;

use crate::bus::Bus;
use crate::bus::Serving;
use crate::compute::rpc::COMPUTE;
use crate::volume::rpc::VOLUME;

/// How often a node speaks by itself.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between whole reports.
    pub report: Duration,
    /// Between samples.
    pub sample: Duration,
}

/// A running agent; dropping it stops serving and reporting. Guests go on.
pub struct Agent {
    _serving: Vec<Serving>,
    _stop: DropGuard,
}

impl Agent {
    /// Serves requests for `node` and begins to report.
    pub fn start(bus: &Bus, node: &Arc<Node>, pace: Pace) -> Self {
        let handler = Arc::new(table::standard(node.clone()));
        let stop = CancellationToken::new();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(sampling::run(node.clone(), pace.sample)),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(report::run(node.clone(), pace.report)),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(network::keep(node.clone())),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(volume::report(node.clone(), pace.report)),
        );
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(image_cache::tend(node.clone())),
        );
        Self {
            _serving: vec![
                bus.serve(COMPUTE, &node.host, handler.clone()),
                bus.serve(VOLUME, &node.host, handler),
            ],
            _stop: stop.drop_guard(),
        }
    }
}
