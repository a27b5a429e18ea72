//! The part of the node that has the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::agent::Node;
use crate::bus::Fault;
use crate::compute::rpc::migration::{
    InstanceMigrate, InstanceMigrateAbort, InstanceMigrateForce, MigrationReport,
};
use crate::hypervisor::migration::MigrationEnd;
use crate::ids::OperationId;

/// Moves the guest and tells how far that is, a few times a second.
pub async fn migrate(
    node: Arc<Node>,
    request: InstanceMigrate,
    operation: Option<OperationId>,
) -> Result<MigrationEnd, Fault> {
    let told = AtomicU64::new(u64::MAX);
    let tell = |progress: crate::hypervisor::migration::MigrationProgress| {
        let Some(operation) = operation else { return };
        let (done, total) = progress.bytes();
        if told.swap(done, Ordering::Relaxed) == done {
            return;
        }
        node.progress(Some(operation), "transfer", done, Some(total), "bytes");
        let bus = node.bus.clone();
        tokio::spawn(async move {
            let report = MigrationReport {
                operation,
                progress,
            };
            // The next report says more.
            let _ = bus.cast(&report).await;
        });
    };
    Ok(node
        .hypervisor
        .migrate(request.id, &request.order, request.begin, &tell)
        .await?)
}

/// Breaks the move off.
pub async fn abort(
    node: Arc<Node>,
    request: InstanceMigrateAbort,
    _: Option<OperationId>,
) -> Result<bool, Fault> {
    Ok(node.hypervisor.migration_abort(request.id).await?)
}

/// Ends the move soon.
pub async fn force(
    node: Arc<Node>,
    request: InstanceMigrateForce,
    _: Option<OperationId>,
) -> Result<bool, Fault> {
    Ok(node.hypervisor.migration_force(request.id).await?)
}
