//! Where a server could be moved to: what the scheduler would say now, host by host, whether the host that it would choose
//! can take the guest as it runs, and how long that would take. Nothing is changed.

use super::access::visible_on_conn;
use super::migrate_live::claimed_on_conn;
use super::migration_check::{Outlook, outlook};
use super::move_order::move_order_on_conn;
use crate::compute::model::Consumer;
use crate::compute::ops::{PlaceOrder, place_plan};
use crate::compute::sagas::LiveMigrationWish;
use crate::compute::scheduler::Decision;
use crate::context::Context;
use crate::error::Result;
use crate::ids::{OperationId, ServerId};

/// A move that was only looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct MigrationPlan {
    /// What the scheduler would decide.
    pub decision: Decision,
    /// What the two nodes say of it, and what it would take; absent if no host was found.
    pub outlook: Option<Outlook>,
}

/// What would become of a move of the server, if it had to leave its host now. Whether its state lets it be moved is not
/// asked.
pub async fn server_migrate_plan(
    cx: &Context,
    id: ServerId,
    wish: &LiveMigrationWish,
) -> Result<MigrationPlan> {
    let mut conn = cx.db.read().await?;
    let server = visible_on_conn(&mut conn, cx, id).await?;
    let resources = claimed_on_conn(&mut conn, &server).await?;
    // In the name of an operation that will never be: what it has where it is does not count there.
    let consumer = Consumer::Operation(OperationId::new());
    let order = PlaceOrder {
        host: wish.host.clone(),
        excluded: server.host.clone().into_iter().collect(),
        ..move_order_on_conn(&mut conn, &server, consumer, resources).await?
    };
    drop(conn);
    let decision = place_plan(cx, &order).await?;
    let outlook = match &decision.chosen {
        Some(host) => Some(outlook(cx, &server, host, wish.block).await?),
        None => None,
    };
    Ok(MigrationPlan { decision, outlook })
}
