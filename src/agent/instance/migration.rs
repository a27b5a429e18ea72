//! A guest's move between two nodes, as each of them does its part.

mod check;
mod destination;
mod source;

use crate::agent::MethodTable;
use crate::compute::rpc::migration::{
    InstanceMigrate, InstanceMigrateAbort, InstanceMigrateForce, MigrationCheckDestination,
    MigrationCheckSource, MigrationForget, MigrationLook, MigrationPlanDestination,
    MigrationPlanSource, MigrationPrepare, MigrationTakeOver,
};

/// Adds the methods about moves.
pub(super) fn register(table: &mut MethodTable) {
    table.add::<MigrationCheckSource, _, _>(check::check_source);
    table.add::<MigrationCheckDestination, _, _>(check::check_destination);
    table.add::<MigrationPlanSource, _, _>(check::plan_source);
    table.add::<MigrationPlanDestination, _, _>(check::plan_destination);
    table.add::<MigrationPrepare, _, _>(destination::prepare);
    table.add::<MigrationForget, _, _>(destination::forget);
    table.add::<MigrationLook, _, _>(destination::look);
    table.add::<MigrationTakeOver, _, _>(destination::take_over);
    table.add::<InstanceMigrate, _, _>(source::migrate);
    table.add::<InstanceMigrateAbort, _, _>(source::abort);
    table.add::<InstanceMigrateForce, _, _>(source::force);
}
