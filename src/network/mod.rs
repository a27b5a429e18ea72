//! Networks, subnets, ports, and what a node must do for them.
mod api;
pub mod ipam;
pub mod model;
pub mod names;
pub mod ops;
pub mod ovn;
pub mod placement;
pub mod reconcile;
mod refusal;
pub mod rpc;
mod store;
pub mod trace;
pub mod wire;

use std::time::Duration;

use futures::FutureExt;

pub use api::routes;

use crate::reconcile::Periodic;

/// Recurring work: DHCP and routers get their places; nodes are told what they shall have, if something changed or they
/// forgot.
pub fn periodic() -> Vec<Periodic> {
    vec![
        Periodic {
            name: "network_services",
            every: Duration::from_secs(2),
            run: |cx| ops::services_place(cx).boxed(),
        },
        Periodic {
            name: "network_nodes",
            every: Duration::from_secs(1),
            run: |cx| reconcile::round(cx).boxed(),
        },
        Periodic {
            name: "network_ports",
            every: Duration::from_secs(2),
            run: |cx| ops::ports_follow(cx).boxed(),
        },
    ]
}
