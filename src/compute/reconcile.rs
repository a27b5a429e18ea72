//! What nodes say of their guests against what servers should be: level-triggered repair.
//!
//! Sagas change intent; what happened by itself is absorbed here, and what should not have happened is set right. Each
//! report is compared with the servers of its node as if nothing had been heard before, so a report that is lost costs an
//! interval and one that is doubled costs nothing. [`judge`] is the policy (Nova's power state sync), pure and tested as a
//! table; [`guests`] applies it; [`residue`] pays debts of nodes that did not answer; [`stuck`] finds servers in a task
//! state that nobody works on.
//!
//! Invariant: a server with an operation under way is left to it: only its power state is noted. A guest is removed only
//! if it carries the id of a server that is deleted, or that its node was asked to remove; guests that nobody knows are
//! reported and never touched.

mod guests;
mod judge;
mod residue;
pub(super) mod stuck;

use std::time::Duration;

use futures::FutureExt;

pub use guests::guest_reported;

use super::ops;
use super::rpc::HostReport;
use crate::context::Context;
use crate::error::Result;
use crate::reconcile::Periodic;

/// Takes a node's report: the node itself first, then its guests.
pub async fn host_reported(cx: &Context, report: HostReport) -> Result<()> {
    ops::host_report(cx, &report).await?;
    let Some(guests) = &report.guests else {
        // Its hypervisor does not answer: nothing is known of its guests, and nothing is assumed.
        return Ok(());
    };
    residue::pay(cx, &report.host).await?;
    guests::compare(cx, &report.host, report.seen, guests).await
}

/// Work that compute does again and again for servers.
pub fn periodic() -> Vec<Periodic> {
    vec![
        Periodic {
            name: "servers_stuck",
            every: Duration::from_secs(30),
            run: |cx| stuck::servers_stuck(cx).boxed(),
        },
        Periodic {
            name: "hosts_fence",
            every: Duration::from_secs(2),
            run: |cx| ops::hosts_fence(cx).boxed(),
        },
        Periodic {
            name: "servers_prune",
            every: Duration::from_secs(3600),
            run: |cx| {
                async move {
                    ops::migration_prune(cx, cx.config.operations.keep_days).await?;
                    let gone = ops::server_prune(cx, cx.config.operations.keep_days).await?;
                    if gone > 0 {
                        tracing::info!(gone, "records of deleted servers were forgotten");
                    }
                    Ok(())
                }
                .boxed()
            },
        },
    ]
}
